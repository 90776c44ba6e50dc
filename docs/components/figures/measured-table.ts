/** The same measured program in several ways to run it, as a table: one row an operation, one column a way. */
import { count } from "./format.js";
import { element } from "./frame.js";
import { measuredCycles } from "./measured-rows.js";

export interface MeasuredTable {
  element: HTMLElement;
  /** What the program has printed in each way, in the order of the columns. */
  update(consoles: readonly string[]): void;
}

/**
 * @param operations - name in the program's lines, and in words
 * @param ways - heads of the columns
 */
export function measuredTable(
  caption: string,
  operations: readonly (readonly [name: string, words: string])[],
  ways: readonly string[],
): MeasuredTable {
  const body = element("tbody");
  const head = element(
    "tr",
    {},
    element("th", { scope: "col" }, "Cycles a round"),
    ...ways.map((way) => element("th", { scope: "col", class: "number" }, way)),
  );
  const update = (consoles: readonly string[]): void => {
    const measured = consoles.map(measuredCycles);
    body.replaceChildren(
      ...operations.map(([name, words]) => {
        const values = measured.map((cycles) => cycles.get(name));
        const least = Math.min(...values.map((value) => value ?? Infinity));
        return element(
          "tr",
          {},
          element("th", { scope: "row" }, words),
          ...values.map((value) =>
            element(
              "td",
              {
                class: value === least && values.some((other) => other !== least) ? "number least" : "number",
              },
              value === undefined ? "–" : count(value),
            ),
          ),
        );
      }),
    );
  };
  update(ways.map(() => ""));
  return {
    element: element(
      "table",
      { class: "measured-table" },
      element("caption", {}, caption),
      element("thead", {}, head),
      body,
    ),
    update,
  };
}
