/** VM exits by reason: how many, and what they took. */
import type { ExitCount } from "../../lib/experiments/view.js";
import { count, exitLabel, percent } from "./format.js";
import { element } from "./frame.js";

export interface ExitTable {
  element: HTMLElement;
  update(exits: readonly ExitCount[], cyclesSoFar: number): void;
}

export function exitTable(): ExitTable {
  const body = element("tbody");
  const foot = element("tfoot");
  const head = element("tr");
  for (const name of ["Reason", "No.", "Exits", "Cycles", "Cycles per exit", "Share of all cycles"]) {
    head.append(element("th", { scope: "col", ...(name === "Reason" ? {} : { class: "number" }) }, name));
  }
  const table = element("table", {}, element("thead", {}, head), body, foot);
  return {
    element: element(
      "div",
      { class: "exit-table", role: "region", "aria-label": "VM exits by reason", tabindex: "0" },
      table,
    ),
    update(exits, cyclesSoFar) {
      const rows = [...exits].sort((a, b) => b.cycles - a.cycles || a.reason - b.reason);
      body.replaceChildren(
        ...rows.map((row) => line(exitLabel(row.reason), row.reason, row.count, row.cycles, cyclesSoFar)),
      );
      if (rows.length === 0) {
        body.append(element("tr", {}, element("td", { colspan: "6", class: "empty" }, "No exit yet.")));
      }
      const sum = (of: (row: ExitCount) => number): number => rows.reduce((total, row) => total + of(row), 0);
      foot.replaceChildren(
        ...(rows.length > 1
          ? [
              line(
                "All",
                null,
                sum((row) => row.count),
                sum((row) => row.cycles),
                cyclesSoFar,
              ),
            ]
          : []),
      );
    },
  };
}

function line(
  name: string,
  reason: number | null,
  exits: number,
  cycles: number,
  whole: number,
): HTMLElement {
  const row = element("tr", {}, element("th", { scope: "row" }, name));
  const cells = [
    reason === null ? "" : String(reason),
    count(exits),
    count(cycles),
    exits > 0 ? count(cycles / exits) : "–",
    percent(cycles, whole),
  ];
  row.append(...cells.map((cell) => element("td", { class: "number" }, cell)));
  const share = row.lastElementChild as HTMLElement;
  share.style.setProperty("--share", String(whole > 0 ? cycles / whole : 0));
  share.classList.add("share");
  return row;
}
