/**
 * One counter of an Intel 8254 (datasheet 231164-005, Mode Definitions) as a function of time. Times are ticks of its
 * CLK input. A count written during tick t is in the counting element from tick t + 1 on.
 * @module
 */

/** Plain data. */
export interface PitCounterState {
  /** 0–5. */
  mode: number;
  bcd: boolean;
  gate: boolean;
  /** Last count written, 1 … 65536 (10000 in BCD). */
  count: number;
  /** A count has been written since the control word. */
  written: boolean;
  /** Count register not yet in the counting element. */
  nullCount: boolean;
  /** Tick at which the counting element held `from`; null while it stands still. */
  start: number | null;
  /** Modes 2 and 3: the period. Others: value at `start`, or the value it stands still at. */
  from: number;
  /** Modes 0, 1, 4, 5: terminal count is still to come. */
  armed: boolean;
  /** Modes 2 and 3: tick at which `count` becomes the period. */
  reloadAt: number | null;
}

/** OUT and value of a counter over time. Methods take the present tick, which never goes back. */
export class PitCounter {
  #state: PitCounterState = {
    mode: 3,
    bcd: false,
    gate: true,
    count: 0x10000,
    written: false,
    nullCount: true,
    start: null,
    from: 0,
    armed: false,
    reloadAt: null,
  };

  constructor(gate: boolean) {
    this.#state.gate = gate;
  }

  /** Mode 0 … 5. */
  get mode(): number {
    return this.#state.mode;
  }
  get bcd(): boolean {
    return this.#state.bcd;
  }

  /** A control word: counting stops and OUT goes to the mode's initial level. */
  program(mode: number, bcd: boolean, tick: number): void {
    const from = this.value(tick);
    const { gate, count } = this.#state;
    this.#state = {
      mode,
      bcd,
      gate,
      count,
      written: false,
      nullCount: true,
      start: null,
      from,
      armed: true,
      reloadAt: null,
    };
  }

  /** The first byte of a two-byte count: disables counting in mode 0. */
  hold(tick: number): void {
    if (this.#state.mode !== 0) return;
    this.#freeze(tick);
    this.#state.armed = true;
  }

  /** A complete count; 0 stands for 2^16, in BCD for 10^4. 1 is illegal in modes 2 and 3 and taken for 2. */
  load(count: number, tick: number): void {
    const s = this.#state;
    this.#settle(tick);
    const periodic = s.mode === 2 || s.mode === 3;
    s.count = count === 0 ? this.#modulus() : periodic ? Math.max(count, 2) : count;
    s.nullCount = true;
    const first = !s.written;
    s.written = true;
    if (s.mode === 1 || s.mode === 5) return;
    if (s.mode === 0 || s.mode === 4) this.#begin(tick);
    else if (first || s.start === null || tick < s.start) this.#begin(tick);
    else s.reloadAt ??= this.#boundary(tick);
  }

  /** Drives the GATE input. */
  setGate(level: boolean, tick: number): void {
    const s = this.#state;
    if (s.gate === level) return;
    this.#settle(tick);
    if (!level && s.mode !== 1 && s.mode !== 5) this.#freeze(tick);
    s.gate = level;
    if (!level || !s.written) return;
    if (s.mode === 0 || s.mode === 4) s.start = tick;
    else this.#begin(tick);
  }

  /** Level of OUT during a tick. */
  out(tick: number): boolean {
    const s = this.#state;
    this.#settle(tick);
    if (s.mode === 0) return !s.armed;
    if (s.start === null) return true;
    const elapsed = Math.max(tick - s.start, 0);
    if (s.mode === 1) return !s.armed;
    if (s.mode === 2) return elapsed % s.from !== s.from - 1;
    if (s.mode === 3) return elapsed % s.from < Math.ceil(s.from / 2);
    return !s.armed || elapsed !== s.from;
  }

  /** The first tick behind `tick` at which OUT has another level, or null when it stays. */
  nextChange(tick: number): number | null {
    const s = this.#state;
    this.#settle(tick);
    if (s.start === null) return null;
    if (s.mode === 2 || s.mode === 3) return this.#nextPeriodicChange(tick);
    const terminal = s.start + s.from;
    if (tick < terminal) return s.armed ? terminal : null;
    return tick === terminal && !this.out(tick) ? tick + 1 : null;
  }

  /** What the counting element holds, 0 … modulus − 1. */
  value(tick: number): number {
    const s = this.#state;
    this.#settle(tick);
    const modulus = this.#modulus();
    if (s.start === null) return s.from % modulus;
    const elapsed = Math.max(tick - s.start, 0);
    if (s.mode === 2) return (s.from - (elapsed % s.from)) % modulus;
    if (s.mode === 3) return this.#squareWaveValue(elapsed % s.from) % modulus;
    return (((s.from - elapsed) % modulus) + modulus) % modulus;
  }

  /** Whether the last count written is not in the counting element yet. */
  nullCount(tick: number): boolean {
    this.#settle(tick);
    return this.#state.nullCount || tick < (this.#state.start ?? 0);
  }

  snapshot(): PitCounterState {
    return { ...this.#state };
  }
  restore(state: PitCounterState): void {
    this.#state = { ...state };
  }

  #modulus(): number {
    return this.#state.bcd ? 10_000 : 0x10000;
  }

  /** Loads the counting element at the next CLK. */
  #begin(tick: number): void {
    const s = this.#state;
    s.from = s.count;
    s.armed = true;
    s.nullCount = false;
    s.reloadAt = null;
    const counts = s.gate || s.mode === 1 || s.mode === 5;
    s.start = counts ? tick + 1 : null;
    if (!counts && (s.mode === 2 || s.mode === 3)) s.nullCount = true;
  }

  #freeze(tick: number): void {
    const s = this.#state;
    s.from = this.value(tick);
    s.start = null;
    s.reloadAt = null;
  }

  /** Mode 2: end of the period; mode 3: end of the half period. */
  #boundary(tick: number): number {
    const s = this.#state;
    const position = (tick - s.start!) % s.from;
    const high = Math.ceil(s.from / 2);
    const rest = s.mode === 3 && position < high ? high - position : s.from - position;
    return tick + rest;
  }

  /** Takes note of what has happened up to a tick: a reload, a terminal count. */
  #settle(tick: number): void {
    const s = this.#state;
    if (s.start === null) return;
    if (s.mode === 2 || s.mode === 3) {
      if (s.reloadAt === null || tick < s.reloadAt) return;
      const low = s.mode === 3 && (s.reloadAt - s.start) % s.from !== 0;
      s.start = low ? s.reloadAt - Math.ceil(s.count / 2) : s.reloadAt;
      s.from = s.count;
      s.reloadAt = null;
      s.nullCount = false;
    } else {
      const strobe = s.mode === 4 || s.mode === 5 ? 1 : 0;
      if (tick - s.start >= s.from + strobe) s.armed = false;
    }
  }

  #nextPeriodicChange(tick: number): number {
    const s = this.#state;
    const start = s.start!;
    const high = s.mode === 3 ? Math.ceil(s.from / 2) : s.from - 1;
    const position = tick < start ? tick - start : (tick - start) % s.from;
    return position < high ? tick + high - position : tick + s.from - position;
  }

  /** Mode 3 counts by two: even counts from N, odd ones from N − 1, OUT high for (N + 1) / 2 ticks. */
  #squareWaveValue(position: number): number {
    const { from } = this.#state;
    const high = Math.ceil(from / 2);
    const step = position < high ? position : position - high;
    return (from % 2 === 0 ? from : from - 1) - 2 * step;
  }
}
