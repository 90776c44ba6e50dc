import type { TraceEvent } from "./events.js";
import { exitReasonName } from "./names.js";

/** A VM exit and the VM entry that ended it. */
export interface ExitInterval {
  /** Sequence numbers of the two records. */
  exit: number;
  entry: number;
  /** Basic exit reason. */
  reason: number;
  /** Cycles. */
  start: number;
  end: number;
}

export interface ExitStatistics {
  reason: number;
  name: string;
  count: number;
  /** Cycles from exit to entry: sum, extremes. */
  cycles: number;
  least: number;
  most: number;
  /** Standard deviation of the mean as a share of the mean; 0 for one exit. */
  error: number;
}

/** Pairs exits with entries. An exit that is still being handled, or an entry whose exit is not in the trace, is left out. */
export function exitIntervals(events: readonly TraceEvent[]): ExitInterval[] {
  const intervals: ExitInterval[] = [];
  let open: TraceEvent | undefined;
  for (const event of events) {
    if (event.kind === "VM_EXIT") open = event;
    else if (event.kind === "VM_ENTRY" && open) {
      intervals.push({
        exit: open.n,
        entry: event.n,
        reason: Number(open.a & 0xffffn),
        start: open.cycle,
        end: event.cycle,
      });
      open = undefined;
    }
  }
  return intervals;
}

/** Counts and times by reason, most cycles first; equal ones by reason. */
export function exitStatistics(intervals: readonly ExitInterval[]): ExitStatistics[] {
  const byReason = new Map<number, number[]>();
  for (const { reason, start, end } of intervals) {
    const times = byReason.get(reason);
    if (times) times.push(end - start);
    else byReason.set(reason, [end - start]);
  }
  return [...byReason]
    .map(([reason, times]) => ({
      reason,
      name: exitReasonName(reason),
      count: times.length,
      cycles: times.reduce((sum, time) => sum + time, 0),
      least: times.reduce((least, time) => Math.min(least, time)),
      most: times.reduce((most, time) => Math.max(most, time)),
      error: relativeError(times),
    }))
    .sort((x, y) => y.cycles - x.cycles || x.reason - y.reason);
}

function relativeError(times: readonly number[]): number {
  const mean = times.reduce((sum, time) => sum + time, 0) / times.length;
  if (times.length < 2 || mean === 0) return 0;
  const squares = times.reduce((sum, time) => sum + (time - mean) ** 2, 0);
  return Math.sqrt(squares / (times.length - 1) / times.length) / mean;
}
