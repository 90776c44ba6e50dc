import { APPENDICES, CHAPTERS, chapterAt, chapterPath, type Chapter } from "../../docs/chapters.js";
import { PATTERNS } from "../../docs/components/patterns.js";
import { relativeTo } from "./paths.js";

/** Drawn nowhere, referred to by every figure. Decks carry their own. */
const PATTERN_SHEET = `<svg class="pattern-sheet" width="0" height="0" aria-hidden="true"><defs>${PATTERNS}</defs></svg>`;

/** What Framework hands to the head, header and footer functions of its configuration. */
interface PageInfo {
  title: string | null;
  path: string;
}

const isDeck = (path: string): boolean => path.startsWith("/lectures/");

/** Runs before the first paint, so that a reader's choice of theme never flashes. */
const THEME_SCRIPT = `{
const root = document.documentElement;
root.lang = "en";
try {
  const theme = localStorage.getItem("ring1:theme");
  if (theme === "light" || theme === "dark") root.dataset.theme = theme;
} catch {}
}`;

/** The mark: three rings open at the lower left, and a solid one inside them all. */
export const MARK = `<svg viewBox="0 0 24 24" aria-hidden="true"><g fill="none" stroke-width="2.2"><circle cx="12" cy="12" r="10.6" stroke="var(--ring-3)"/><circle cx="12" cy="12" r="6.9" stroke="var(--ring-0)"/></g><circle cx="12" cy="12" r="3.7" fill="var(--ring-hv)"/></svg>`;

export function renderHead({ path }: PageInfo): string {
  return `<script>${THEME_SCRIPT}</script>
<link rel="stylesheet" href="/components/generated/fonts.css">
<link rel="icon" href="/style/icon.svg" type="image/svg+xml">
<meta name="description" content="An interactive notebook about hardware-assisted hypervisors: a simulated x86-64 machine with VT-x in the page, and a hypervisor to read, run and rewrite.">
<script type="module" src="/components/${isDeck(path) ? "deck" : "frame"}.js"></script>`;
}

const icon = (paths: string): string => `<svg viewBox="0 0 16 16" aria-hidden="true">${paths}</svg>`;

const SUN = icon(
  `<circle cx="8" cy="8" r="3"/><path d="M8 1v1.6M8 13.4V15M1 8h1.6M13.4 8H15M3 3l1.2 1.2M11.8 11.8 13 13M3 13l1.2-1.2M11.8 4.2 13 3"/>`,
);
const MOON = icon(`<path d="M13.5 9.6A6 6 0 1 1 6.4 2.5a5 5 0 0 0 7.1 7.1Z"/>`);
const HALF = icon(`<circle cx="8" cy="8" r="6"/><path d="M8 2a6 6 0 0 1 0 12Z" fill="currentColor"/>`);
const LENS = icon(`<circle cx="7" cy="7" r="4.5"/><path d="m10.5 10.5 4 4"/>`);

export function renderHeader({ title, path }: PageInfo): string | null {
  if (isDeck(path)) return null;
  const chapter = chapterAt(path);
  const running = chapter ? `${chapter.number}. ${chapter.title}` : path === "/index" ? "" : (title ?? "");
  return `${PATTERN_SHEET}<div class="running-head">
<a class="wordmark" href="/index">${MARK}<span>Ring −1</span></a>
${running && `<span class="running-title">${running}</span>`}
<div class="running-tools">
<button class="quiet-button search-button" type="button" title="Search (/)" aria-keyshortcuts="/">${LENS}<span class="label">Search</span><kbd>/</kbd></button>
<button class="quiet-button theme-switch" type="button" title="Theme: as the system says, light, or dark"><span data-shows="auto">${HALF}<span class="visually-hidden">Theme: automatic</span></span><span data-shows="light">${SUN}<span class="visually-hidden">Theme: light</span></span><span data-shows="dark">${MOON}<span class="visually-hidden">Theme: dark</span></span></button>
</div>
</div>`;
}

function renderPagerLink(chapter: Chapter | undefined, word: string): string {
  if (!chapter)
    return `<a href="/index">${word === "Next" ? "All" : "Cover and"} chapters<b>Contents</b></a>`;
  const label = `${chapter.number}. ${chapter.title}`;
  if (!chapter.slug) return `<span>${word}, in preparation<b>${label}</b></span>`;
  return `<a href="${chapterPath(chapter)}" rel="${word === "Next" ? "next" : "prev"}">${word}<b>${label}</b></a>`;
}

function renderPager(chapter: Chapter): string {
  const at = CHAPTERS.indexOf(chapter);
  return `<nav class="pager" aria-label="Chapters">${renderPagerLink(CHAPTERS[at - 1], "Previous")}${renderPagerLink(CHAPTERS[at + 1], "Next")}</nav>`;
}

export function renderFooter({ path }: PageInfo): string | null {
  if (isDeck(path)) return null;
  const chapter = chapterAt(path);
  const api = APPENDICES.find((appendix) => appendix.path?.startsWith("/api/"))!;
  return `${chapter ? renderPager(chapter) : ""}<p class="colophon"><a href="/index">Contents</a> · <a href="${relativeTo(path, api.path!)}" rel="external">${api.title}</a> · Set in Source Serif, Source Sans and IBM Plex Mono. MIT licence; nothing you type here leaves your browser.</p>`;
}
