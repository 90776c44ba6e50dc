import type { Device } from "../bus.js";
import * as BUS from "./interrupt-bus.js";
import type { EoiListener, InterruptBus } from "./interrupt-bus.js";

/**
 * Intel 82093AA I/O advanced programmable interrupt controller (datasheet 290566-001): 24 inputs, each with an entry
 * in the redirection table. Section numbers are the datasheet's.
 * @module
 */

/** 3.1: the index register and the window onto the register that it names. */
const IOREGSEL = 0x00;
const IOWIN = 0x10;
const IOAPICID = 0;
const IOAPICVER = 1;
const IOAPICARB = 2;
const IOREDTBL = 0x10;
/** The memory that it decodes. */
export const IO_APIC_BYTES = 0x1000;

export const IO_APIC_INPUTS = 24;
const VERSION_VALUE = 0x11 | ((IO_APIC_INPUTS - 1) << 16);

/** 3.2.4: low half of an entry. The high half is the destination, in bits 31:24. */
const VECTOR = 0xff;
const DELIVERY_MODE_SHIFT = 8;
const LOGICAL = 1 << 11;
const ACTIVE_LOW = 1 << 13;
const REMOTE_IRR = 1 << 14;
const LEVEL = 1 << 15;
const MASKED = 1 << 16;
const WRITABLE = 0x1_afff;

export interface IoApicState {
  index: number;
  id: number;
  low: number[];
  high: number[];
  /** Levels of the inputs, before polarity: bit mask. */
  lines: number;
}

export class IoApic implements EoiListener {
  readonly device: Device = {
    read: (offset) => this.#read(offset),
    write: (offset, _size, value) => this.#write(offset, value),
  };
  #state: IoApicState;

  /** @param id - APIC ID after reset, as the firmware sets it */
  constructor(
    id: number,
    private readonly bus: InterruptBus,
  ) {
    this.#state = {
      index: 0,
      id,
      low: new Array<number>(IO_APIC_INPUTS).fill(MASKED),
      high: new Array<number>(IO_APIC_INPUTS).fill(0),
      lines: 0,
    };
    bus.listen(this);
  }

  /** Sets the level of an input. @param input - 0–23 */
  setLine(input: number, level: boolean): void {
    const s = this.#state;
    const bit = 1 << input;
    if (((s.lines & bit) !== 0) === level) return;
    s.lines ^= bit;
    const entry = s.low[input]!;
    // A masked edge is lost (3.2.4, bit 16).
    if (entry & LEVEL) this.#levelAsserted(input);
    else if ((entry & MASKED) === 0 && this.#asserted(input)) this.#deliver(input);
  }

  /** Some processor has written its EOI register for a level-triggered vector: still asserted, it comes again. */
  endOfInterrupt(vector: number): void {
    const { low } = this.#state;
    for (let input = 0; input < IO_APIC_INPUTS; input++) {
      if ((low[input]! & REMOTE_IRR) === 0 || (low[input]! & VECTOR) !== vector) continue;
      low[input]! &= ~REMOTE_IRR;
      this.#levelAsserted(input);
    }
  }

  #asserted(input: number): boolean {
    const high = (this.#state.lines & (1 << input)) !== 0;
    return high !== ((this.#state.low[input]! & ACTIVE_LOW) !== 0);
  }

  #levelAsserted(input: number): void {
    const entry = this.#state.low[input]!;
    if ((entry & LEVEL) === 0 || entry & (MASKED | REMOTE_IRR) || !this.#asserted(input)) return;
    const mode = (entry >> DELIVERY_MODE_SHIFT) & 7;
    const accepted = this.#deliver(input);
    // Other delivery modes are edges whatever the entry says (3.2.4, bits 10:8).
    if (accepted && (mode === BUS.FIXED || mode === BUS.LOWEST_PRIORITY))
      this.#state.low[input]! |= REMOTE_IRR;
  }

  /** @returns whether a local APIC has accepted it */
  #deliver(input: number): boolean {
    const entry = this.#state.low[input]!;
    const destination = this.#state.high[input]! >>> 24;
    return this.bus.send({
      destination: destination === 0xff ? BUS.BROADCAST : destination,
      logical: (entry & LOGICAL) !== 0,
      deliveryMode: (entry >> DELIVERY_MODE_SHIFT) & 7,
      vector: entry & VECTOR,
      level: (entry & LEVEL) !== 0,
    });
  }

  #setEntry(input: number, value: number): void {
    const s = this.#state;
    // Remote IRR has a meaning for level-triggered inputs only.
    const remote = value & LEVEL ? s.low[input]! & REMOTE_IRR : 0;
    s.low[input] = (value & WRITABLE) | remote;
    this.#levelAsserted(input);
  }

  #readRegister(): number {
    const { index, id, low, high } = this.#state;
    if (index === IOAPICID || index === IOAPICARB) return id << 24;
    if (index === IOAPICVER) return VERSION_VALUE;
    const input = (index - IOREDTBL) >> 1;
    if (input < 0 || input >= IO_APIC_INPUTS) return 0;
    return (index & 1 ? high[input]! : low[input]!) >>> 0;
  }

  #writeRegister(value: number): void {
    const s = this.#state;
    const input = (s.index - IOREDTBL) >> 1;
    if (s.index === IOAPICID) s.id = (value >>> 24) & 0xf;
    else if (input >= 0 && input < IO_APIC_INPUTS) {
      if (s.index & 1) s.high[input] = (value & 0xff00_0000) >>> 0;
      else this.#setEntry(input, value);
    }
  }

  #read(offset: number): number {
    if (offset === IOREGSEL) return this.#state.index;
    return offset === IOWIN ? this.#readRegister() : 0;
  }
  #write(offset: number, value: number): void {
    if (offset === IOREGSEL) this.#state.index = value & 0xff;
    else if (offset === IOWIN) this.#writeRegister(value >>> 0);
  }

  snapshot(): IoApicState {
    const { low, high } = this.#state;
    return { ...this.#state, low: [...low], high: [...high] };
  }
  /** Takes over a state without interrupting anyone. */
  restore(state: IoApicState): void {
    this.#state = { ...state, low: [...state.low], high: [...state.high] };
  }
}
