import {
  APPENDICES,
  PARTS,
  chapterPath,
  deckPath,
  type Appendix,
  type Chapter,
} from "../../docs/chapters.js";
import { relativeTo } from "./paths.js";

function renderChapter(chapter: Chapter): string {
  const question = `<span class="contents-question">${chapter.question}</span>`;
  const number = chapter.number <= 24 ? String(chapter.number) : "";
  const links = [
    ...(chapter.deck ? [`<a href="${deckPath(chapter)}">slides</a>`] : []),
    ...(chapter.labs ?? []).map((lab) => `<a href="${lab.page}">lab: ${lab.title}</a>`),
  ];
  const ways = `<span class="contents-ways">${links.join(" ")}</span>`;
  if (!chapter.slug) {
    return `<li class="planned"><span class="contents-number">${number}</span><span class="contents-title">${chapter.title}</span>${question}${links.length > 0 ? ways : ""}<span class="visually-hidden">in preparation</span></li>`;
  }
  return `<li><span class="contents-number">${number}</span><a class="contents-title" href="${chapterPath(chapter)}">${chapter.title}</a>${question}${ways}</li>`;
}

function renderAppendix({ title, about, path }: Appendix, page: string): string {
  const external = path?.startsWith("/api/");
  const name = path
    ? `<a class="contents-title" href="${external ? relativeTo(page, path) : path}"${external ? ' rel="external"' : ""}>${title}</a>`
    : `<span class="contents-title">${title}</span>`;
  const state = path ? "" : '<span class="visually-hidden">in preparation</span>';
  return `<li${path ? "" : ' class="planned"'}><span class="contents-number"></span>${name}<span class="contents-question">${about}</span>${state}</li>`;
}

/** The chapter list of the cover. */
export function renderContents(page: string): string {
  const parts = PARTS.map((part) => {
    const id = part.numeral ? `part-${part.numeral.toLowerCase()}` : "capstone";
    return `<section aria-labelledby="${id}"><h2 id="${id}">${part.numeral ? `<span>Part ${part.numeral}</span> ` : ""}${part.title}</h2><ol>${part.chapters.map(renderChapter).join("")}</ol></section>`;
  });
  const appendices = `<section aria-labelledby="appendices"><h2 id="appendices">Appendices</h2><ol>${APPENDICES.map((appendix) => renderAppendix(appendix, page)).join("")}</ol></section>`;
  return `<div class="contents"><p class="contents-note">Chapters in grey are in preparation.</p>${parts.join("")}${appendices}</div>`;
}
