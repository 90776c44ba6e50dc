import type MarkdownIt from "markdown-it";

/** What a directive is given: its words, and the path of the page that holds it. */
export type Directive = (words: readonly string[], page: string) => string;

/**
 * A line of its own reading `{{name words …}}` is replaced by the HTML that the directive `name` returns. A directive
 * that throws, and a name that nobody knows, fail the build.
 */
export function directives(md: MarkdownIt, known: Readonly<Record<string, Directive>>): void {
  md.block.ruler.before(
    "paragraph",
    "directive",
    (state, line, _end, silent) => {
      const text = state.src.slice(state.bMarks[line] + state.tShift[line], state.eMarks[line]);
      const match = /^\{\{([\w-]+)((?:\s+[^}]*)?)\}\}\s*$/.exec(text);
      if (!match) return false;
      if (silent) return true;
      const page = String(state.env?.path ?? "");
      const directive = known[match[1]];
      if (!directive)
        throw new Error(
          `${page}: there is no directive {{${match[1]}}}; known: ${Object.keys(known).join(", ")}`,
        );
      const token = state.push("html_block", "", 0);
      token.content = `${directive(match[2].split(/\s+/).filter(Boolean), page)}\n`;
      token.map = [line, line + 1];
      state.line = line + 1;
      return true;
    },
    { alt: ["paragraph"] },
  );
}
