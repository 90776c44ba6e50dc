import { readFileSync } from "node:fs";
import path from "node:path";
import type MarkdownIt from "markdown-it";
import { chapterHead } from "./chapter-head.js";
import { renderContents } from "./contents.js";
import { deckSections } from "./deck.js";
import { directives } from "./directives.js";
import { renderLabStatement } from "./lab-statement.js";
import { DOCS } from "./paths.js";
import { renderQuote } from "./quote.js";

/** What our Markdown has beyond Framework's. */
export function markdownExtensions(md: MarkdownIt): MarkdownIt {
  directives(md, {
    contents: (_words, page) => renderContents(page),
    "lab-statement": renderLabStatement,
    quote: renderQuote,
    svg: ([file]) => readFileSync(path.join(DOCS, file), "utf8"),
  });
  chapterHead(md);
  deckSections(md);
  return md;
}
