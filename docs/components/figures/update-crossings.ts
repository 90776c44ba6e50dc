/**
 * What a run of the guest "table-updates" says of each of its measured loops: how long it took, and its stays in the
 * hypervisor. Pure.
 */
import { exitReasonName } from "../../lib/trace/names.js";
import type { TraceEvent } from "../../lib/experiments/view.js";
import { measuredCycles } from "./measured-rows.js";

/** The loops, by how many entries are changed at a time. */
export const BATCHES = [1, 4, 16, 64] as const;

export interface UpdateRun {
  /** Cycles of the whole loop. */
  total: number;
  /** From the way into the hypervisor to the way back, in cycles since the first of them began. */
  stays: { start: number; end: number }[];
}

const NEWLINE = 10n;
/** The console, and a translator's first look at code, are not what the loops are about. */
const BESIDE_THE_POINT = new Set([
  "HYPERCALL_CONSOLE_WRITE",
  "IO_INSTRUCTION",
  "CALL_OUT_PORT",
  "CALL_OUT_TRANSLATE",
  "CALL_OUT_LOOK_UP",
]);

/** By number of entries at a time; only loops whose result has been printed. */
export function updateRuns(events: readonly TraceEvent[], console: string): Map<number, UpdateRun> {
  const measured = measuredCycles(console);
  const pages = measured.get("pages") ?? 0;
  const loops = betweenLines(events);
  const runs = new Map<number, UpdateRun>();
  BATCHES.forEach((batch, i) => {
    const cycles = measured.get(`map-${batch}`);
    if (cycles === undefined || loops[i + 1] === undefined) return;
    runs.set(batch, { total: cycles * pages, stays: staysIn(loops[i + 1]) });
  });
  return runs;
}

/** What happens before each line of the console: a loop, whose result the line is. */
function betweenLines(events: readonly TraceEvent[]): TraceEvent[][] {
  const between: TraceEvent[][] = [[]];
  let printing = false;
  for (const event of events) {
    if (event.kind === "CONSOLE") {
      printing = event.a !== NEWLINE;
      if (!printing) between.push([]);
    } else if (!printing) between.at(-1)!.push(event);
  }
  return between;
}

/** A handled exit lies between what brought the hypervisor in, and the way back. */
function staysIn(events: readonly TraceEvent[]): UpdateRun["stays"] {
  const stays: UpdateRun["stays"] = [];
  for (let i = 1; i + 1 < events.length; i++) {
    const { kind, a } = events[i];
    if (kind !== "HANDLED" || BESIDE_THE_POINT.has(exitReasonName(Number(a)))) continue;
    stays.push({ start: events[i - 1].cycle, end: events[i + 1].cycle });
  }
  const first = stays[0]?.start ?? 0;
  return stays.map(({ start, end }) => ({ start: start - first, end: end - first }));
}
