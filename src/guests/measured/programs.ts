import { LIBRARY, PARAVIRTUAL_LIBRARY } from "../catalogue.js";

/** A program that experiments run: it measures itself by the time-stamp counter and prints a line `NAME CYCLES` for each result. */
export interface MeasuredProgram {
  name: string;
  /** Files assembled one after another as one source, paths relative to `src/guests`. */
  sources: readonly string[];
  /** Files in the build folder. */
  image: string;
  listing: string;
  /** The same built for paravirtualisation, where its kernel has a use for that. */
  paravirtual?: Pick<MeasuredProgram, "sources" | "image" | "listing">;
}

const GATES = "measured/gates.s";
const SYSTEM_CALLS = "measured/system-calls.s";
const REPORT = ["lib/command-line.s", "measured/report.s"];

function build(library: readonly string[], name: string, more: readonly string[], suffix = "") {
  return {
    sources: [...library, ...REPORT, ...more, `measured/${name}.s`],
    image: `measured-${name}${suffix}.bin`,
    listing: `measured-${name}${suffix}.listing.json`,
  };
}

function program(name: string, more: readonly string[] = []): MeasuredProgram {
  return { name, ...build(LIBRARY, name, more) };
}

/** A program whose kernel can be built for paravirtualisation as well. */
function programTwice(name: string, more: readonly string[] = []): MeasuredProgram {
  return { ...program(name, more), paravirtual: build(PARAVIRTUAL_LIBRARY, name, more, ".pv") };
}

/** The programs of the experiments. */
export const MEASURED: readonly MeasuredProgram[] = [
  program("page-walk"),
  program("page-tables", [GATES]),
  program("scattered-reads"),
  program("round-trips"),
  programTwice("nanobenchmarks", ["hello/paging.s", GATES, SYSTEM_CALLS]),
  program("forkwait", [GATES, SYSTEM_CALLS]),
  program("translated-code"),
  programTwice("table-updates"),
];
