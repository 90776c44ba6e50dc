import { LABS, WRITTEN, chapterPath } from "./docs/chapters.js";
import { renderFooter, renderHead, renderHeader } from "./src/site/frame.js";
import { markdownExtensions } from "./src/site/markdown.js";
import { searchEntries } from "./src/site/search-entries.js";

process.env.OBSERVABLE_TELEMETRY_DISABLE = "1";

export default {
  root: "docs",
  output: "dist",
  title: "Ring −1",
  style: "style/book.css",
  globalStylesheets: [],
  preserveExtension: true,
  preserveIndex: true,
  sidebar: false,
  toc: false,
  pager: false,
  pages: [
    ...WRITTEN.map((chapter) => ({ name: chapter.title, path: chapterPath(chapter) })),
    ...LABS.map(({ title, page }) => ({ name: title, path: page })),
    { name: "The processor: what is there, and how it is tested", path: "/appendices/processor" },
    { name: "What the lock-step found", path: "/appendices/lockstep" },
    { name: "For authors", path: "/appendices/authors" },
  ],
  head: renderHead,
  header: renderHeader,
  footer: renderFooter,
  typographer: false,
  search: { index: searchEntries },
  markdownIt: markdownExtensions,
};
