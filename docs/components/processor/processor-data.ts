/** What the site knows of the processor: written by src/site/processor.ts from the instruction table and the tests. */

/** A test by its file, from tests/, and its title. */
export interface TestName {
  file: string;
  title: string;
}

/** One row of the instruction table, and what exercises it. */
export interface InstructionRow {
  mnemonic: string;
  encoding: string;
  operands: string;
  modes: string;
  feature: string;
  implemented: boolean;
  /** Cases recorded on a real processor, with a register operand (or none) and with one in memory. */
  silicon: { register: number; memory: number };
  /** Instructions of the row in the recorded lock-step cases. */
  lockstep: number;
  /** Byte strings on which its decoding is compared. */
  decoded: number;
  /** Numbers in {@link ProcessorData.tests}. */
  named: number[];
}

export interface ControlRow {
  name: string;
  vector: string;
  bit: number;
  section: string;
  implemented: boolean;
  test?: TestName;
}

export interface ExitRow {
  name: string;
  reason: number;
  /** The processor's source names it. */
  raised: boolean;
  /** Function of the hypervisor's exit table; empty for one that stops the machine. */
  handler: string;
  tests: number[];
}

export interface ProcessorData {
  tests: TestName[];
  instructions: InstructionRow[];
  controls: ControlRow[];
  exits: ExitRow[];
}

export const INSTRUCTION_STATES = {
  compared: "compared with another processor",
  named: "named in hand-written tests alone",
  untested: "implemented, executed by no test listed",
  absent: "not on this processor",
} as const;
export type InstructionState = keyof typeof INSTRUCTION_STATES;

export function stateOf({ implemented, silicon, lockstep, named }: InstructionRow): InstructionState {
  if (!implemented) return "absent";
  if (silicon.register + silicon.memory + lockstep > 0) return "compared";
  return named.length > 0 ? "named" : "untested";
}

/** Anchor of a mnemonic's group. */
export const instructionId = (mnemonic: string): string => `instruction-${mnemonic.replace(/\W+/g, "-")}`;

/** The rows of a mnemonic. */
export interface InstructionGroup {
  mnemonic: string;
  rows: InstructionRow[];
}

const fits = (row: InstructionRow, text: string, state: string): boolean =>
  (state === "" || stateOf(row) === state) &&
  (row.mnemonic.startsWith(text) || row.encoding.toLowerCase().includes(text));

/** Rows whose mnemonic begins with the text or whose encoding has it, in a state or in any, by mnemonic. */
export function instructionGroups(
  rows: readonly InstructionRow[],
  text: string,
  state: InstructionState | "",
): InstructionGroup[] {
  const groups = new Map<string, InstructionRow[]>();
  for (const row of rows) {
    if (!fits(row, text, state)) continue;
    const group = groups.get(row.mnemonic);
    if (group) group.push(row);
    else groups.set(row.mnemonic, [row]);
  }
  return [...groups]
    .map(([mnemonic, members]) => ({ mnemonic, rows: members }))
    .sort((a, b) => a.mnemonic.localeCompare(b.mnemonic));
}
