import type { RingSpan, TraceEvent } from "./events.js";

/**
 * Which ring had the processor when. The first span opens with the first event: what ran before it is not in the
 * trace.
 * @param events - of one processor, without gaps, oldest first
 * @param now - cycles at which the span that still runs is cut off
 */
export function ringSpans(events: readonly TraceEvent[], now: number): RingSpan[] {
  const spans: RingSpan[] = [];
  let running: RingSpan | undefined;
  for (const { ring, cycle, n } of events) {
    if (running?.ring === ring) continue;
    if (running) {
      running.end = cycle;
      running.close = n;
    }
    running = { ring, start: cycle, end: cycle, open: n, close: null };
    spans.push(running);
  }
  if (running) running.end = Math.max(running.start, now);
  return spans;
}

/** Cycles that each ring had in all, by ring. */
export function cyclesByRing(spans: readonly RingSpan[]): Map<RingSpan["ring"], number> {
  const cycles = new Map<RingSpan["ring"], number>();
  for (const { ring, start, end } of spans) cycles.set(ring, (cycles.get(ring) ?? 0) + end - start);
  return cycles;
}
