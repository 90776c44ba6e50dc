import { Command } from "commander";
import { isBuilt, loadCore, readImage } from "./assets.js";
import { bench, summary, type BenchRow } from "./bench.js";
import { footprint } from "./footprint.js";
import { linuxBoot } from "./linux-boot.js";
import { naturalNumber, positiveInteger } from "./numbers.js";
import { writeOutput } from "./output-file.js";
import { softwareModes } from "./software-modes.js";
import { loadV86 } from "./v86.js";
import { compare } from "./yardstick.js";

/** What the means are taken of. */
const COMPUTING = ["prime", "sieve", "memory-walk", "fib"];
/** Each stresses one mechanism of the processor. */
const STRESSING = ["tlb-misses", "cold-code", "changing-code", "exits", "interrupts"];
const ROUNDS = 5;
const MAX_INSTRUCTIONS = 200_000_000;

/** Boots of Linux in each mode: each takes a billion and a half instructions. */
const BOOTS = 1;

interface BenchOptions {
  rounds: number;
  maxInstructions: number;
  boots: number;
  json?: string;
}

/** `ring1 bench`. */
export function benchCommand(): Command {
  return new Command("bench")
    .summary("measure the speed of the simulator")
    .description(
      "Says what the simulator takes to start; runs compute-bound guests, and guests that stress one mechanism each, natively, in a VM, and in a VM with tracing; the compute-bound ones by binary translation, paravirtualised, and beside v86; and boots Linux. Prints guest instructions per second of processor time, and ratios.",
    )
    .option("--rounds <n>", "interleaved runs, of which the best counts", positiveInteger, ROUNDS)
    .option("--max-instructions <n>", "length of one run", positiveInteger, MAX_INSTRUCTIONS)
    .option("--boots <n>", "boots of Linux in each mode, 0 for none", naturalNumber, BOOTS)
    .option("--json <file>", "write the rows")
    .addHelpText("after", YARDSTICK_HELP)
    .action(run);
}

const YARDSTICK_HELP = `
v86:
  The yardstick is v86 from the npm registry with its compiler ("v86") and without ("v86-interpreter"), where the
  development dependencies are installed. It has no 64-bit mode: it does the same work in 32-bit code, with the same
  loops over the same addresses as often, and its speed is given in instructions of the 64-bit loop. So the ratio of two
  speeds is the ratio of the times that the work takes; what v86 compiles on its way is part of its time. Of every run
  of it the work is whole, about as long as --max-instructions says; the interpreter runs in two of the rounds.

Linux:
  Debian's kernel for clouds from its entry to the shell, when npm run guests has prepared it.`;

async function run(options: BenchOptions): Promise<void> {
  const core = loadCore();
  const rows: BenchRow[] = [];
  const report = (measured: readonly BenchRow[]): void => {
    process.stdout.write(measured.map(line).join(""));
    rows.push(...measured);
  };
  const measure = (names: readonly string[]): BenchRow[] =>
    bench(
      core,
      names.map((name) => ({ name, image: readImage(name).image })),
      options,
    );
  const withMeans = (measured: readonly BenchRow[]): BenchRow[] => [...measured, ...summary(measured)];

  report(footprint(options.rounds));
  report(withMeans(measure(COMPUTING)));
  report(withMeans(softwareModes(core, options)));
  report(measure(STRESSING));
  const v86 = await loadV86();
  if (v86) report(withMeans(await compare(core, v86, options)));
  else process.stdout.write("v86 is not installed: no yardstick\n");
  if (options.boots > 0) {
    if (isBuilt("linux")) report(linuxBoot(core, options.boots));
    else process.stdout.write("no Linux to boot: run npm run guests\n");
  }
  if (options.json !== undefined) writeOutput(options.json, `${JSON.stringify({ rows }, null, 2)}\n`);
}

/** How a unit is printed: divided by what, and called what. */
const PRINTED: Record<BenchRow["unit"], readonly [divisor: number, name: string]> = {
  "instructions/s": [1e6, "M instructions/s"],
  bytes: [2 ** 10, "KiB"],
  µs: [1e3, "ms"],
};

function line({ benchmark, subject, value, unit, ratioTo, ratio }: BenchRow): string {
  const [divisor, name] = PRINTED[unit];
  const compared = ratio === null ? "" : `   ${ratio.toFixed(3)} of ${ratioTo}`;
  return `${benchmark.padEnd(18)}${subject.padEnd(17)}${(value / divisor).toFixed(1).padStart(8)} ${name}${compared}\n`;
}
