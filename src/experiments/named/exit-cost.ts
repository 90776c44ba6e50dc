import { PRESETS, type PresetName } from "../../machine/costs.js";
import type { Experiment, Laboratory, Row } from "../experiment.js";
import { runMeasured, type MeasuredRun } from "../measured-run.js";
import { modesOf, ratio, sessionMode, type Mode } from "./modes.js";

/** In the order of guests/measured/round-trips.s; the first does nothing. */
const OPERATIONS = ["nothing", "cpuid", "rdmsr", "in", "mmio", "cr8", "cr3", "invlpg"] as const;
/** Each is measured twice, so many times in a row. */
const EXECUTIONS = 2 * 256;

export const exitCost: Experiment = {
  name: "exit-cost",
  title: "What an exit costs",
  description:
    "Cycles of operations that leave the guest, there and back, on each processor: CPUID, RDMSR, IN from port 80H, a read of a device register, MOV from and to CR8 and CR3, INVLPG.",
  columns: ["operation", "mode", "memory", "processor", "cycles", "exits", "relativeToNative"],
  parameters: () => ({ executions: EXECUTIONS }),
  run: (laboratory) => processorsOf(laboratory).flatMap((processor) => measure(laboratory, processor)),
};

function processorsOf({ processor }: Laboratory): PresetName[] {
  return processor === undefined ? (Object.keys(PRESETS) as PresetName[]) : [processor];
}

function measure(laboratory: Laboratory, processor: PresetName): Row[] {
  const run = (mode: Mode, argument: number): MeasuredRun =>
    runMeasured(laboratory, "round-trips", { ...sessionMode(mode), preset: processor, argument });
  const modes = modesOf(processor);
  const idle = modes.map((mode) => run(mode, 0));
  return OPERATIONS.slice(1).flatMap((operation, i) => {
    const runs = modes.map((mode) => run(mode, i + 1));
    const native = runs[0]!.results.get("cycles")!;
    return runs.map(({ results, exits }, m) => {
      const cycles = results.get("cycles")!;
      return {
        operation,
        ...modes[m]!,
        processor,
        cycles,
        exits: Math.round((exits - idle[m]!.exits) / EXECUTIONS),
        relativeToNative: ratio(cycles, native),
      };
    });
  });
}
