import { readImage, readYardstick } from "./assets.js";
import { YARDSTICK, type YardstickLoop } from "../guests/yardstick/loops.js";
import { row, time, type BenchRow } from "./bench.js";
import type { Yardstick } from "./v86.js";

/** Of the interpreter, which has nothing to warm up and takes most of the time. */
const INTERPRETER_ROUNDS = 2;

/**
 * The bare machine beside v86 with and without its compiler: the same work, in 64-bit code here and in 32-bit code there.
 * A speed of v86 is given in instructions of the 64-bit loop, so that ratios of speeds are ratios of times.
 * @param maxInstructions - length of the work
 */
export async function compare(
  core: WebAssembly.Module,
  v86: Yardstick,
  { rounds, maxInstructions }: { rounds: number; maxInstructions: number },
): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const loop of YARDSTICK) {
    const best = await bestSpeeds(core, v86, loop, { rounds, argument: loop.argumentFor(maxInstructions) });
    rows.push(
      row(loop.name, "v86", best, null),
      row(loop.name, "v86-interpreter", best, null),
      row(loop.name, "native", best, "v86"),
      row(loop.name, "native", best, "v86-interpreter"),
    );
  }
  return rows;
}

async function bestSpeeds(
  core: WebAssembly.Module,
  v86: Yardstick,
  { name, image }: YardstickLoop,
  { rounds, argument }: { rounds: number; argument: number },
): Promise<Map<string, number>> {
  const guest = { name, image: readImage(name).image, commandLine: String(argument) };
  const counterpart = readYardstick(image);
  const best = new Map<string, number>();
  const note = (subject: string, speed: number): void =>
    void best.set(subject, Math.max(speed, best.get(subject) ?? 0));
  for (let round = 0; round < rounds; round++) {
    const { instructions, seconds } = time(core, guest, { cpuMode: "native" });
    note("native", instructions / seconds);
    note("v86", instructions / (await v86(counterpart, argument, { jit: true })).seconds);
    if (round < INTERPRETER_ROUNDS)
      note("v86-interpreter", instructions / (await v86(counterpart, argument, { jit: false })).seconds);
  }
  return best;
}
