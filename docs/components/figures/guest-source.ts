/** The guest's program as written, with the instruction that runs next marked. */
import { lineAt, type GuestListing } from "../../lib/guests/listing.js";
import type { Ring } from "../../lib/experiments/view.js";
import { ringToken } from "./format.js";
import { element } from "./frame.js";

export interface GuestSource {
  element: HTMLElement;
  /** Name of the source that is shown. */
  readonly shown: string;
  /**
   * @param listing - of the program that the machine runs
   * @param rip - linear address of the next instruction; null before the start
   */
  update(listing: GuestListing, rip: bigint | null, ring: Ring): void;
}

/** @param tools - what stands below the program */
export function guestSource(...tools: HTMLElement[]): GuestSource {
  const title = element("p", { class: "pane-title" });
  const screen = element("pre", {
    class: "guest-source",
    tabindex: "0",
    role: "region",
    "aria-label": "Program of the guest",
  });
  let program: GuestListing | null = null;
  let shown = "";
  let lines: HTMLElement[] = [];
  let marked: HTMLElement | null = null;

  const open = (listing: GuestListing, name: string): void => {
    if (name === shown && listing === program) return;
    program = listing;
    shown = name;
    marked = null;
    const text = listing.sources.find((source) => source.name === name)?.text ?? "";
    lines = text.split("\n").map((line, index) => sourceLine(index + 1, line));
    screen.replaceChildren(...lines);
    screen.scrollTop = 0;
  };
  return {
    element: element("div", { class: "guest-program" }, title, screen, ...tools),
    get shown() {
      return shown;
    },
    update(listing, rip, ring) {
      const found = rip === null ? undefined : lineAt(listing, Number(BigInt.asUintN(53, rip)));
      open(listing, found?.source.name ?? (shown || entryOf(listing)));
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

/** The source that a reader should begin with. */
function entryOf({ sources }: GuestListing): string {
  return (sources.find(({ text }) => /^main:/m.test(text)) ?? sources[0]).name;
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
