import type { PresetName } from "../../machine/costs.js";
import type { Experiment, Laboratory, Row } from "../experiment.js";
import { runMeasured } from "../measured-run.js";
import { allModesOf, ratio, sessionMode, type Mode } from "./modes.js";

const DEFAULT_PROCESSOR: PresetName = "pentium4-672";
const CHILDREN = 64;

/**
 * Seconds for 40 000 processes natively, by binary translation and under VT-x with shadow paging (Adams & Agesen, ASPLOS 2006,
 * section 6.2), by the processors that they measured.
 */
const PAPER: Partial<Record<PresetName, { native: number; bt: number; vtx: number }>> = {
  "pentium4-672": { native: 6.0, bt: 36.9, vtx: 106.4 },
  "core2-duo": { native: 2.62, bt: 18.4, vtx: 38.9 },
};

export const forkwait: Experiment = {
  name: "forkwait",
  title: "Making processes",
  description:
    "Cycles from a fork to its child's end and back, natively, by binary translation and under VT-x, beside Adams & Agesen's forkwait: page tables copied, pages shared until they are written, address spaces switched and thrown away.",
  columns: ["program", "mode", "memory", "processor", "cycles", "exits", "relativeToNative", "paper"],
  parameters: () => ({ children: CHILDREN }),
  run: measure,
};

function measure(laboratory: Laboratory): Row[] {
  const processor = laboratory.processor ?? DEFAULT_PROCESSOR;
  // Its kernel has no paravirtual build: it writes page tables itself.
  const runs = allModesOf(processor)
    .filter(({ mode }) => mode !== "pv")
    .map((mode) => ({
      mode,
      ...runMeasured(laboratory, "forkwait", {
        ...sessionMode(mode),
        preset: processor,
        argument: CHILDREN,
      }),
    }));
  const native = runs[0]!.results.get("cycles")!;
  return runs.map(({ mode, results, exits }) => {
    const cycles = results.get("cycles")!;
    return {
      program: "forkwait",
      ...mode,
      processor,
      cycles,
      exits,
      relativeToNative: ratio(cycles, native),
      paper: paperOf(mode, processor),
    };
  });
}

/** How many times as long as natively the paper's took; null where it has no measurement. */
function paperOf({ mode, memory }: Mode, processor: PresetName): number | null {
  const paper = PAPER[processor];
  if (paper === undefined || mode === "pv" || memory === "nested") return null;
  return Math.round((paper[mode] / paper.native) * 10) / 10;
}
