/** Something to be done at a moment of simulated time. */
export interface TimerEvent {
  /** Deadline. */
  readonly cycle: number;
  readonly sequence: number;
  readonly action: (cycle: number) => void;
}

/**
 * Simulated time in cycles at a fixed frequency, with a queue of deadlines. Time itself comes from outside: the
 * board's clock follows the processor's CYCLES, a VM's clock whatever its hypervisor calls virtual time. Events of the
 * same cycle fire in the order in which they were scheduled.
 */
export class Clock {
  /** Sorted: the next event is the last. */
  #queue: TimerEvent[] = [];
  #sequence = 0;

  /**
   * @param frequency - cycles per second, a positive integer up to 7.5 GHz
   * @param now - cycles so far; never goes back
   * @param onNext - told whenever {@link next} has changed, e.g. to move the processor's DEADLINE
   */
  constructor(
    readonly frequency: number,
    readonly now: () => number,
    private readonly onNext: (cycle: number | null) => void = () => {},
  ) {
    if (!Number.isSafeInteger(frequency) || frequency <= 0 || frequency > 7.5e9) {
      throw new RangeError(`clock of ${frequency} Hz: expected a positive integer up to 7.5e9`);
    }
  }

  /**
   * Has `action` called, with its deadline, by the first {@link advanceTo} that reaches `cycle`.
   * @returns what {@link cancel} takes
   */
  schedule(cycle: number, action: (cycle: number) => void): TimerEvent {
    if (!Number.isFinite(cycle)) throw new RangeError(`event at cycle ${cycle}`);
    const event: TimerEvent = { cycle, sequence: this.#sequence++, action };
    let index = this.#queue.length;
    while (index > 0 && this.#queue[index - 1]!.cycle <= cycle) index--;
    this.#queue.splice(index, 0, event);
    if (index === this.#queue.length - 1) this.onNext(cycle);
    return event;
  }

  /** Forgets an event; one that has fired or was cancelled already is ignored. */
  cancel(event: TimerEvent): void {
    const index = this.#queue.indexOf(event);
    if (index < 0) return;
    this.#queue.splice(index, 1);
    if (index === this.#queue.length) this.onNext(this.next());
  }

  /** The earliest deadline, or null when nothing is scheduled. */
  next(): number | null {
    return this.#queue.at(-1)?.cycle ?? null;
  }

  /**
   * Fires everything due up to and including `cycle`, earliest first, events scheduled meanwhile included.
   * @returns how many events fired
   */
  advanceTo(cycle: number): number {
    let fired = 0;
    for (let event = this.#queue.at(-1); event && event.cycle <= cycle; event = this.#queue.at(-1)) {
      this.#queue.pop();
      event.action(event.cycle);
      fired++;
    }
    if (fired > 0) this.onNext(this.next());
    return fired;
  }
}

/** floor(a × b / c), exact for a < c: a and c below 2^33 and b below 2^25, or the other way round. */
function mulDiv(a: number, b: number, c: number): number {
  const high = Math.floor(b / 4096);
  const quotient = Math.floor((a * high) / c);
  const rest = a * high - quotient * c;
  return quotient * 4096 + Math.floor((rest * 4096 + a * (b % 4096)) / c);
}

/**
 * Ticks of a slower clock derived from cycles by exact integer division, so that no error ever accumulates: up to
 * 33 MHz from a clock up to 7.5 GHz.
 */
export class Divider {
  /**
   * @param frequency - ticks per second
   * @param clock - what is divided
   */
  constructor(
    readonly frequency: number,
    private readonly clock: Clock,
  ) {}

  /** Whole ticks so far. */
  now(): number {
    return this.tickAt(this.clock.now());
  }

  /** Whole ticks within the first `cycle` cycles. */
  tickAt(cycle: number): number {
    const seconds = Math.floor(cycle / this.clock.frequency);
    const rest = cycle - seconds * this.clock.frequency;
    return seconds * this.frequency + mulDiv(rest, this.frequency, this.clock.frequency);
  }

  /** The first cycle at which {@link tickAt} gives `tick`. */
  cycleOf(tick: number): number {
    const seconds = Math.floor(tick / this.frequency);
    const rest = tick - seconds * this.frequency;
    const before = mulDiv(rest, this.clock.frequency, this.frequency);
    const reached = mulDiv(before, this.frequency, this.clock.frequency) >= rest;
    return seconds * this.clock.frequency + (reached ? before : before + 1);
  }
}
