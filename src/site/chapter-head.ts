import type MarkdownIt from "markdown-it";
import { chapterAt, deckPath, partOf, type Chapter } from "../../docs/chapters.js";

function renderWays(chapter: Chapter): string {
  const ways = [
    ...(chapter.deck ? [`<a href="${deckPath(chapter)}">Lecture slides</a>`] : []),
    ...(chapter.labs ?? []).map((lab) => `<a href="${lab.page}">Lab: ${lab.title}</a>`),
  ];
  return ways.length ? `<ul class="chapter-ways">${ways.map((way) => `<li>${way}</li>`).join("")}</ul>` : "";
}

const escape = (text: string): string =>
  text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]!);

/**
 * The first `# heading` of a chapter becomes its head: part, number, title and question, which docs/chapters.ts knows;
 * and the `## headings` become the contents in the margin.
 */
export function chapterHead(md: MarkdownIt): void {
  md.core.ruler.push("chapter-head", (state) => {
    const chapter = state.env?.path?.startsWith("/chapters/") ? chapterAt(state.env.path) : undefined;
    const open = state.tokens.findIndex((token) => token.type === "heading_open" && token.tag === "h1");
    if (!chapter || open < 0) return;
    const part = partOf(chapter);
    const before = new state.Token("html_block", "", 0);
    before.content = `<header class="chapter-head"><p class="chapter-part">${
      part.numeral ? `Part ${part.numeral} · ${part.title} · ` : ""
    }<b>Chapter ${chapter.number}</b></p>\n`;
    const after = new state.Token("html_block", "", 0);
    after.content = `<p class="chapter-question">${chapter.question}</p>${renderWays(chapter)}</header>\n`;
    const sections = state.tokens.flatMap((token, at) =>
      token.type === "heading_open" && token.tag === "h2" && token.level === 0
        ? [`<li><a href="#${token.attrGet("id")}">${escape(state.tokens[at + 1].content)}</a></li>`]
        : [],
    );
    if (sections.length > 2) {
      after.content += `<nav class="chapter-contents" aria-label="In this chapter"><p>In this chapter</p><ol>${sections.join("")}</ol></nav>\n`;
    }
    state.tokens.splice(open + 3, 0, after);
    state.tokens.splice(open, 0, before);
  });
}
