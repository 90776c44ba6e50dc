import type { PresetName } from "../machine/costs.js";

/** One measurement: a flat row of a table. */
export type Row = Readonly<Record<string, string | number | boolean | null>>;

/** What an experiment runs on. */
export interface Laboratory {
  /** Compiled `cpu.wasm`. */
  core: WebAssembly.Module;
  /** Compiled wasm of iced-x86, which binary translation needs. */
  decoder?: WebAssembly.Module;
  /** A file of `src/guests/build`. */
  image(file: string): Uint8Array;
  /** The one processor to measure; an experiment without one takes its own choice. */
  processor?: PresetName;
}

/** A named, repeatable run that chapters, tests and the command line share. */
export interface Experiment {
  /** The word after `ring1 experiment`. */
  name: string;
  title: string;
  /** What is measured, in a sentence. */
  description: string;
  /** Columns of its rows, in order. */
  columns: readonly string[];
  /** What the rows were measured with, beside what they say themselves. */
  parameters(laboratory: Laboratory): Row;
  run(laboratory: Laboratory): Row[];
}

/** What `ring1 experiment --json` writes. */
export interface ExperimentReport {
  experiment: string;
  parameters: Row;
  rows: Row[];
}

export function report(experiment: Experiment, laboratory: Laboratory): ExperimentReport {
  return {
    experiment: experiment.name,
    parameters: experiment.parameters(laboratory),
    rows: experiment.run(laboratory),
  };
}
