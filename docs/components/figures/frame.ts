/**
 * What every figure shares: the frame with caption, a line of what to try, a table as its text equivalent and an SVG
 * to take away; redrawing when the width changes.
 */
import { saveFile } from "./save-file.js";
import { standalone } from "./standalone-svg.js";

export interface FrameOptions {
  /** Identifies the figure: anchor and file name. */
  id: string;
  /** The finding, as a sentence; HTML is not interpreted. */
  caption: string;
  /** One line of what to try; left out in still figures. */
  attempt?: string;
  /** Breaks out of the text column. */
  wide?: boolean;
}

export interface Table {
  /** Says what the table holds, for whoever cannot see the figure. */
  title: string;
  columns: { name: string; number?: boolean }[];
  rows: (string | number)[][];
}

export interface Frame {
  element: HTMLElement;
  /** The drawing goes here. */
  body: HTMLElement;
  /** Gives the table its present content; it is built when the reader opens it. */
  setTable(table: () => Table): void;
}

export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Record<string, string> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

export function frame({ id, caption, attempt, wide }: FrameOptions): Frame {
  const body = element("div", { class: "figure-body" });
  const tableBody = element("div", {
    class: "figure-table",
    tabindex: "0",
    role: "region",
    "aria-label": "Table",
  });
  const table = element(
    "details",
    { class: "figure-details" },
    element("summary", {}, "As a table"),
    tableBody,
  );
  const save = element(
    "button",
    { type: "button", class: "quiet-button figure-save", title: "Save this figure as it is now" },
    "Save SVG",
  );
  save.addEventListener("click", () => {
    const svg = body.querySelector("svg");
    if (svg) saveFile(`${id}.svg`, "image/svg+xml", standalone(svg));
  });
  const made = element("figure", { id, class: wide ? "figure wide" : "figure" }, body);
  made.append(captionElement(caption));
  if (attempt) made.append(element("p", { class: "try" }, attempt));
  made.append(element("div", { class: "figure-tools" }, table, save));
  let content: (() => Table) | null = null;
  const fill = (): void => {
    if (table.open && content) tableBody.replaceChildren(htmlTable(content()));
  };
  table.addEventListener("toggle", fill);
  return {
    element: made,
    body,
    setTable(next) {
      content = next;
      fill();
    },
  };
}

/** The first sentence is the finding. */
function captionElement(caption: string): HTMLElement {
  const end = caption.search(/[.?](\s|$)/) + 1;
  const finding = end === 0 ? caption : caption.slice(0, end);
  return element("figcaption", {}, element("strong", {}, finding), caption.slice(finding.length));
}

export function htmlTable({ title, columns, rows }: Table): HTMLTableElement {
  const head = element("tr");
  for (const column of columns) {
    head.append(element("th", { scope: "col", ...(column.number ? { class: "number" } : {}) }, column.name));
  }
  const body = element("tbody");
  for (const row of rows) {
    const line = element("tr");
    row.forEach((cell, index) => {
      const attributes: Record<string, string> = columns[index]?.number ? { class: "number" } : {};
      line.append(
        index === 0 ? element("th", { scope: "row" }, String(cell)) : element("td", attributes, String(cell)),
      );
    });
    body.append(line);
  }
  return element("table", {}, element("caption", {}, title), element("thead", {}, head), body);
}

/** Calls `draw` with the width of `host` now and whenever it changes; ends when the host leaves the page. */
export function onWidth(host: HTMLElement, draw: (width: number) => void): void {
  let last = 0;
  const observer = new ResizeObserver(([entry]) => {
    const width = Math.floor(entry.contentRect.width);
    if (width === 0 || width === last) return;
    last = width;
    draw(width);
  });
  observer.observe(host);
}

/** How much larger than in the book figures are set: slides are read from the last row. */
export function figureScale(host: HTMLElement): number {
  return Number(getComputedStyle(host).getPropertyValue("--figure-scale")) || 1;
}

/** True where the reader asked for less motion. */
export function still(): boolean {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}
