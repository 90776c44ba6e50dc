import type { PresetName } from "../../machine/costs.js";
import type { Experiment, Laboratory, Row } from "../experiment.js";
import { runMeasured } from "../measured-run.js";
import { modesOf, ratio, sessionMode } from "./modes.js";

const DEFAULT_PROCESSOR: PresetName = "skylake";

/** Each way of virtualising memory has the program that it is bad at. */
const PROGRAMS = [
  { name: "page-tables", argument: 200 },
  { name: "scattered-reads", argument: 1_000_000 },
] as const;

export const shadowOrNested: Experiment = {
  name: "shadow-or-nested",
  title: "Shadow or nested paging",
  description:
    "A program with busy page tables (address spaces copied, written and thrown away) and one with a busy TLB (scattered reads), natively, with nested and with shadow paging: each way wins one.",
  columns: ["program", "mode", "memory", "processor", "cycles", "exits", "relativeToNative"],
  parameters: () => Object.fromEntries(PROGRAMS.map(({ name, argument }) => [name, argument])),
  run: (laboratory) => PROGRAMS.flatMap((program) => measure(laboratory, program)),
};

function measure(laboratory: Laboratory, { name, argument }: (typeof PROGRAMS)[number]): Row[] {
  const processor = laboratory.processor ?? DEFAULT_PROCESSOR;
  const runs = modesOf(processor).map((mode) => ({
    mode,
    ...runMeasured(laboratory, name, { ...sessionMode(mode), preset: processor, argument }),
  }));
  const native = runs[0]!.results.get("cycles")!;
  return runs.map(({ mode, results, exits }) => {
    const cycles = results.get("cycles")!;
    return { program: name, ...mode, processor, cycles, exits, relativeToNative: ratio(cycles, native) };
  });
}
