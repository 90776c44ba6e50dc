/** The part of a trace that a page keeps: the latest records, without gaps. Pure. */
import type { Ring, TraceEvent } from "../../lib/experiments/view.js";
import type { TraceDelta } from "./protocol.js";

export interface TraceWindow {
  events: readonly TraceEvent[];
  /** Ring before the first of them. */
  before: Ring;
  /** Number of the first VM exit among them. */
  firstExit: number;
}

export const EMPTY_TRACE: TraceWindow = { events: [], before: -1, firstExit: 1 };

/** Records that a page keeps. */
export const KEPT = 12_000;

/**
 * @param exits - VM exits since reset, after the delta
 */
export function addDelta(window: TraceWindow, delta: TraceDelta, exits: number): TraceWindow {
  if (delta.follows && delta.events.length === 0) return window;
  let events = delta.follows ? [...window.events, ...delta.events] : delta.events;
  let before = delta.follows && window.events.length > 0 ? window.before : delta.before;
  if (events.length > KEPT) {
    const dropped = events.length - KEPT;
    before = events[dropped - 1].ring;
    events = events.slice(dropped);
  }
  const inside = events.reduce((sum, event) => sum + (event.kind === "VM_EXIT" ? 1 : 0), 0);
  return { events, before, firstExit: exits - inside + 1 };
}
