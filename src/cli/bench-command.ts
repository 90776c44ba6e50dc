import { Command } from "commander";
import { loadCore, readImage } from "./assets.js";
import { bench, summary, type BenchRow } from "./bench.js";
import { positiveInteger } from "./numbers.js";
import { writeOutput } from "./output-file.js";

/** What the means are taken of. */
const COMPUTING = ["prime", "sieve", "memory-walk", "fib"];
/** Each stresses one mechanism of the processor. */
const STRESSING = ["tlb-misses", "cold-code", "changing-code", "exits", "interrupts"];
const ROUNDS = 5;
const MAX_INSTRUCTIONS = 200_000_000;

/** `ring1 bench`. */
export function benchCommand(): Command {
  return new Command("bench")
    .summary("measure the speed of the simulator")
    .description(
      "Runs compute-bound guests, and guests that stress one mechanism each, natively, in a VM, and in a VM with tracing; prints guest instructions per second.",
    )
    .option("--rounds <n>", "interleaved runs, of which the best counts", positiveInteger, ROUNDS)
    .option("--max-instructions <n>", "length of one run", positiveInteger, MAX_INSTRUCTIONS)
    .option("--json <file>", "write the rows")
    .action((options: { rounds: number; maxInstructions: number; json?: string }) => {
      const core = loadCore();
      const measure = (names: readonly string[]): BenchRow[] =>
        bench(
          core,
          names.map((name) => ({ name, image: readImage(name).image })),
          options,
        );
      const computing = measure(COMPUTING);
      const rows = [...computing, ...summary(computing), ...measure(STRESSING)];
      process.stdout.write(rows.map(line).join(""));
      if (options.json !== undefined) writeOutput(options.json, `${JSON.stringify({ rows }, null, 2)}\n`);
    });
}

function line({ benchmark, subject, value, ratioTo, ratio }: BenchRow): string {
  const millions = (value / 1e6).toFixed(1).padStart(8);
  const compared = ratio === null ? "" : `   ${ratio.toFixed(3)} of ${ratioTo}`;
  return `${benchmark.padEnd(16)}${subject.padEnd(14)}${millions} M instructions/s${compared}\n`;
}
