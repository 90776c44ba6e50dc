import { byteWide, type Device } from "../bus.js";
import { Divider, type Clock, type TimerEvent } from "../clock.js";
import { ACPI_SLP_EN } from "../../spec/ports.js";

/**
 * Fixed ACPI hardware (ACPI specification 6.5, 4.8.3): the PM1a event and control blocks and the power-management timer,
 * placed one behind the other as in the 82371AB. ACPI mode is always on; SLP_TYP 0 is soft-off (S5).
 * @module
 */

const STATUS = 0;
const ENABLE = 2;
const CONTROL = 4;
const TIMER = 8;
/** Ports of all blocks. */
export const ACPI_PM_PORTS = 12;

/** Timer carry, in status and enable: bit 31 of the timer has changed. */
const TMR = 1 << 0;
/** The real-time clock has interrupted. */
const RTC = 1 << 10;
/** Enable bits of events that this board has, and the global lock's, which needs no hardware. */
const ENABLE_WRITABLE = TMR | RTC | (1 << 5);
const SCI_EN = 1 << 0;
const SLP_TYP = 7 << 10;

/** Hz. */
export const PM_TIMER_FREQUENCY = 3_579_545;
/** Ticks between two changes of bit 31. */
const CARRY = 2 ** 31;

export interface AcpiPmState {
  enable: number;
  control: number;
  /** RTC_STS. */
  clockInterrupted: boolean;
  /** Changes of bit 31 that TMR_STS was cleared for. */
  carriesSeen: number;
  line: boolean;
}

export class AcpiPm {
  /** 12 ports. */
  readonly device: Device = {
    read: (offset, size) =>
      offset === TIMER && size === 4 ? this.#ticks.now() >>> 0 : this.#bytes.read(offset, size),
    write: (offset, size, value) => this.#bytes.write(offset, size, value),
  };
  readonly #bytes = byteWide(
    (offset) =>
      (offset >= TIMER ? this.#ticks.now() >>> 0 : this.#register(offset & ~1)) >>> (8 * this.#shift(offset)),
    (offset, value) => this.#writeByte(offset, value),
  );
  readonly #ticks: Divider;
  #state: AcpiPmState = { enable: 0, control: 0, clockInterrupted: false, carriesSeen: 0, line: false };
  #event: TimerEvent | null = null;

  /**
   * @param clock - the timer of 3.579545 MHz is derived from it
   * @param sci - the system control interrupt, active high, called on every change
   * @param powerOff - software asked for S5
   */
  constructor(
    private readonly clock: Clock,
    private readonly sci: (level: boolean) => void,
    private readonly powerOff: () => void,
  ) {
    this.#ticks = new Divider(PM_TIMER_FREQUENCY, clock);
  }

  /** The real-time clock asserts its interrupt request: sets RTC_STS. */
  clockInterrupt(): void {
    this.#state.clockInterrupted = true;
    this.#update();
  }

  #shift(offset: number): number {
    return offset >= TIMER ? offset - TIMER : offset & 1;
  }

  get #carries(): number {
    return Math.floor(this.#ticks.now() / CARRY);
  }
  get #status(): number {
    return (this.#carries > this.#state.carriesSeen ? TMR : 0) | (this.#state.clockInterrupted ? RTC : 0);
  }

  #register(offset: number): number {
    if (offset === STATUS) return this.#status;
    if (offset === ENABLE) return this.#state.enable;
    return offset === CONTROL ? this.#state.control | SCI_EN : 0;
  }

  #writeByte(offset: number, value: number): void {
    const s = this.#state;
    const register = offset & ~1;
    const shift = 8 * (offset & 1);
    const written = value << shift;
    const kept = 0xff00 >> shift;
    if (register === STATUS) {
      // A status bit is cleared by writing it.
      if (written & TMR) s.carriesSeen = this.#carries;
      if (written & RTC) s.clockInterrupted = false;
    } else if (register === ENABLE) s.enable = ((s.enable & kept) | written) & ENABLE_WRITABLE;
    else if (register === CONTROL) {
      s.control = (s.control & kept) | (written & ~(ACPI_SLP_EN | SCI_EN));
      if (written & ACPI_SLP_EN && (s.control & SLP_TYP) === 0) this.powerOff();
    }
    this.#update();
  }

  #update(): void {
    const s = this.#state;
    const level = (this.#status & s.enable) !== 0;
    if (this.#event) this.clock.cancel(this.#event);
    const waits = (s.enable & TMR) !== 0 && (this.#status & TMR) === 0;
    const next = waits ? this.#ticks.cycleOf((this.#carries + 1) * CARRY) : null;
    this.#event = next === null ? null : this.clock.schedule(next, () => this.#update());
    if (level === s.line) return;
    s.line = level;
    this.sci(level);
  }

  snapshot(): AcpiPmState {
    return { ...this.#state };
  }
  /** Takes over a state taken at the clock's present time, without driving the interrupt line. */
  restore(state: AcpiPmState): void {
    this.#state = { ...state };
    this.#update();
  }
}
