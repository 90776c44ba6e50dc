import { byteWide, type Device } from "../bus.js";
import { Divider, type Clock, type TimerEvent } from "../clock.js";
import { PIT_FREQUENCY } from "../../spec/ports.js";
import { PitCounter, type PitCounterState } from "./pit-counter.js";

/**
 * Intel 8254 programmable interval timer (datasheet 231164-005) as wired in a PC: counter 0's OUT is an interrupt
 * request, the gates of counters 0 and 1 are high, that of counter 2 is software's. After power-up, which the datasheet
 * leaves undefined, the counters are in mode 3, as firmware programs them, but wait for a count.
 * @module
 */

// Registers: 0–2 the counters, 3 the control word.
const CONTROL_WORD = 3;

/** Bits 7:6 of the control word: counter 0–2, or read-back. */
const READ_BACK = 3;
/** Bits 5:4 of the control word: how counts are accessed; 0 latches the count. */
const LATCH = 0;
const ACCESS_LSB = 1;
const ACCESS_MSB = 2;
const ACCESS_BOTH = 3;
const READ_BACK_NO_COUNT = 1 << 5;
const READ_BACK_NO_STATUS = 1 << 4;
const STATUS_OUT = 1 << 7;
const STATUS_NULL_COUNT = 1 << 6;

/** Access state of one counter: plain data. */
interface Port {
  access: number;
  /** Mode bits as written: 6 and 7 are modes 2 and 3 too. */
  modeBits: number;
  /** First byte of a two-byte count, waiting for the second. */
  low: number | null;
  /** The next byte read is the second of two. */
  second: boolean;
  latchedCount: number | null;
  latchedStatus: number | null;
}

export interface Pit8254State {
  counters: PitCounterState[];
  ports: Port[];
  line: boolean;
}

/** A register's digits as a number: four decimal ones in BCD. */
function decodeCount(register: number, bcd: boolean): number {
  if (!bcd) return register;
  const digit = (shift: number): number => (register >> shift) & 15;
  return (digit(12) * 1000 + digit(8) * 100 + digit(4) * 10 + digit(0)) % 10_000;
}
function encodeCount(value: number, bcd: boolean): number {
  return bcd ? parseInt(String(value), 16) : value;
}

export class Pit8254 {
  /** 4 ports. */
  readonly device: Device = byteWide(
    (offset) => this.#read(offset),
    (offset, value) => this.#write(offset, value),
  );
  readonly #ticks: Divider;
  readonly #counters = [new PitCounter(true), new PitCounter(true), new PitCounter(false)];
  #ports: Port[] = this.#counters.map(() => ({
    access: ACCESS_BOTH,
    modeBits: 3,
    low: null,
    second: false,
    latchedCount: null,
    latchedStatus: null,
  }));
  #line = true;
  /** OUT 0's next change. */
  #edge: { tick: number; event: TimerEvent } | null = null;

  /**
   * @param clock - CLK of 1.193182 MHz is derived from it
   * @param output - OUT of counter 0: called with its first level, high, and on every change
   */
  constructor(
    private readonly clock: Clock,
    private readonly output: (level: boolean) => void,
  ) {
    this.#ticks = new Divider(PIT_FREQUENCY, clock);
    this.output(this.#line);
  }

  /** GATE of counter 2. */
  setGate2(level: boolean): void {
    this.#counters[2]!.setGate(level, this.#now());
  }
  /** OUT of counter 2. */
  get out2(): boolean {
    return this.#counters[2]!.out(this.#now());
  }
  /** CLK ticks so far. */
  get ticks(): number {
    return this.#ticks.now();
  }

  #read(offset: number): number {
    const counter = this.#counters[offset];
    const port = this.#ports[offset];
    if (!counter || !port) return 0xff;
    if (port.latchedStatus !== null) {
      const status = port.latchedStatus;
      port.latchedStatus = null;
      return status;
    }
    const count = port.latchedCount ?? this.#count(counter);
    if (port.access === ACCESS_BOTH && !port.second) {
      port.second = true;
      return count & 0xff;
    }
    port.second = false;
    port.latchedCount = null;
    return port.access === ACCESS_LSB ? count & 0xff : count >> 8;
  }

  #write(offset: number, value: number): void {
    if (offset === CONTROL_WORD) this.#control(value);
    else if (offset < CONTROL_WORD) this.#writeCount(offset, value);
  }

  #control(word: number): void {
    const index = word >> 6;
    if (index === READ_BACK) {
      for (let i = 0; i < 3; i++) if (word & (2 << i)) this.#readBack(i, word);
      return;
    }
    const access = (word >> 4) & 3;
    const port = this.#ports[index]!;
    if (access === LATCH) {
      port.latchedCount ??= this.#count(this.#counters[index]!);
      return;
    }
    const modeBits = (word >> 1) & 7;
    const tick = this.#now();
    this.#ports[index] = {
      access,
      modeBits,
      low: null,
      second: false,
      latchedCount: null,
      latchedStatus: null,
    };
    this.#counters[index]!.program(modeBits > 5 ? modeBits - 4 : modeBits, (word & 1) !== 0, tick);
    if (index === 0) this.#follow(tick);
  }

  #readBack(index: number, word: number): void {
    const port = this.#ports[index]!;
    const counter = this.#counters[index]!;
    if ((word & READ_BACK_NO_COUNT) === 0) port.latchedCount ??= this.#count(counter);
    if (word & READ_BACK_NO_STATUS) return;
    const tick = this.#now();
    port.latchedStatus ??=
      (counter.out(tick) ? STATUS_OUT : 0) |
      (counter.nullCount(tick) ? STATUS_NULL_COUNT : 0) |
      (port.access << 4) |
      (port.modeBits << 1) |
      (counter.bcd ? 1 : 0);
  }

  #writeCount(index: number, value: number): void {
    const port = this.#ports[index]!;
    const counter = this.#counters[index]!;
    const tick = this.#now();
    if (port.access === ACCESS_BOTH && port.low === null) {
      port.low = value;
      counter.hold(tick);
    } else {
      const register =
        port.access === ACCESS_LSB
          ? value
          : port.access === ACCESS_MSB
            ? value << 8
            : (value << 8) | port.low!;
      port.low = null;
      counter.load(decodeCount(register, counter.bcd), tick);
    }
    if (index === 0) this.#follow(tick);
  }

  #count(counter: PitCounter): number {
    return encodeCount(counter.value(this.#now()), counter.bcd);
  }

  /** The present tick, once OUT's changes up to it are done: an access may come before the clock has fired them. */
  #now(): number {
    const tick = this.#ticks.now();
    while (this.#edge && this.#edge.tick <= tick) this.#follow(this.#edge.tick);
    return tick;
  }

  /** Brings the output line to OUT of a tick and waits for OUT's next change. */
  #follow(tick: number): void {
    const level = this.#counters[0]!.out(tick);
    if (level !== this.#line) {
      this.#line = level;
      this.output(level);
    }
    this.#await(tick);
  }

  #await(tick: number): void {
    if (this.#edge) this.clock.cancel(this.#edge.event);
    const change = this.#counters[0]!.nextChange(tick);
    this.#edge = change === null ? null : { tick: change, event: this.#schedule(change) };
  }

  #schedule(tick: number): TimerEvent {
    return this.clock.schedule(this.#ticks.cycleOf(tick), () => this.#follow(tick));
  }

  snapshot(): Pit8254State {
    return {
      counters: this.#counters.map((counter) => counter.snapshot()),
      ports: this.#ports.map((port) => ({ ...port })),
      line: this.#line,
    };
  }
  /** Takes over a state taken at the clock's present time, without driving the output line. */
  restore(state: Pit8254State): void {
    this.#counters.forEach((counter, i) => counter.restore(state.counters[i]!));
    this.#ports = state.ports.map((port) => ({ ...port }));
    this.#line = state.line;
    this.#await(this.#ticks.now());
  }
}
