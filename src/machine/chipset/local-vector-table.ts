import * as BUS from "./interrupt-bus.js";
import type { InterruptMessage } from "./interrupt-bus.js";

/**
 * The local vector table of a local APIC (SDM Vol. 3, 11.5.1): how the timer, the LINT0 and LINT1 pins and errors
 * interrupt their own processor.
 * @module
 */

/** Entries, in the order of their registers. */
const TIMER = 0;
const LINT0 = 3;
const LINT1 = 4;
const ERROR = 5;
const ENTRIES = 6;

const VECTOR = 0xff;
const DELIVERY_MODE = 7 << 8;
const DELIVERY_MODE_SHIFT = 8;
const ACTIVE_LOW = 1 << 13;
const REMOTE_IRR = 1 << 14;
const LEVEL = 1 << 15;
const MASKED = 1 << 16;
const TIMER_MODE = 3 << 17;
const TIMER_MODE_SHIFT = 17;
const DELIVERY_STATUS = 1 << 12;

const PIN = VECTOR | DELIVERY_MODE | ACTIVE_LOW | LEVEL | MASKED;
/** Bits that software writes, by entry (figure 11-8). */
const WRITABLE: readonly number[] = [
  VECTOR | MASKED | TIMER_MODE,
  VECTOR | DELIVERY_MODE | MASKED,
  VECTOR | DELIVERY_MODE | MASKED,
  PIN,
  PIN,
  VECTOR | MASKED,
];
const READ_ONLY: readonly number[] = WRITABLE.map((bits) =>
  bits === PIN ? DELIVERY_STATUS | REMOTE_IRR : DELIVERY_STATUS,
);

export interface LocalVectorTableState {
  entries: number[];
  /** Levels of LINT0 and LINT1, before polarity. */
  pins: boolean[];
  /** The spurious-vector register enables the APIC: entries may be unmasked. */
  enabled: boolean;
}

/** What the table needs of its local APIC. */
export interface LocalVectorTableSinks {
  deliver(message: InterruptMessage): void;
  /** {@link LocalVectorTable.extInt} may have changed. */
  changed(): void;
  timerMode(mode: number): void;
}

const atReset = (): LocalVectorTableState => ({
  entries: new Array<number>(ENTRIES).fill(MASKED),
  pins: [false, false],
  enabled: false,
});

export class LocalVectorTable {
  #state = atReset();

  constructor(private readonly sinks: LocalVectorTableSinks) {}

  reset(): void {
    const { pins } = this.#state;
    this.#state = { ...atReset(), pins };
  }

  enterVirtualWireMode(): void {
    this.write(LINT0, BUS.EXT_INT << DELIVERY_MODE_SHIFT);
    this.write(LINT1, BUS.NMI << DELIVERY_MODE_SHIFT);
  }

  /** While the APIC is disabled by software all entries are masked, and stay so (11.4.7.2). */
  setEnabled(enabled: boolean): void {
    const s = this.#state;
    s.enabled = enabled;
    if (!enabled) s.entries = s.entries.map((entry) => entry | MASKED);
    this.sinks.changed();
  }

  read(entry: number): number {
    return this.#state.entries[entry]!;
  }

  /** Bits of an entry that are not reserved. */
  defined(entry: number): number {
    return WRITABLE[entry]! | READ_ONLY[entry]!;
  }

  write(entry: number, value: number): void {
    const s = this.#state;
    const kept = s.entries[entry]! & REMOTE_IRR & (value & LEVEL ? ~0 : 0);
    s.entries[entry] = (value & WRITABLE[entry]!) | kept | (s.enabled ? 0 : MASKED);
    if (entry === TIMER) this.sinks.timerMode((value & TIMER_MODE) >> TIMER_MODE_SHIFT);
    if (entry === LINT0 || entry === LINT1) this.#levelAsserted(entry);
    this.sinks.changed();
  }

  raiseTimer(): void {
    this.#raise(TIMER);
  }
  raiseError(): void {
    this.#raise(ERROR);
  }

  /** @param pin - 0 or 1 */
  setLint(pin: 0 | 1, level: boolean): void {
    const s = this.#state;
    if (s.pins[pin] === level) return;
    s.pins[pin] = level;
    const number = LINT0 + pin;
    const entry = s.entries[number]!;
    if (this.#asserted(number) && (this.#mode(number) !== BUS.FIXED || (entry & LEVEL) === 0))
      this.#raise(number);
    this.#levelAsserted(number);
    this.sinks.changed();
  }

  /** A pin is ExtINT and asserted: its level counts, whatever the entry's trigger mode. */
  get extInt(): boolean {
    return this.#extIntOn(LINT0) || this.#extIntOn(LINT1);
  }
  /** Level of LINT0: INTR of a processor whose APIC is disabled (11.4.3). */
  get lint0(): boolean {
    return this.#state.pins[0]!;
  }

  /** A level-triggered pin interrupts again if it is still asserted. */
  endOfInterrupt(vector: number): void {
    for (const pin of [LINT0, LINT1]) {
      const entry = this.#state.entries[pin]!;
      if ((entry & REMOTE_IRR) === 0 || (entry & VECTOR) !== vector) continue;
      this.#state.entries[pin] = entry & ~REMOTE_IRR;
      this.#levelAsserted(pin);
    }
  }

  #extIntOn(pin: number): boolean {
    return this.#mode(pin) === BUS.EXT_INT && this.#unmasked(pin) && this.#asserted(pin);
  }
  #mode(entry: number): number {
    return (this.#state.entries[entry]! & DELIVERY_MODE) >> DELIVERY_MODE_SHIFT;
  }
  #unmasked(entry: number): boolean {
    return (this.#state.entries[entry]! & MASKED) === 0;
  }
  #asserted(pin: number): boolean {
    const low = (this.#state.entries[pin]! & ACTIVE_LOW) !== 0;
    return this.#state.pins[pin - LINT0]! !== low;
  }

  /** The trigger mode counts for fixed delivery only (11.5.1). */
  #levelAsserted(pin: number): void {
    const entry = this.#state.entries[pin]!;
    if ((entry & LEVEL) === 0 || this.#mode(pin) !== BUS.FIXED || entry & (REMOTE_IRR | MASKED)) return;
    if (!this.#asserted(pin)) return;
    this.#state.entries[pin] = entry | REMOTE_IRR;
    this.#raise(pin);
  }

  /** Delivery mode 0 in entries that have none is fixed. ExtINT is no message: see {@link extInt}. */
  #raise(number: number): void {
    const entry = this.#state.entries[number]!;
    const deliveryMode = this.#mode(number);
    if (entry & MASKED || deliveryMode === BUS.EXT_INT) return;
    const level = (entry & REMOTE_IRR) !== 0;
    this.sinks.deliver({ destination: 0, logical: false, deliveryMode, vector: entry & VECTOR, level });
  }

  snapshot(): LocalVectorTableState {
    const { entries, pins, enabled } = this.#state;
    return { entries: [...entries], pins: [...pins], enabled };
  }
  restore(state: LocalVectorTableState): void {
    this.#state = { entries: [...state.entries], pins: [...state.pins], enabled: state.enabled };
  }
}
