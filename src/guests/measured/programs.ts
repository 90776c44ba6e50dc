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
  paravirtual?: Pick<MeasuredProgram, "sources" | "image">;
}

const REPORT = ["lib/command-line.s", "measured/report.s"];

function program(name: string, more: readonly string[] = []): MeasuredProgram {
  return {
    name,
    sources: [...LIBRARY, ...REPORT, ...more, `measured/${name}.s`],
    image: `measured-${name}.bin`,
    listing: `measured-${name}.listing.json`,
  };
}

/** A program whose kernel can be built for paravirtualisation as well. */
function programTwice(name: string, more: readonly string[] = []): MeasuredProgram {
  return {
    ...program(name, more),
    paravirtual: {
      sources: [...PARAVIRTUAL_LIBRARY, ...REPORT, ...more, `measured/${name}.s`],
      image: `measured-${name}.pv.bin`,
    },
  };
}

/** The programs of the experiments. */
export const MEASURED: readonly MeasuredProgram[] = [
  program("page-walk"),
  program("page-tables"),
  program("scattered-reads"),
  program("round-trips"),
  programTwice("nanobenchmarks", ["hello/paging.s"]),
  program("forkwait"),
  program("translated-code"),
];
