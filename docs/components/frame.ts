/** Brings the frame of a page to life: theme switch, search, quoted source. */
import "./source.js";
import { cycleTheme } from "./theme.js";

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement &&
  (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

async function search(): Promise<void> {
  const { openSearch } = await import("./search.js");
  await openSearch();
}

document.querySelector(".theme-switch")?.addEventListener("click", cycleTheme);
document.querySelector(".search-button")?.addEventListener("click", search);
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.metaKey || event.ctrlKey || event.altKey || event.defaultPrevented) return;
  if (isTyping(event.target) || !document.querySelector(".search-button")) return;
  event.preventDefault();
  void search();
});
