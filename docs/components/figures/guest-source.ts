/** The guest's program as written, with the instruction that runs next marked. */
import { lineAt, type GuestListing } from "../../lib/guests/listing.js";
import type { Ring } from "../../lib/experiments/view.js";
import { ringToken } from "./format.js";
import { element } from "./frame.js";

export interface GuestSource {
  element: HTMLElement;
  /** @param rip - linear address of the next instruction; null before the start */
  update(rip: bigint | null, ring: Ring): void;
}

export function guestSource(listing: GuestListing): GuestSource {
  const title = element("p", { class: "pane-title" });
  const screen = element("pre", {
    class: "guest-source",
    tabindex: "0",
    role: "region",
    "aria-label": "Program of the guest",
  });
  let shown: string | null = null;
  let lines: HTMLElement[] = [];
  let marked: HTMLElement | null = null;

  const open = (name: string): void => {
    if (name === shown) return;
    shown = name;
    marked = null;
    const text = listing.sources.find((source) => source.name === name)?.text ?? "";
    lines = text.split("\n").map((line, index) => sourceLine(index + 1, line));
    screen.replaceChildren(...lines);
    screen.scrollTop = 0;
  };
  const entry = listing.sources.find((source) => /^main:/m.test(source.text)) ?? listing.sources[0];

  return {
    element: element("div", { class: "guest-program" }, title, screen),
    update(rip, ring) {
      const found = rip === null ? undefined : lineAt(listing, Number(BigInt.asUintN(53, rip)));
      open(found?.source.name ?? shown ?? entry.name);
      title.textContent =
        found || rip === null ? `Its program, ${shown}` : "Its program (not in any line of it now)";
      screen.dataset.layer = ringToken(ring === -1 ? 0 : ring);
      marked?.classList.remove("here");
      marked?.removeAttribute("aria-current");
      marked = found ? lines[found.line - 1] : null;
      if (!marked) return;
      marked.classList.add("here");
      marked.setAttribute("aria-current", "true");
      const middle = marked.offsetTop - screen.clientHeight / 2;
      if (Math.abs(screen.scrollTop - middle) > screen.clientHeight / 3) screen.scrollTop = middle;
    },
  };
}

function sourceLine(number: number, text: string): HTMLElement {
  const at = commentStart(text);
  return element(
    "span",
    { class: "source-line" },
    element("span", { class: "source-number" }, String(number)),
    text.slice(0, at),
    ...(at < text.length ? [element("span", { class: "hljs-comment" }, text.slice(at))] : []),
    "\n",
  );
}

/** Index of the comment's `#`, outside quotes; the length of the line where it has none. */
function commentStart(line: string): number {
  let quote = "";
  for (let i = 0; i < line.length; i++) {
    if (quote !== "") {
      if (line[i] === "\\") i++;
      else if (line[i] === quote) quote = "";
    } else if (line[i] === '"' || line[i] === "'") quote = line[i];
    else if (line[i] === "#") return i;
  }
  return line.length;
}
