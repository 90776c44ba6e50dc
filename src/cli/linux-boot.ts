import { readImage } from "./assets.js";
import { row, time, type BenchRow } from "./bench.js";

const BENCHMARK = "linux boot";
/** The initramfs reports and powers off, where it would start a shell (`src/guests/linux/init.sh`). */
const TASK = "ring1.run=report";

/**
 * Debian's kernel for clouds from its entry to the shell, on the bare machine and in a VM.
 * @param boots - in each; the best counts
 * @throws UsageError when `npm run guests` has not been run
 */
export function linuxBoot(core: WebAssembly.Module, boots: number): BenchRow[] {
  const { image, initrd, commandLine, ramMebibytes } = readImage("linux");
  const guest = {
    name: BENCHMARK,
    image,
    initrd,
    commandLine: `${commandLine} ${TASK}`,
    ramBytes: ramMebibytes! * 2 ** 20,
  };
  const best = new Map<string, number>();
  for (let boot = 0; boot < boots; boot++) {
    for (const cpuMode of ["native", "vtx"] as const) {
      const { instructions, seconds, complete } = time(core, guest, { cpuMode });
      if (!complete) throw new Error(`linux did not power off (${cpuMode}, ${instructions} instructions)`);
      best.set(cpuMode, Math.max(instructions / seconds, best.get(cpuMode) ?? 0));
    }
  }
  return [row(BENCHMARK, "native", best, null), row(BENCHMARK, "vtx", best, "native")];
}
