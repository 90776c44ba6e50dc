import type { PresetName } from "../../machine/costs.js";
import type { Experiment, Laboratory, Row } from "../experiment.js";
import { runMeasured } from "../measured-run.js";
import type { CpuMode } from "../view.js";
import { allModesOf, sessionMode, type Mode } from "./modes.js";

const DEFAULT_PROCESSOR: PresetName = "pentium4-672";

/** Cycles natively, by binary translation and by VT-x with shadow paging: Adams & Agesen, ASPLOS 2006, figure 4. */
interface Operation {
  name: string;
  /** Its number in guests/measured/nanobenchmarks.s. */
  argument: number;
  paper: Readonly<Record<"native" | "bt" | "vtx", number>>;
  /** Modes whose figure the cost model was made from: it predicts nothing there. */
  inputs: readonly CpuMode[];
  /** A paravirtual kernel has no such operation. */
  notParavirtual?: boolean;
}

const OPERATIONS: readonly Operation[] = [
  { name: "syscall", argument: 1, paper: { native: 242, bt: 2308, vtx: 246 }, inputs: ["native"] },
  {
    name: "in",
    argument: 2,
    paper: { native: 3209, bt: 216, vtx: 15826 },
    inputs: ["native", "bt"],
    notParavirtual: true,
  },
  {
    name: "cr8wr",
    argument: 3,
    paper: { native: 150, bt: 35, vtx: 177 },
    inputs: ["native"],
    notParavirtual: true,
  },
  { name: "call/ret", argument: 4, paper: { native: 11, bt: 51, vtx: 11 }, inputs: ["native"] },
  { name: "pgfault", argument: 5, paper: { native: 1093, bt: 3927, vtx: 11242 }, inputs: [] },
  { name: "divzero", argument: 6, paper: { native: 889, bt: 3223, vtx: 1014 }, inputs: ["native"] },
  { name: "ptemod", argument: 7, paper: { native: 1, bt: 391, vtx: 12733 }, inputs: ["vtx"] },
];

export const nanobenchmarks: Experiment = {
  name: "nanobenchmarks",
  title: "What each operation costs in each mode",
  description:
    "Cycles of operations of a kernel, natively, by binary translation, under VT-x and paravirtualised, beside Adams & Agesen's figure 4: SYSCALL, IN from port 80H, MOV to CR8, CALL and RET, a page fault, a division by zero, a store to a page-table entry.",
  columns: ["operation", "mode", "memory", "processor", "cycles", "paper", "kind"],
  parameters: () => ({ executions: 1024 }),
  run: (laboratory) => OPERATIONS.flatMap((operation) => measure(laboratory, operation)),
};

function measure(laboratory: Laboratory, operation: Operation): Row[] {
  const processor = laboratory.processor ?? DEFAULT_PROCESSOR;
  return allModesOf(processor)
    .filter(({ mode }) => mode !== "pv" || operation.notParavirtual !== true)
    .map((mode) => {
      const { results } = runMeasured(laboratory, "nanobenchmarks", {
        ...sessionMode(mode),
        // As the paper's monitor has it; else every MOV to CR8 is an exit (see exit-cost).
        parts: { taskPriority: "shadow" },
        preset: processor,
        argument: operation.argument,
      });
      const cycles = results.get("cycles")!;
      const kind = isInput(operation, mode, processor) ? "input" : "predicted";
      return {
        operation: operation.name,
        ...mode,
        processor,
        cycles,
        paper: paperOf(operation, mode, processor),
        kind,
      };
    });
}

/** The paper measured one processor, and no nested paging and no paravirtual kernel. */
function paperOf({ paper }: Operation, { mode, memory }: Mode, processor: PresetName): number | null {
  if (processor !== DEFAULT_PROCESSOR || mode === "pv" || memory === "nested") return null;
  return paper[mode];
}

function isInput({ inputs }: Operation, { mode }: Mode, processor: PresetName): boolean {
  return processor === DEFAULT_PROCESSOR && inputs.includes(mode);
}
