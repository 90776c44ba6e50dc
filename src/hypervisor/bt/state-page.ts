import type { PhysicalMemory } from "../../machine/physical-memory.js";
import { FLAG_IF, FLAG_IOPL } from "../../spec/control-bits.js";
import * as L from "./layout.js";

const IF_IN_BYTE = FLAG_IF >> 8;
const IOPL_IN_BYTE = FLAG_IOPL >> 8;

/**
 * The page that translated code keeps its own data on. It is writable at ring 1, so a guest that finds it can write there what
 * it likes: everything in it is the guest's own state, and is taken for no more than that.
 */
export class StatePage {
  readonly #at: number;

  /** @param machine - machine-physical address of the cache */
  constructor(
    private readonly memory: PhysicalMemory,
    machine: number,
  ) {
    this.#at = machine + L.STATE;
  }

  get interruptsEnabled(): boolean {
    return (this.memory.read8(this.#at + L.VIRTUAL_IF) & IF_IN_BYTE) !== 0;
  }
  /** RFLAGS.IF and IOPL of the guest. */
  get flags(): number {
    const iopl = this.memory.read8(this.#at + L.VIRTUAL_IOPL) & IOPL_IN_BYTE;
    return (this.interruptsEnabled ? FLAG_IF : 0) | (iopl << 8);
  }
  set flags(value: number) {
    this.memory.write8(this.#at + L.VIRTUAL_IF, (value >> 8) & IF_IN_BYTE);
    this.memory.write8(this.#at + L.VIRTUAL_IOPL, (value >> 8) & IOPL_IN_BYTE);
  }
  /** Translated code is to leave the cache when it enables interrupts. */
  set interruptWaits(value: boolean) {
    this.memory.write8(this.#at + L.INTERRUPT_WAITS, value ? 1 : 0);
  }
  /** CR8 of the guest. */
  get taskPriority(): number {
    return this.memory.read8(this.#at + L.VIRTUAL_CR8) & 15;
  }
  /** Translated code is to leave the cache when it writes CR8. */
  set priorityWaits(value: boolean) {
    this.memory.write8(this.#at + L.PRIORITY_WAITS, value ? 1 : 0);
  }
  /** A field of 8 bytes. */
  read(field: number): bigint {
    return this.memory.read64(this.#at + field);
  }
  write(field: number, value: bigint): void {
    this.memory.write64(this.#at + field, value);
  }
}
