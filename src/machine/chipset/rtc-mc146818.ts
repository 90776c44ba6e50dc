import { byteWide, type Device } from "../bus.js";
import { Divider, type Clock, type TimerEvent } from "../clock.js";
import { civilTime, secondsOf, weekday, type CivilTime } from "./calendar.js";

/**
 * Motorola MC146818 real-time clock with the 128 bytes of CMOS memory of a PC/AT (datasheet MC146818/D). Its time is a
 * fixed date plus simulated time. An update takes no time, but UIP announces it for 244 µs.
 * @module
 */

/** Ports: the index register and the register that it names. */
const INDEX = 0;
const DATA = 1;

const SECONDS = 0;
const SECONDS_ALARM = 1;
const MINUTES = 2;
const MINUTES_ALARM = 3;
const HOURS = 4;
const HOURS_ALARM = 5;
const WEEKDAY = 6;
const DAY = 7;
const MONTH = 8;
const YEAR = 9;
const A = 10;
const B = 11;
const C = 12;
const D = 13;
const CENTURY = 0x32;
const CMOS_BYTES = 128;

const A_UIP = 1 << 7;
const A_DV_AND_RS = 0x7f;
const A_AT_RESET = 0x26;
const A_RS = 0xf;
const B_SET = 1 << 7;
const B_PIE = 1 << 6;
const B_AIE = 1 << 5;
const B_24_HOURS = 1 << 1;
const B_BINARY = 1 << 2;
const C_IRQF = 1 << 7;
const C_PF = 1 << 6;
const C_AF = 1 << 5;
const C_UF = 1 << 4;
const D_VALID = 1 << 7;
const PM = 1 << 7;
/** Alarm bytes from here on match anything. */
const DO_NOT_CARE = 0xc0;

const TIME_BASE = 32_768;
/** UIP is set so long before an update. */
const UIP_SECONDS = 244e-6;
const DAY_SECONDS = 86_400;

export interface RtcState {
  index: number;
  cmos: number[];
  /** Seconds since 1970 at cycle 0 of the clock. */
  base: number;
  /** The time that SET holds, as registers; null while the clock runs. */
  held: CivilTime | null;
  /** Flags PF, AF, UF. */
  flags: number;
  /** Seconds and periods up to here have set their flags. */
  settledSecond: number;
  settledPeriod: number;
  line: boolean;
}

export class RtcMc146818 {
  /** 2 ports. */
  readonly device: Device = byteWide(
    (offset) => (offset === DATA ? this.#read(this.#index) : 0xff),
    (offset, value) => {
      if (offset === INDEX) this.#index = value & (CMOS_BYTES - 1);
      else this.#write(this.#index, value);
    },
  );
  readonly #cmos = new Uint8Array(CMOS_BYTES);
  readonly #ticks: Divider;
  #index = 0;
  #base: number;
  #held: CivilTime | null = null;
  #flags = 0;
  #settledSecond = 0;
  #settledPeriod = 0;
  #line = false;
  #event: TimerEvent | null = null;

  /**
   * @param start - the date at cycle 0 of the clock
   * @param memory - what firmware keeps in CMOS: [register, value]
   * @param output - IRQ, active high, called on every change
   */
  constructor(
    private readonly clock: Clock,
    start: CivilTime,
    memory: Iterable<readonly [number, number]>,
    private readonly output: (level: boolean) => void,
  ) {
    this.#ticks = new Divider(TIME_BASE, clock);
    this.#base = secondsOf(start);
    this.#cmos[A] = A_AT_RESET;
    this.#cmos[B] = B_24_HOURS;
    for (const [register, value] of memory) this.#cmos[register] = value;
  }

  // Time

  #second(): number {
    return Math.floor(this.clock.now() / this.clock.frequency);
  }
  #time(): CivilTime {
    return this.#held ?? civilTime(this.#base + this.#second());
  }
  #setTime(time: CivilTime): void {
    if (this.#cmos[B]! & B_SET) this.#held = time;
    else this.#base = secondsOf(time) - this.#second();
  }

  get #updateInProgress(): boolean {
    if (this.#cmos[B]! & B_SET) return false;
    const { frequency } = this.clock;
    return this.clock.now() % frequency >= frequency * (1 - UIP_SECONDS);
  }

  /** Ticks of the time base in a period of the periodic interrupt; 0: there is none. */
  get #period(): number {
    const rate = this.#cmos[A]! & A_RS;
    if (rate === 0) return 0;
    return rate < 3 ? 1 << (rate + 6) : 1 << (rate - 1);
  }

  #matches(register: number, value: number): boolean {
    const alarm = this.#cmos[register]!;
    return alarm >= DO_NOT_CARE || alarm === value;
  }

  /** The first second since cycle 0 behind `second` in which the alarm goes off; Infinity: never. */
  #nextAlarm(second: number): number {
    const now = this.#base + second;
    const midnight = now - (((now % DAY_SECONDS) + DAY_SECONDS) % DAY_SECONDS);
    const time = this.#alarmAfter(now - midnight) ?? (this.#alarmAfter(-1) ?? Infinity) + DAY_SECONDS;
    return midnight + time - this.#base;
  }
  /** The alarm's first second of the day behind `after`. */
  #alarmAfter(after: number): number | null {
    for (let hour = Math.max(Math.floor(after / 3600), 0); hour < 24; hour++) {
      if (!this.#matches(HOURS_ALARM, this.#encodeHour(hour))) continue;
      for (let minute = 0; minute < 60; minute++) {
        const start = hour * 3600 + minute * 60;
        if (start + 59 <= after || !this.#matches(MINUTES_ALARM, this.#encode(minute))) continue;
        for (let second = Math.max(after + 1 - start, 0); second < 60; second++) {
          if (this.#matches(SECONDS_ALARM, this.#encode(second))) return start + second;
        }
      }
    }
    return null;
  }

  // Interrupts

  /** Sets the flags of what has happened up to now; they are set whether or not their interrupts are enabled. */
  #settle(): void {
    const second = this.#second();
    if (second > this.#settledSecond) {
      if ((this.#cmos[B]! & B_SET) === 0) this.#endUpdates(second);
      this.#settledSecond = second;
    }
    const period = this.#period;
    const periods = period === 0 ? 0 : Math.floor(this.#ticks.now() / period);
    if (periods > this.#settledPeriod) this.#flags |= C_PF;
    this.#settledPeriod = periods;
    const level = (this.#flags & this.#cmos[B]! & (C_PF | C_AF | C_UF)) !== 0;
    if (level === this.#line) return;
    this.#line = level;
    this.output(level);
  }

  #endUpdates(second: number): void {
    this.#flags |= C_UF;
    if (this.#nextAlarm(this.#settledSecond) <= second) this.#flags |= C_AF;
  }

  /** The cycle at which an enabled flag will be set; null: none is enabled, or all that are have been set. */
  #next(): number | null {
    const wanted = this.#cmos[B]! & ~this.#flags;
    const { frequency } = this.clock;
    const cycles: number[] = [];
    if (wanted & B_PIE && this.#period > 0) {
      cycles.push(this.#ticks.cycleOf((this.#settledPeriod + 1) * this.#period));
    }
    if ((this.#cmos[B]! & B_SET) === 0) {
      if (wanted & C_UF) cycles.push((this.#settledSecond + 1) * frequency);
      if (wanted & B_AIE) cycles.push(this.#nextAlarm(this.#settledSecond) * frequency);
    }
    const next = Math.min(...cycles);
    return next < Infinity ? next : null;
  }

  #await(): void {
    if (this.#event) this.clock.cancel(this.#event);
    const next = this.#next();
    this.#event =
      next === null
        ? null
        : this.clock.schedule(next, () => {
            this.#event = null;
            this.#settle();
            this.#await();
          });
  }

  // Registers

  #encode(value: number): number {
    return this.#cmos[B]! & B_BINARY ? value : Math.floor(value / 10) * 16 + (value % 10);
  }
  #decode(value: number): number {
    return this.#cmos[B]! & B_BINARY ? value : (value >> 4) * 10 + (value & 0xf);
  }
  #encodeHour(hour: number): number {
    if (this.#cmos[B]! & B_24_HOURS) return this.#encode(hour);
    return this.#encode(((hour + 11) % 12) + 1) | (hour >= 12 ? PM : 0);
  }
  #decodeHour(value: number): number {
    if (this.#cmos[B]! & B_24_HOURS) return this.#decode(value);
    return (this.#decode(value & ~PM) % 12) + (value & PM ? 12 : 0);
  }

  #read(register: number): number {
    const time = this.#time();
    switch (register) {
      case SECONDS:
        return this.#encode(time.second);
      case MINUTES:
        return this.#encode(time.minute);
      case HOURS:
        return this.#encodeHour(time.hour);
      case WEEKDAY:
        return this.#encode(weekday(secondsOf(time)));
      case DAY:
        return this.#encode(time.day);
      case MONTH:
        return this.#encode(time.month);
      case YEAR:
        return this.#encode(time.year % 100);
      case CENTURY:
        return this.#encode(Math.floor(time.year / 100));
      case A:
        return this.#cmos[A]! | (this.#updateInProgress ? A_UIP : 0);
      case C:
        return this.#readFlags();
      case D:
        return D_VALID;
      default:
        return this.#cmos[register]!;
    }
  }

  /** Reading register C clears the flags, and with them the interrupt. */
  #readFlags(): number {
    this.#settle();
    const value = this.#flags | (this.#line ? C_IRQF : 0);
    this.#flags = 0;
    this.#settle();
    this.#await();
    return value;
  }

  #write(register: number, value: number): void {
    this.#settle();
    const time = this.#time();
    const number = this.#decode(value);
    if (register === SECONDS) this.#setTime({ ...time, second: number });
    else if (register === MINUTES) this.#setTime({ ...time, minute: number });
    else if (register === HOURS) this.#setTime({ ...time, hour: this.#decodeHour(value) });
    else if (register === DAY) this.#setTime({ ...time, day: number });
    else if (register === MONTH) this.#setTime({ ...time, month: number });
    else if (register === YEAR) this.#setTime({ ...time, year: time.year - (time.year % 100) + number });
    else if (register === CENTURY) this.#setTime({ ...time, year: number * 100 + (time.year % 100) });
    else if (register === A) this.#writeA(value);
    else if (register === B) this.#writeB(value);
    else if (register !== WEEKDAY && register !== C && register !== D) this.#cmos[register] = value;
    this.#settle();
    this.#await();
  }

  #writeA(value: number): void {
    this.#cmos[A] = value & A_DV_AND_RS;
    this.#settledPeriod = this.#period === 0 ? 0 : Math.floor(this.#ticks.now() / this.#period);
  }

  /** SET holds the time for setting; the clock runs on from there when it is cleared. */
  #writeB(value: number): void {
    const time = this.#time();
    this.#cmos[B] = value;
    if (value & B_SET) this.#held = time;
    else if (this.#held) {
      this.#held = null;
      this.#setTime(time);
    }
  }

  snapshot(): RtcState {
    return {
      index: this.#index,
      cmos: [...this.#cmos],
      base: this.#base,
      held: this.#held && { ...this.#held },
      flags: this.#flags,
      settledSecond: this.#settledSecond,
      settledPeriod: this.#settledPeriod,
      line: this.#line,
    };
  }
  /** Takes over a state taken at the clock's present time, without driving the interrupt line. */
  restore(state: RtcState): void {
    this.#index = state.index;
    this.#cmos.set(state.cmos);
    this.#base = state.base;
    this.#held = state.held && { ...state.held };
    this.#flags = state.flags;
    this.#settledSecond = state.settledSecond;
    this.#settledPeriod = state.settledPeriod;
    this.#line = state.line;
    this.#await();
  }
}
