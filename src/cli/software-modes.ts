import { YARDSTICK } from "../guests/yardstick/loops.js";
import { loadDecoder, readImage } from "./assets.js";
import { row, time, type BenchRow } from "./bench.js";

/** Ways to virtualise without VMX. */
const MODES = ["bt", "pv"] as const;

/**
 * The compute-bound guests by binary translation and paravirtualised, beside the bare machine. Each does the same work to its end: a
 * speed is given in the instructions that it takes natively, so that ratios of speeds are ratios of times.
 * @param maxInstructions - length of the work
 */
export function softwareModes(
  core: WebAssembly.Module,
  { rounds, maxInstructions }: { rounds: number; maxInstructions: number },
): BenchRow[] {
  const decoder = loadDecoder();
  return YARDSTICK.flatMap(({ name, argumentFor }) => {
    const commandLine = String(argumentFor(maxInstructions));
    const guest = (paravirtual: boolean) => ({
      name,
      image: readImage(name, paravirtual).image,
      commandLine,
      decoder,
    });
    const best = new Map<string, number>();
    for (let round = 0; round < rounds; round++) {
      const native = time(core, guest(false), { cpuMode: "native" });
      const note = (subject: string, seconds: number): void =>
        void best.set(subject, Math.max(native.instructions / seconds, best.get(subject) ?? 0));
      note("native", native.seconds);
      for (const cpuMode of MODES) note(cpuMode, time(core, guest(cpuMode === "pv"), { cpuMode }).seconds);
    }
    return MODES.map((mode) => row(name, mode, best, "native"));
  });
}
