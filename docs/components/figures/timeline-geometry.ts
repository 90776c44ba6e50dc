/**
 * Geometry of the exit timeline: spans of rings to rectangles in lanes, with what is narrower than a pixel merged, so
 * that a run of any length is drawn with a bounded number of shapes. Pure; no DOM.
 */
import type { Ring, RingSpan } from "../../lib/experiments/view.js";
import type { ExitStay } from "./crossings.js";
import { exitFamily, type ExitFamily } from "./format.js";

export type Lane = "user" | "kernel" | "hypervisor";
export const LANES: readonly Lane[] = ["user", "kernel", "hypervisor"];

export function laneOf(ring: Ring): Lane {
  return ring === 3 ? "user" : ring === -1 ? "hypervisor" : "kernel";
}

export interface Bar {
  lane: Lane;
  x: number;
  width: number;
  /** 1 for a bar that one span fills; less where a bar stands for several spans and the gaps between them. */
  filled: number;
  spans: number;
}

/** Anything that maps a cycle to an x. */
export type Position = (cycle: number) => number;

/**
 * Bars of `spans` within [0, width]. Spans that begin within the same pixel of a lane share a bar.
 */
export function bars(spans: readonly RingSpan[], x: Position, width: number): Bar[] {
  const open = new Map<Lane, Bar & { covered: number }>();
  const done: Bar[] = [];
  const close = (lane: Lane): void => {
    const bar = open.get(lane);
    if (!bar) return;
    open.delete(lane);
    const filled = bar.spans === 1 ? 1 : Math.min(1, Math.max(0.15, bar.covered / bar.width));
    done.push({ lane, x: bar.x, width: bar.width, filled, spans: bar.spans });
  };
  for (const span of spans) {
    const left = Math.max(0, x(span.start));
    const right = Math.min(width, x(span.end));
    if (right < 0 || left > width || span.end <= span.start) continue;
    const lane = laneOf(span.ring);
    const bar = open.get(lane);
    const end = Math.max(right, left + 1);
    if (bar && left < bar.x + Math.max(1, bar.width) && left - bar.x < 3 && end - bar.x < 6) {
      bar.covered += right - left;
      bar.width = Math.max(bar.width, end - bar.x);
      bar.spans++;
    } else {
      close(lane);
      open.set(lane, { lane, x: left, width: end - left, filled: 1, spans: 1, covered: right - left });
    }
  }
  for (const lane of [...open.keys()]) close(lane);
  return done.sort((a, b) => a.x - b.x);
}

export interface ExitMark {
  stay: ExitStay;
  family: ExitFamily;
  x: number;
  width: number;
  /** Text for the mark, or null where its neighbours leave no room. */
  label: string | null;
}

/**
 * Marks of exits within [0, width]; labels from the left, each only where it does not touch the one before. Marks too
 * narrow to be told apart are labelled where the reason changes.
 *
 * @param measure - width of a label in pixels
 * @param limit - most marks to draw; beyond it only every k-th is
 */
export function exitMarks(
  stays: readonly ExitStay[],
  x: Position,
  width: number,
  now: number,
  label: (stay: ExitStay) => string,
  measure: (text: string) => number,
  limit = 1500,
): ExitMark[] {
  const seen = stays.filter((stay) => x(stay.end ?? now) >= 0 && x(stay.start) <= width);
  const every = Math.ceil(seen.length / limit);
  let free = -Infinity;
  let before: number | null = null;
  return seen
    .filter((_, index) => index % every === 0)
    .map((stay) => {
      const left = x(stay.start);
      const right = x(stay.end ?? now);
      const text = label(stay);
      const worth = right - left >= 8 || stay.reason !== before;
      before = stay.reason;
      const fits = worth && left >= free && left + measure(text) <= width;
      if (fits) free = left + measure(text) + 8;
      return {
        stay,
        family: exitFamily(stay.reason),
        x: left,
        width: Math.max(1.5, right - left),
        label: fits ? text : null,
      };
    });
}

/**
 * Cycles to an even scale, on which every record is one step wide: what happens in sequence stays legible beside a
 * wait of a million cycles.
 */
export function evenScale(cyclesOfRecords: readonly number[]): {
  steps: number;
  step: (cycle: number) => number;
} {
  const stops = [...new Set(cyclesOfRecords)].sort((a, b) => a - b);
  const step = (cycle: number): number => {
    let low = 0;
    let high = stops.length - 1;
    if (high < 0) return 0;
    if (cycle <= stops[0]) return 0;
    if (cycle >= stops[high]) return high;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (stops[middle] <= cycle) low = middle;
      else high = middle;
    }
    return low + (cycle - stops[low]) / (stops[high] - stops[low]);
  };
  return { steps: Math.max(1, stops.length - 1), step };
}

/** Where a window of `span` goes so that `centre` lies inside it, within [0, end]. */
export function windowAround(centre: number, span: number, end: number): [number, number] {
  const start = Math.max(0, Math.min(end - span, centre - span / 2));
  return [start, Math.min(end, start + span)];
}
