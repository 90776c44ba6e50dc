import type MarkdownIt from "markdown-it";
import { PATTERNS } from "../../docs/components/patterns.js";

type Token = ReturnType<MarkdownIt["parse"]>[number];

interface Slide {
  /** Begins below the slide before it instead of to its right. */
  below: boolean;
  attributes: string;
  body: Token[];
  notes: Token[];
}

const ATTRIBUTES = /^<!--\s*\.slide:\s*(.*?)\s*-->\s*$/;

const emptySlide = (below: boolean): Slide => ({ below, attributes: "", body: [], notes: [] });

/** Tokens of a page to slides: `---` starts one to the right, `***` one below, `Notes:` the speaker's notes. */
function split(tokens: readonly Token[]): Slide[] {
  const slides = [emptySlide(false)];
  let inNotes = false;
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i];
    const slide = slides[slides.length - 1];
    const attributes = token.type === "html_block" ? ATTRIBUTES.exec(token.content.trim()) : null;
    if (token.type === "hr" && token.level === 0) {
      slides.push(emptySlide(token.markup.startsWith("*")));
      inNotes = false;
    } else if (attributes) {
      slide.attributes = ` ${attributes[1]}`;
    } else if (
      token.type === "paragraph_open" &&
      token.level === 0 &&
      tokens[i + 1].content.trim() === "Notes:"
    ) {
      inNotes = true;
      i += 2;
    } else {
      (inNotes ? slide.notes : slide.body).push(token);
    }
  }
  return slides;
}

/** Turns the pages under lectures/ into the nested sections that reveal.js shows. */
export function deckSections(md: MarkdownIt): void {
  md.core.ruler.push("deck", (state) => {
    if (!state.env?.path?.startsWith("/lectures/")) return;
    const html = (content: string): Token => {
      const token = new state.Token("html_block", "", 0);
      token.content = content;
      return token;
    };
    const slides = split(state.tokens);
    const rendered = slides.flatMap((slide, i) => {
      const stacks = slides[i + 1]?.below ?? false;
      const open = !slide.below && stacks ? "<section>" : "";
      const close = slide.below && !stacks ? "</section>" : "";
      const notes = slide.notes.length
        ? [html('<aside class="notes">\n'), ...slide.notes, html("</aside>\n")]
        : [];
      return [
        html(`${open}<section${slide.attributes}>\n`),
        ...slide.body,
        ...notes,
        html(`</section>${close}\n`),
      ];
    });
    state.tokens = [
      html(
        `<svg class="pattern-sheet" width="0" height="0" aria-hidden="true"><defs>${PATTERNS}</defs></svg><div class="reveal"><div class="slides">\n`,
      ),
      ...rendered,
      html("</div></div>\n"),
    ];
  });
}
