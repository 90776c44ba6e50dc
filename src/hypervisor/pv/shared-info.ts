import type { PhysicalMemory } from "../../machine/physical-memory.js";
import * as P from "../../spec/paravirtual.js";

/** The page that guest and hypervisor share (spec/paravirtual). The guest may write anything there at any time it runs. */
export class SharedInfo {
  /** @param machine - machine-physical address of the page */
  constructor(
    private readonly memory: PhysicalMemory,
    private readonly machine: number,
  ) {}

  get eventsMasked(): boolean {
    return this.memory.read8(this.machine + P.SHARED_UPCALL_MASK) !== 0;
  }
  set eventsMasked(masked: boolean) {
    this.memory.write8(this.machine + P.SHARED_UPCALL_MASK, masked ? 1 : 0);
  }
  /** An event waits that is not masked by its port. */
  get upcallPending(): boolean {
    return this.memory.read8(this.machine + P.SHARED_UPCALL_PENDING) !== 0;
  }
  set upcallPending(pending: boolean) {
    this.memory.write8(this.machine + P.SHARED_UPCALL_PENDING, pending ? 1 : 0);
  }
  get cr2(): bigint {
    return this.memory.read64(this.machine + P.SHARED_CR2);
  }
  set cr2(linear: bigint) {
    this.memory.write64(this.machine + P.SHARED_CR2, linear);
  }

  isPending(port: number): boolean {
    return this.#bit(P.SHARED_PENDING, port);
  }
  setPending(port: number): void {
    this.#setBit(P.SHARED_PENDING, port, true);
  }
  isMasked(port: number): boolean {
    return this.#bit(P.SHARED_MASK, port);
  }
  unmask(port: number): void {
    this.#setBit(P.SHARED_MASK, port, false);
  }

  /** A new moment of the clock; its version is odd meanwhile. */
  setClock(timestamp: bigint, systemTime: bigint, scale: number, shift: number): void {
    const { memory, machine } = this;
    const version = (memory.read32(machine + P.SHARED_TIME_VERSION) | 1) >>> 0;
    memory.write32(machine + P.SHARED_TIME_VERSION, version);
    memory.write64(machine + P.SHARED_TIMESTAMP, timestamp);
    memory.write64(machine + P.SHARED_SYSTEM_TIME, systemTime);
    memory.write32(machine + P.SHARED_TIME_SCALE, scale);
    memory.write8(machine + P.SHARED_TIME_SHIFT, shift & 0xff);
    memory.write32(machine + P.SHARED_TIME_VERSION, (version + 1) >>> 0);
  }

  #bit(field: number, port: number): boolean {
    return (this.memory.read8(this.machine + field + (port >> 3)) & (1 << (port & 7))) !== 0;
  }
  #setBit(field: number, port: number, value: boolean): void {
    const at = this.machine + field + (port >> 3);
    const bit = 1 << (port & 7);
    const byte = this.memory.read8(at);
    this.memory.write8(at, value ? byte | bit : byte & ~bit);
  }
}
