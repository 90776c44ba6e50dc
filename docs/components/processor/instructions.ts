/** The instruction table by mnemonic: a group is drawn when it is opened. */
import { element } from "../figures/frame.js";
import { filter, scrollTable, tableRow } from "./filtered.js";
import {
  INSTRUCTION_STATES,
  instructionGroups,
  instructionId,
  stateOf,
  type InstructionGroup,
  type InstructionRow,
  type InstructionState,
  type ProcessorData,
  type TestName,
} from "./processor-data.js";
import { testList } from "./test-list.js";

function silicon({ silicon: { register, memory } }: InstructionRow): string {
  const parts = [register ? `${register} in registers` : "", memory ? `${memory} in memory` : ""];
  return parts.filter(Boolean).join(", ") || "–";
}

const number = (value: number): string => (value ? String(value) : "–");

function line(row: InstructionRow, tests: readonly TestName[]): HTMLTableRowElement {
  const where = [row.modes, row.feature].filter(Boolean).join("; ");
  const state = element(
    "span",
    { class: "processor-state", "data-state": stateOf(row) },
    row.implemented ? INSTRUCTION_STATES[stateOf(row)] : "not on this processor: #UD with a trace record",
  );
  return tableRow(
    row.encoding,
    row.operands || "–",
    where || "–",
    state,
    silicon(row),
    number(row.lockstep),
    number(row.decoded),
    testList(row.named, tests),
  );
}

const COLUMNS = [
  "Encoding",
  "Operands",
  "Where it exists",
  "State",
  "Silicon, cases",
  "Lock-step",
  "Decoder",
  "Named in tests",
];

function summaryOf(rows: readonly InstructionRow[]): string {
  const states = Object.keys(INSTRUCTION_STATES) as InstructionState[];
  const counts = states
    .map((state) => [INSTRUCTION_STATES[state], rows.filter((row) => stateOf(row) === state).length] as const)
    .filter(([, count]) => count > 0);
  if (counts.length === 1) return `${rows.length === 1 ? "" : `${rows.length} forms, `}${counts[0][0]}`;
  return counts.map(([words, count]) => `${count} ${words}`).join("; ");
}

function groupElement({ mnemonic, rows }: InstructionGroup, tests: readonly TestName[]): HTMLDetailsElement {
  const details = element(
    "details",
    { id: instructionId(mnemonic) },
    element(
      "summary",
      {},
      element("code", {}, mnemonic.toUpperCase()),
      " ",
      element("span", {}, summaryOf(rows)),
    ),
  );
  details.addEventListener("toggle", () => {
    if (!details.open || details.childElementCount > 1) return;
    details.append(
      scrollTable(
        mnemonic.toUpperCase(),
        COLUMNS,
        rows.map((row) => line(row, tests)),
      ),
    );
  });
  return details;
}

/** Groups that are drawn before a reader asks for more. */
const FIRST = 60;

export function instructionTable({ instructions, tests }: ProcessorData): HTMLElement {
  const list = element("div", { class: "processor-groups" });
  const more = element("button", { type: "button", class: "button" });
  let rest: InstructionGroup[] = [];
  const draw = (groups: readonly InstructionGroup[]): void => {
    list.append(...groups.map((group) => groupElement(group, tests)));
    more.hidden = rest.length === 0;
    more.textContent = `Show ${rest.length} more`;
  };
  more.addEventListener("click", () => {
    const next = rest;
    const at = list.childElementCount;
    rest = [];
    draw(next);
    (list.children[at]?.firstElementChild as HTMLElement | undefined)?.focus();
  });
  const box = filter({
    label: "Mnemonic or opcode",
    states: INSTRUCTION_STATES,
    show(text, state) {
      const groups = instructionGroups(instructions, text, state as InstructionState | "");
      rest = groups.slice(FIRST);
      list.replaceChildren();
      draw(groups.slice(0, FIRST));
      if (groups.length === 1) (list.firstElementChild as HTMLDetailsElement).open = true;
      const forms = groups.reduce((sum, { rows }) => sum + rows.length, 0);
      return `${forms} of ${instructions.length} rows, ${groups.length} mnemonics`;
    },
  });
  const find = (): void => {
    const asked = instructions.find(({ mnemonic }) => `#${instructionId(mnemonic)}` === location.hash);
    if (!asked) return;
    box.set(asked.mnemonic);
    const group = list.querySelector<HTMLDetailsElement>(`[id="${instructionId(asked.mnemonic)}"]`);
    if (!group) return;
    group.open = true;
    requestAnimationFrame(() => group.scrollIntoView({ block: "center" }));
  };
  const whole = element("div", { class: "processor wide" }, box.element, list, more);
  find();
  addEventListener("hashchange", find);
  return whole;
}
