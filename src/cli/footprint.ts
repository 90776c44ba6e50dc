import { gzipSync } from "node:zlib";
import { RAM_BASE } from "../spec/memory-map.js";
import { Session } from "../experiments/session.js";
import type { CpuMode } from "../experiments/view.js";
import { coreBytes, readImage } from "./assets.js";
import { stopwatch, type BenchRow } from "./bench.js";

const GUEST = "hello";

const single = (benchmark: string, subject: string, value: number, unit: BenchRow["unit"]): BenchRow => ({
  ...{ benchmark, subject, value, unit },
  ...{ ratioTo: null, ratio: null },
});

/**
 * What a page pays before a guest runs: the core as it is sent, what it takes beside the RAM, and how long it is from the
 * core's bytes to the first instruction.
 * @param rounds - starts in each mode, each with the core compiled anew; the best counts
 */
export function footprint(rounds: number): BenchRow[] {
  const bytes = coreBytes();
  return [
    single("core", "gzip", gzipSync(bytes, { level: 9 }).length, "bytes"),
    single("memory", "beside RAM", RAM_BASE, "bytes"),
    ...(["native", "vtx"] as const).map((cpuMode) =>
      single("first instruction", cpuMode, Math.ceil(1e6 * best(bytes, cpuMode, rounds)), "µs"),
    ),
  ];
}

function best(bytes: Uint8Array<ArrayBuffer>, cpuMode: CpuMode, rounds: number): number {
  const { image } = readImage(GUEST);
  const times = Array.from({ length: rounds }, () => {
    const stop = stopwatch();
    const session = Session.create({ core: new WebAssembly.Module(bytes), image, name: GUEST, cpuMode });
    while (session.moment.instructions === 0) session.run({ instructions: 1 });
    return stop();
  });
  return Math.min(...times);
}
