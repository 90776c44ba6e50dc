import type { TraceEvent } from "../../src/trace/events.js";

/** Events from what matters in a test; numbered in order from `first`. */
export function trace(events: readonly Partial<TraceEvent>[], first = 0): TraceEvent[] {
  return events.map((event, i) => ({
    n: first + i,
    kind: "HALT",
    processor: 0,
    cycle: 0,
    instructions: 0,
    ring: 0,
    cause: 0,
    rip: 0n,
    a: 0n,
    b: 0n,
    c: 0n,
    ...event,
  }));
}
