import type { Session } from "../experiments/session.js";
import type { TraceEvent } from "../experiments/view.js";

/** More than a trace viewer opens with pleasure; the newest are kept. */
const MOST_EVENTS = 1_000_000;

/** Takes the records of a run out of the ring before they are overwritten. */
export class TraceCollector {
  events: TraceEvent[] = [];
  /** Oldest records that were given up. */
  dropped = 0;
  #seen = 0;

  constructor(private readonly session: Session) {}

  /** To be called at least once for every 65 536 records. */
  collect(): void {
    const { traceCount } = this.session.view();
    for (const event of this.session.trace(this.#seen, traceCount)) this.events.push(event);
    this.#seen = traceCount;
    if (this.events.length < 2 * MOST_EVENTS) return;
    this.dropped += this.events.length - MOST_EVENTS;
    this.events = this.events.slice(-MOST_EVENTS);
  }
}
