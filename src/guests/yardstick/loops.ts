/** A loop of `benchmarks/` that has a 32-bit counterpart here, for machines that know no 64-bit mode. */
export interface YardstickLoop {
  /** That of the benchmark in the catalogue. */
  name: string;
  /** Files assembled one after another as one source, paths relative to `src/guests`. */
  sources: readonly string[];
  /** File in the build folder: a multiboot-1 image. */
  image: string;
  /** The number on the command line, of both, with which the benchmark executes about so many instructions. */
  argumentFor(instructions: number): number;
}

function loop(name: string, argumentFor: (instructions: number) => number): YardstickLoop {
  const sources = ["lib/multiboot.s", "yardstick/protected-mode.s", `yardstick/${name}.s`];
  return {
    name,
    sources,
    image: `yardstick-${name}.bin`,
    argumentFor: (instructions) => Math.max(1, Math.round(argumentFor(instructions))),
  };
}

/** The loops that the yardstick is laid on. */
export const YARDSTICK: readonly YardstickLoop[] = [
  loop("prime", (instructions) => (instructions / 0.344) ** (2 / 3)),
  loop("sieve", (instructions) => instructions / 12_000_000),
  loop("memory-walk", (instructions) => instructions / 2_400_000),
  loop("fib", (instructions) => Math.log(instructions / 12.3) / Math.log((1 + Math.sqrt(5)) / 2)),
];
