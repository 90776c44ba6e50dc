import { Session } from "../experiments/session.js";
import type { CpuMode } from "../experiments/view.js";

/** One measurement; `ratio` compares it with the subject `ratioTo` of the same benchmark. */
export interface BenchRow {
  benchmark: string;
  subject: string;
  value: number;
  unit: "instructions/s";
  ratioTo: string | null;
  ratio: number | null;
}

/** What is compared: the first is the yardstick of the second, the second of the third. */
const SUBJECTS: readonly { name: string; cpuMode: CpuMode; trace: boolean; ratioTo: string | null }[] = [
  { name: "native", cpuMode: "native", trace: false, ratioTo: null },
  { name: "vtx", cpuMode: "vtx", trace: false, ratioTo: "native" },
  { name: "vtx, traced", cpuMode: "vtx", trace: true, ratioTo: "vtx" },
];

/** A guest to be timed. */
export interface BenchGuest {
  name: string;
  image: Uint8Array;
}

/**
 * Times guests in every mode. Runs are interleaved and the best of each subject counts, so that a busy moment of the
 * host spoils one run and not one subject.
 * @param maxInstructions - of one run
 */
export function bench(
  core: WebAssembly.Module,
  guests: readonly BenchGuest[],
  { rounds, maxInstructions }: { rounds: number; maxInstructions: number },
): BenchRow[] {
  return guests.flatMap((guest) => {
    const best = new Map<string, number>();
    for (let round = 0; round < rounds; round++) {
      for (const subject of SUBJECTS) {
        const speed = measure(core, guest, subject, maxInstructions);
        best.set(subject.name, Math.max(speed, best.get(subject.name) ?? 0));
      }
    }
    return SUBJECTS.map(({ name, ratioTo }): BenchRow => {
      const value = best.get(name)!;
      const ratio = ratioTo === null ? null : value / best.get(ratioTo)!;
      return {
        benchmark: guest.name,
        subject: name,
        value: Math.round(value),
        unit: "instructions/s",
        ratioTo,
        ratio,
      };
    });
  });
}

/** Guest instructions per second of this process's processor time, set-up excluded: a busy host does not count. */
function measure(
  core: WebAssembly.Module,
  { name, image }: BenchGuest,
  { cpuMode, trace }: { cpuMode: CpuMode; trace: boolean },
  maxInstructions: number,
): number {
  const session = Session.create({ core, image, name, cpuMode, trace, maxInstructions });
  const start = process.cpuUsage();
  session.run();
  const { user, system } = process.cpuUsage(start);
  return (session.moment.instructions / (user + system)) * 1e6;
}

/** Geometric means over all benchmarks, one row a subject. */
export function summary(rows: readonly BenchRow[]): BenchRow[] {
  return SUBJECTS.map(({ name, ratioTo }) => {
    const own = rows.filter(({ subject }) => subject === name);
    const mean = (values: number[]): number =>
      Math.exp(values.reduce((sum, v) => sum + Math.log(v), 0) / values.length);
    return {
      benchmark: "geometric mean",
      subject: name,
      value: Math.round(mean(own.map(({ value }) => value))),
      unit: "instructions/s",
      ratioTo,
      ratio: ratioTo === null ? null : mean(own.map(({ ratio }) => ratio!)),
    };
  });
}
