import { Session } from "../experiments/session.js";
import type { CpuMode } from "../experiments/view.js";

/** One measurement; `ratio` compares it with the subject `ratioTo` of the same benchmark. */
export interface BenchRow {
  benchmark: string;
  subject: string;
  value: number;
  unit: "instructions/s" | "bytes" | "µs";
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
  initrd?: Uint8Array;
  commandLine?: string;
  ramBytes?: number;
  /** Of binary translation. */
  decoder?: WebAssembly.Module;
}

/** What a run came to. */
export interface Timing {
  instructions: number;
  /** Of this process's processor time, set-up excluded: a busy host does not count. */
  seconds: number;
  /** The guest powered the machine off. */
  complete: boolean;
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
        const { instructions, seconds } = time(core, guest, subject, maxInstructions);
        const speed = instructions / seconds;
        best.set(subject.name, Math.max(speed, best.get(subject.name) ?? 0));
      }
    }
    return SUBJECTS.map(({ name, ratioTo }) => row(guest.name, name, best, ratioTo));
  });
}

/** @param speeds - of the subjects, instructions a second */
export function row(
  benchmark: string,
  subject: string,
  speeds: ReadonlyMap<string, number>,
  ratioTo: string | null,
): BenchRow {
  const value = speeds.get(subject)!;
  const ratio = ratioTo === null ? null : value / speeds.get(ratioTo)!;
  return { benchmark, subject, value: Math.round(value), unit: "instructions/s", ratioTo, ratio };
}

/**
 * Times one run.
 * @param maxInstructions - of the run; without it, to its end
 */
export function time(
  core: WebAssembly.Module,
  guest: BenchGuest,
  { cpuMode, trace = false }: { cpuMode: CpuMode; trace?: boolean },
  maxInstructions?: number,
): Timing {
  const session = Session.create({ core, ...guest, cpuMode, trace, maxInstructions });
  const stop = stopwatch();
  session.run();
  const seconds = stop();
  return {
    instructions: session.moment.instructions,
    seconds,
    complete: session.ending?.kind === "power-off",
  };
}

/** @returns what gives the seconds of this process's processor time from now on */
export function stopwatch(): () => number {
  const start = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(start);
    return (user + system) / 1e6;
  };
}

/** Geometric means over all benchmarks, one row a comparison. */
export function summary(rows: readonly BenchRow[]): BenchRow[] {
  const mean = (values: number[]): number =>
    Math.exp(values.reduce((sum, v) => sum + Math.log(v), 0) / values.length);
  return rows
    .filter(({ benchmark }) => benchmark === rows[0].benchmark)
    .map(({ subject, unit, ratioTo }) => {
      const own = rows.filter((row) => row.subject === subject && row.ratioTo === ratioTo);
      return {
        benchmark: "geometric mean",
        subject,
        value: Math.round(mean(own.map(({ value }) => value))),
        unit,
        ratioTo,
        ratio: ratioTo === null ? null : mean(own.map(({ ratio }) => ratio!)),
      };
    });
}
