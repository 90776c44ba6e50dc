import type { Ring, TraceEvent } from "./events.js";
import { exitReasonName } from "./names.js";
import { ringSpans } from "./spans.js";

/** One entry of the Trace Event Format that Perfetto and chrome://tracing read; times in microseconds. */
export interface TraceEventJson {
  name: string;
  /** X: a span; i: an instant; M: metadata. */
  ph: "X" | "i" | "M";
  pid: number;
  tid: number;
  ts?: number;
  dur?: number;
  /** Scope of an instant: its thread. */
  s?: "t";
  args?: Record<string, string | number>;
}

const RINGS: readonly Ring[] = [-1, 0, 1, 2, 3];
const TITLES: Record<Ring, string> = {
  [-1]: "ring −1: hypervisor",
  0: "ring 0: kernel",
  1: "ring 1",
  2: "ring 2",
  3: "ring 3: user",
};
/** Tracks are numbered from 1, the hypervisor's first. */
const track = (ring: Ring): number => ring + 2;
const hex = (value: bigint): string => `0x${value.toString(16)}`;

/**
 * A trace in the Trace Event Format: one track for each ring, a span wherever that ring had the processor, and an
 * instant for each record. Spans of ring −1 are named by the exit reason that began them.
 * @param events - without gaps, oldest first
 * @param frequency - cycles per second
 */
export function traceEventsJson(
  events: readonly TraceEvent[],
  frequency: number,
): { displayTimeUnit: "ns"; traceEvents: TraceEventJson[] } {
  const processors = [...new Set(events.map(({ processor }) => processor))].sort((x, y) => x - y);
  return {
    displayTimeUnit: "ns",
    traceEvents: processors.flatMap((processor) => {
      const own = events.filter((event) => event.processor === processor);
      return [...tracks(processor), ...spans(own, processor, frequency), ...instants(own, frequency)];
    }),
  };
}

function tracks(processor: number): TraceEventJson[] {
  const pid = processor + 1;
  return [
    { name: "process_name", ph: "M", pid, tid: 0, args: { name: `processor ${processor}` } },
    ...RINGS.map((ring): TraceEventJson => ({
      name: "thread_name",
      ph: "M",
      pid,
      tid: track(ring),
      args: { name: TITLES[ring] },
    })),
  ];
}

function spans(events: readonly TraceEvent[], processor: number, frequency: number): TraceEventJson[] {
  const byNumber = new Map(events.map((event) => [event.n, event]));
  return ringSpans(events, events.at(-1)?.cycle ?? 0).map(({ ring, start, end, open }) => {
    const opening = byNumber.get(open);
    const exit = opening?.kind === "VM_EXIT" ? exitReasonName(Number(opening.a & 0xffffn)) : undefined;
    return {
      name: exit ?? `ring ${ring}`.replace("-", "−"),
      ph: "X",
      pid: processor + 1,
      tid: track(ring),
      ts: microseconds(start, frequency),
      dur: microseconds(end - start, frequency),
      args: { record: open, cycles: end - start },
    };
  });
}

function instants(events: readonly TraceEvent[], frequency: number): TraceEventJson[] {
  return events.map(({ kind, processor, ring, cycle, n, cause, rip, a, b, c }) => ({
    name: kind,
    ph: "i",
    pid: processor + 1,
    tid: track(ring),
    ts: microseconds(cycle, frequency),
    s: "t",
    args: { record: n, cause, rip: hex(rip), a: hex(a), b: hex(b), c: hex(c) },
  }));
}

function microseconds(cycles: number, frequency: number): number {
  return cycles / (frequency / 1e6);
}
