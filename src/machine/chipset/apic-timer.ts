import { Divider, type Clock, type TimerEvent } from "../clock.js";

/**
 * The timer of a local APIC (SDM Vol. 3, 11.5.4). It counts the core crystal clock, divided by the divide
 * configuration register; in TSC-deadline mode it compares the time-stamp counter instead.
 * @module
 */

/** Core crystal clock of a Skylake client processor, Hz (SDM Vol. 3, 19.7.3; CPUID leaf 15H). */
export const CRYSTAL_FREQUENCY = 24_000_000;

/** LVT timer mode, bits 18:17; the reserved fourth one counts once. */
export const ONE_SHOT = 0;
export const PERIODIC = 1;
export const TSC_DEADLINE = 2;

/** Deadlines beyond it never come: cycles are exact numbers. */
const END_OF_TIME = BigInt(Number.MAX_SAFE_INTEGER);

/** Plain data. */
export interface ApicTimerState {
  mode: number;
  initialCount: number;
  /** Divide configuration register. */
  divide: number;
  /** Tick of the crystal at which the count was the initial one; null: stopped. */
  start: number | null;
  /** IA32_TSC_DEADLINE; 0: disarmed. */
  deadline: bigint;
}

export class ApicTimer {
  readonly #ticks: Divider;
  #state: ApicTimerState = { mode: ONE_SHOT, initialCount: 0, divide: 0, start: null, deadline: 0n };
  #event: TimerEvent | null = null;

  /**
   * @param clock - simulated time
   * @param timeStampOffset - what the time-stamp counter adds to the clock's cycles
   * @param expired - a count has come to 0, or the deadline has
   */
  constructor(
    private readonly clock: Clock,
    private readonly timeStampOffset: () => bigint,
    private readonly expired: () => void,
  ) {
    this.#ticks = new Divider(CRYSTAL_FREQUENCY, clock);
  }

  reset(): void {
    this.#state = { mode: ONE_SHOT, initialCount: 0, divide: 0, start: null, deadline: 0n };
    this.#await();
  }

  /** A change between TSC-deadline mode and the others disarms the timer (11.5.4.1). */
  setMode(mode: number): void {
    const s = this.#state;
    if (mode === s.mode) return;
    if (mode === TSC_DEADLINE || s.mode === TSC_DEADLINE) {
      s.initialCount = 0;
      s.start = null;
      s.deadline = 0n;
    }
    s.mode = mode;
    this.#await();
  }

  get initialCount(): number {
    return this.#state.initialCount;
  }
  /** Starts the count; 0 stops it. Ignored in TSC-deadline mode. */
  set initialCount(count: number) {
    const s = this.#state;
    if (s.mode === TSC_DEADLINE) return;
    s.initialCount = count;
    s.start = count === 0 ? null : this.#ticks.now();
    this.#await();
  }

  get currentCount(): number {
    const { start, initialCount, mode } = this.#state;
    if (start === null) return 0;
    const elapsed = Math.floor((this.#ticks.now() - start) / this.#divisor);
    if (mode === PERIODIC) return initialCount - (elapsed % initialCount);
    return Math.max(initialCount - elapsed, 0);
  }

  get divide(): number {
    return this.#state.divide;
  }
  /** The count goes on from where it is, at the new speed. */
  set divide(value: number) {
    const s = this.#state;
    const count = this.currentCount;
    s.divide = value & 0xb;
    if (s.start !== null) s.start = this.#ticks.now() - (s.initialCount - count) * this.#divisor;
    this.#await();
  }

  /** IA32_TSC_DEADLINE reads as 0 once it has fired, and in the other modes. */
  get deadline(): bigint {
    return this.#state.deadline;
  }
  set deadline(timeStamp: bigint) {
    if (this.#state.mode !== TSC_DEADLINE) return;
    this.#state.deadline = timeStamp;
    this.#await();
  }

  /** The time-stamp counter was set: the deadline is at another cycle now. */
  timeStampChanged(): void {
    if (this.#state.deadline !== 0n) this.#await();
  }

  /** Bits 3, 1 and 0: divide by 2 … 128, or by 1 (figure 11-10). */
  get #divisor(): number {
    const { divide } = this.#state;
    const code = (divide & 3) | ((divide & 8) >> 1);
    return code === 7 ? 1 : 2 << code;
  }

  /** The cycle of the next expiry; null: none. */
  #next(): number | null {
    const s = this.#state;
    if (s.mode === TSC_DEADLINE) {
      if (s.deadline === 0n) return null;
      const cycle = s.deadline - this.timeStampOffset();
      if (cycle > END_OF_TIME) return null;
      return Math.max(Number(cycle), this.clock.now());
    }
    if (s.start === null) return null;
    return this.#ticks.cycleOf(s.start + s.initialCount * this.#divisor);
  }

  #await(): void {
    if (this.#event) this.clock.cancel(this.#event);
    const next = this.#next();
    this.#event = next === null ? null : this.clock.schedule(next, () => this.#expire());
  }

  #expire(): void {
    const s = this.#state;
    this.#event = null;
    if (s.mode === TSC_DEADLINE) s.deadline = 0n;
    else if (s.mode === PERIODIC) this.#reload();
    else s.start = null;
    this.expired();
  }

  /** The periods that are over lie behind the new start. */
  #reload(): void {
    const s = this.#state;
    const period = s.initialCount * this.#divisor;
    s.start! += Math.floor((this.#ticks.now() - s.start!) / period) * period;
    this.#await();
  }

  snapshot(): ApicTimerState {
    return { ...this.#state };
  }
  /** Takes over a state taken at the clock's present time. */
  restore(state: ApicTimerState): void {
    this.#state = { ...state };
    this.#await();
  }
}
