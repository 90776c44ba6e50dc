import type { Bus } from "../../machine/bus.js";
import type { PhysicalMemory } from "../../machine/physical-memory.js";
import { FAULT_FETCH, FAULT_PRESENT, FAULT_USER, FAULT_WRITE } from "../../spec/page-bits.js";
import { PAGE_BYTES } from "../memory/layout.js";
import type { GuestMemory } from "../memory/guest-memory.js";
import { FOUND, GuestWalk } from "../memory/shadow/guest-walk.js";
import { generalProtection, pageFault, type Fault } from "./fault.js";
import type { ProcessorState } from "./processor-state.js";

/** Privilege and kind of an access in software: bits of a page-fault error code. */
export const SUPERVISOR = 0;
export const USER = FAULT_USER;
export const FETCH = FAULT_FETCH;

/** Whether bits 63:47 are equal (SDM Vol. 1, 3.3.7.1). */
export const canonical = (linear: bigint): boolean => BigInt.asIntN(48, linear) === BigInt.asIntN(64, linear);

/** Number of the page of a linear address, exact and signed. */
export const pageOf = (linear: bigint): number => Number(BigInt.asIntN(64, linear) >> 12n);

/**
 * The guest's linear memory as its own page tables have it, for what the monitor does in the guest's place. An access that
 * fails gives nothing and leaves its {@link fault}; the caller looks at it after one or several accesses.
 */
export class GuestLinear {
  fault: Fault | null = null;
  readonly #walk: GuestWalk;
  readonly #bytes = new DataView(new ArrayBuffer(8));

  constructor(
    private readonly state: ProcessorState,
    private readonly memory: GuestMemory,
    private readonly physical: PhysicalMemory,
    private readonly bus: Pick<Bus, "read" | "write">,
  ) {
    this.#walk = new GuestWalk(physical, memory.base, memory.size);
  }

  /** @returns the fault of the accesses so far, and forgets it */
  takeFault(): Fault | null {
    const { fault } = this;
    this.fault = null;
    return fault;
  }

  /** Guest-physical address for an access; undefined with {@link fault} set. */
  translate(linear: bigint, access: number): number | undefined {
    const { state } = this;
    const wrapped = state.longMode ? BigInt.asUintN(64, linear) : linear & 0xffff_ffffn;
    if (state.longMode && !canonical(wrapped)) {
      this.fault ??= generalProtection();
      return undefined;
    }
    const walk = this.#walk;
    const faulting = { linear: wrapped, errorCode: access, accessControl: true };
    const cause = walk.walk(state.paging, Number(wrapped & 0xffff_ffff_ffffn));
    if (cause === FOUND && walk.permits(faulting)) {
      walk.setAccessedDirty((access & FAULT_WRITE) !== 0);
      return walk.physical;
    }
    this.fault ??= pageFault(walk.errorCode(cause === FOUND ? FAULT_PRESENT : cause, faulting), wrapped);
    return undefined;
  }

  /** 1 to 8 bytes, little-endian; 0 with {@link fault} set. */
  read(linear: bigint, size: number, access: number): bigint {
    const offset = Number(linear & 0xfffn);
    const bytes = this.#bytes;
    for (let i = 0; i < size;) {
      const part = Math.min(size - i, PAGE_BYTES - ((offset + i) % PAGE_BYTES));
      const address = this.translate(linear + BigInt(i), access);
      if (address === undefined) return 0n;
      for (let j = 0; j < part; j++) bytes.setUint8(i + j, this.#readByte(address + j));
      i += part;
    }
    for (let i = size; i < 8; i++) bytes.setUint8(i, 0);
    return bytes.getBigUint64(0, true);
  }

  /** All or nothing: both pages are looked at first. */
  write(linear: bigint, size: number, value: bigint, access: number): void {
    const parts: [address: number, from: number, bytes: number][] = [];
    const offset = Number(linear & 0xfffn);
    for (let i = 0; i < size;) {
      const part = Math.min(size - i, PAGE_BYTES - ((offset + i) % PAGE_BYTES));
      const address = this.translate(linear + BigInt(i), access | FAULT_WRITE);
      if (address === undefined) return;
      parts.push([address, i, part]);
      i += part;
    }
    for (const [address, from, bytes] of parts) this.#write(address, value >> BigInt(8 * from), bytes);
  }

  /**
   * Code: at most `bytes` bytes of RAM from an address on.
   * @param onPage - told of each page: its linear number, and the guest-physical address of its first byte of code
   */
  code(linear: bigint, bytes: number, onPage: (linear: number, physical: number) => void): Uint8Array {
    const code = new Uint8Array(bytes);
    let length = 0;
    while (length < bytes) {
      const at = linear + BigInt(length);
      const address = this.translate(at, SUPERVISOR | FETCH);
      const part = Math.min(bytes - length, PAGE_BYTES - Number(at & 0xfffn));
      if (address === undefined || !this.memory.contains(address, part)) break;
      code.set(this.memory.read(address, part), length);
      onPage(pageOf(at), address);
      length += part;
    }
    this.fault = null;
    return code.subarray(0, length);
  }

  #readByte(address: number): number {
    if (this.memory.contains(address, 1)) return this.physical.read8(this.memory.base + address);
    return this.bus.read(address, 1);
  }

  #write(address: number, value: bigint, bytes: number): void {
    const data = Uint8Array.from({ length: bytes }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));
    if (this.memory.contains(address, bytes)) return this.memory.write(address, data);
    data.forEach((byte, i) => this.bus.write(address + i, 1, byte));
  }
}
