import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import type {
  ControlRow,
  ExitRow,
  InstructionRow,
  ProcessorData,
} from "../../docs/components/processor/processor-data.js";
import { TABLE, type Row } from "../cpu/instructions/table.js";
import { EXIT_TABLE, type ExitReasonNumber } from "../hypervisor/vtx/exit-table.js";
import * as exitReasons from "../spec/exit-reasons.js";
import { VMX_CONTROLS, VMX_CONTROL_VECTORS } from "../spec/vmx-control-list.js";
import { BareCore } from "../../tests/cpu/bare-core.js";
import controlTests from "../../tests/cpu/system/vmx-control-tests.json" with { type: "json" };
import {
  decodedStrings,
  lockstepInstructions,
  namedTests,
  names,
  reasonsIn,
  siliconCases,
  type NamedTest,
} from "../../tests/coverage.js";
import { GENERATED, ROOT } from "./paths.js";

const MODES: Record<NonNullable<Row["modes"]>, string> = {
  legacy: "not in 64-bit mode",
  "64": "64-bit mode",
  protected: "not in real or virtual-8086 mode",
  "legacy protected": "protected mode, not 64-bit",
};

function instructionRows(tests: readonly NamedTest[]): InstructionRow[] {
  const silicon = siliconCases();
  const lockstep = lockstepInstructions();
  const decoded = decodedStrings();
  return TABLE.map((row) => ({
    mnemonic: row.mnemonic,
    encoding: row.encoding,
    operands: row.operands,
    modes: row.modes ? MODES[row.modes] : "",
    feature: row.feature ?? "",
    implemented: row.handler !== undefined,
    silicon: silicon.get(row) ?? { register: 0, memory: 0 },
    lockstep: lockstep.get(row) ?? 0,
    decoded: decoded.get(row) ?? 0,
    named: row.handler === undefined ? [] : indices(tests, ({ text }) => names(text, row)),
  }));
}

const indices = <Item>(items: readonly Item[], holds: (item: Item) => boolean): number[] =>
  items.flatMap((item, i) => (holds(item) ? [i] : []));

const CODE = 0x4000;

/** What RDMSR gives in ring 0. */
function readMsr(core: BareCore, index: number): bigint {
  // MOV ECX, index; RDMSR; JMP to itself
  core.write(CODE, [
    0xb9,
    ...[0, 8, 16, 24].map((shift) => (index >>> shift) & 0xff),
    0x0f,
    0x32,
    0xeb,
    0xfe,
  ]);
  core.mode(64, CODE);
  core.core.run(10);
  return (core.register(2) << 32n) | core.register(0);
}

/** A control is implemented if its capability MSR allows it to be 0 and to be 1 (SDM Vol. 3, appendix A). */
function controlRows(): ControlRow[] {
  const core = new BareCore();
  const tests: Readonly<Record<string, { file: string; title: string }>> = controlTests;
  return VMX_CONTROLS.map(({ name, vector, bit }) => {
    const { capability, section } = VMX_CONTROL_VECTORS[vector];
    const value = readMsr(core, capability);
    const free = (value >> 32n) & ~value & 0xffff_ffffn;
    const test = tests[name] && {
      file: `cpu/system/${tests[name].file}`,
      title: tests[name].title.replace(/^\["|"$/g, ""),
    };
    return { name, vector, bit, section, implemented: ((free >> BigInt(bit)) & 1n) === 1n, test };
  });
}

/** Everything the processor's source says, without what is generated from it. */
function processorSource(): string {
  const folder = path.join(ROOT, "src", "cpu");
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !/^build[\\/]/.test(file))
    .map((file) => readFileSync(path.join(folder, file), "utf8"))
    .filter((text) => text.includes("spec/exit-reasons"))
    .join("\n")
    .replace(/^import \{[^}]*\} from .*$|\/\*[^]*?\*\/|\/\/.*$/gm, "");
}

function exitRows(tests: readonly NamedTest[]): ExitRow[] {
  const source = processorSource();
  const expected = tests.map((test) => (/vmx|ept/.test(test.file) ? reasonsIn(test) : []));
  return Object.entries(exitReasons).map(([name, reason]) => ({
    name,
    reason,
    raised: new RegExp(`(?:\\breason\\.|[^.\\w])${name}\\b`).test(source),
    handler: EXIT_TABLE[reason as ExitReasonNumber].name,
    tests: indices(expected, (reasons) => reasons.includes(reason)),
  }));
}

/** The processor's tables: what is there, and which tests exercise it. */
export function processorData(): ProcessorData {
  const named = namedTests();
  return {
    tests: named.map(({ file, title }) => ({ file, title })),
    instructions: instructionRows(named),
    controls: controlRows(),
    exits: exitRows(named),
  };
}

/** Writes them for the page that shows them. */
export function writeProcessor(): void {
  const target = path.join(GENERATED, "processor.json");
  const text = JSON.stringify(processorData());
  if (!existsSync(target) || readFileSync(target, "utf8") !== text) writeFileSync(target, text);
}
