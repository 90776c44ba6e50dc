/** The VMX controls and the exit reasons: what is there, and what tests it. */
import { element } from "../figures/frame.js";
import { filter, scrollTable, tableRow } from "./filtered.js";
import type { ControlRow, ExitRow, ProcessorData } from "./processor-data.js";
import { testList } from "./test-list.js";

interface Choice {
  label: string;
  title: string;
  columns: readonly string[];
  states: Readonly<Record<string, string>>;
}

/** A table whose rows a filter shows and hides. */
function chosen<Row>(
  { label, title, columns, states }: Choice,
  rows: readonly Row[],
  stateOf: (row: Row) => string,
  draw: (row: Row) => HTMLTableRowElement,
): HTMLElement {
  const lines = rows.map((row) => ({ line: draw(row), state: stateOf(row) }));
  const box = filter({
    label,
    states,
    show(text, state) {
      let count = 0;
      for (const { line, state: own } of lines) {
        const name = line.cells[0].textContent.toLowerCase();
        line.hidden = !(name.includes(text) && (state === "" || own === state));
        if (!line.hidden) count++;
      }
      return `${count} of ${lines.length}`;
    },
  });
  const table = scrollTable(
    title,
    columns,
    lines.map(({ line }) => line),
  );
  return element("div", { class: "processor wide" }, box.element, table);
}

const state = (key: string, words: string): HTMLElement =>
  element("span", { class: "processor-state", "data-state": key }, words);

const CONTROL_STATES = {
  compared: "implemented, with a test",
  untested: "implemented, no test listed",
  absent: "not on this processor",
} as const;

function controlState({ implemented, test }: ControlRow): keyof typeof CONTROL_STATES {
  if (!implemented) return "absent";
  return test ? "compared" : "untested";
}

export function controlTable({ controls }: ProcessorData): HTMLElement {
  return chosen(
    {
      label: "Control",
      title: "VMX controls",
      columns: ["Control", "Field, bit", "SDM Vol. 3", "State", "Test"],
      states: CONTROL_STATES,
    },
    controls,
    controlState,
    (control) =>
      tableRow(
        control.name,
        `${control.vector}, ${control.bit}`,
        control.section,
        state(controlState(control), CONTROL_STATES[controlState(control)]),
        testList(control.test ? [0] : [], control.test ? [control.test] : []),
      ),
  );
}

const EXIT_STATES = {
  compared: "raised here, with a test",
  untested: "raised here, no test found",
  absent: "never raised by this processor",
} as const;

function exitState({ raised, tests }: ExitRow): keyof typeof EXIT_STATES {
  if (!raised) return "absent";
  return tests.length > 0 ? "compared" : "untested";
}

export function exitReasonTable({ exits, tests }: ProcessorData): HTMLElement {
  return chosen(
    {
      label: "Exit reason",
      title: "Basic exit reasons",
      columns: ["Reason", "No.", "The processor", "The hypervisor", "Tests that expect it"],
      states: EXIT_STATES,
    },
    [...exits].sort((a, b) => a.reason - b.reason),
    exitState,
    (exit) =>
      tableRow(
        exit.name,
        String(exit.reason),
        state(exitState(exit), EXIT_STATES[exitState(exit)]),
        exit.handler ? element("code", {}, exit.handler) : "stops the machine and says why",
        testList(exit.tests, tests),
      ),
  );
}
