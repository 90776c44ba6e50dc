/** A program that experiments run: it measures itself by the time-stamp counter and prints a line `NAME CYCLES` for each result. */
export interface MeasuredProgram {
  name: string;
  /** Files assembled one after another as one source, paths relative to `src/guests`. */
  sources: readonly string[];
  /** Files in the build folder. */
  image: string;
  listing: string;
}

const LIBRARY = ["lib/multiboot.s", "lib/long-mode.s", "lib/console.s", "lib/power.s", "lib/command-line.s"];

function program(name: string): MeasuredProgram {
  return {
    name,
    sources: [...LIBRARY, "measured/report.s", `measured/${name}.s`],
    image: `measured-${name}.bin`,
    listing: `measured-${name}.listing.json`,
  };
}

/** The programs of the experiments. */
export const MEASURED: readonly MeasuredProgram[] = [
  program("page-walk"),
  program("page-tables"),
  program("scattered-reads"),
  program("round-trips"),
  program("translated-code"),
];
