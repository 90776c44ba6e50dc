import type { Bus } from "../../machine/bus.js";
import type { PhysicalMemory } from "../../machine/physical-memory.js";
import { FAULT_FETCH, FAULT_PRESENT, FAULT_USER, FAULT_WRITE } from "../../spec/page-bits.js";
import { PAGE_BYTES } from "../memory/layout.js";
import type { GuestMemory } from "../memory/guest-memory.js";
import { FOUND, GuestWalk } from "../memory/guest-walk.js";
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
  /** Translations made since the last flush, as a TLB keeps them: by kind of access and low bits of the page's number. */
  readonly #tags = new Float64Array(512).fill(NaN);
  readonly #pages = new Float64Array(512);

  constructor(
    private readonly state: ProcessorState,
    private readonly memory: GuestMemory,
    private readonly physical: PhysicalMemory,
    private readonly bus: Pick<Bus, "read" | "write">,
    /** RFLAGS.AC, for SMAP. */
    private readonly accessControl: () => boolean,
  ) {
    this.#walk = new GuestWalk(physical, memory.base, memory.size);
  }

  /** @returns the fault of the accesses so far, and forgets it */
  takeFault(): Fault | null {
    const { fault } = this;
    this.fault = null;
    return fault;
  }

  /** Translations may be others from here on: MOV to CR3 and its like, INVLPG. */
  flush(): void {
    this.#tags.fill(NaN);
  }

  /** Guest-physical address for an access; undefined with {@link fault} set. */
  translate(linear: bigint, access: number): number | undefined {
    const page = Number(BigInt.asIntN(64, linear) >> 12n);
    const slot = ((page & 15) << 5) | (access & 31);
    if (this.#tags[slot] === page) return this.#pages[slot]! + Number(linear & 0xfffn);
    const address = this.#walkFor(linear, access);
    if (address !== undefined) {
      this.#tags[slot] = page;
      this.#pages[slot] = address - (address % PAGE_BYTES);
    }
    return address;
  }

  #walkFor(linear: bigint, access: number): number | undefined {
    const { state } = this;
    const wrapped = state.longMode ? BigInt.asUintN(64, linear) : linear & 0xffff_ffffn;
    if (state.longMode && !canonical(wrapped)) {
      this.fault ??= generalProtection();
      return undefined;
    }
    const walk = this.#walk;
    const faulting = { linear: wrapped, errorCode: access, accessControl: this.accessControl() };
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
    if (Number(linear & 0xfffn) + size > PAGE_BYTES) {
      const first = PAGE_BYTES - Number(linear & 0xfffn);
      const low = this.read(linear, first, access);
      return low | (this.read(linear + BigInt(first), size - first, access) << BigInt(8 * first));
    }
    const address = this.translate(linear, access);
    if (address === undefined) return 0n;
    return this.memory.contains(address, size)
      ? readRam(this.physical, this.memory.base + address, size)
      : this.#readDevice(address, size);
  }

  /** All or nothing: both pages are looked at first. */
  write(linear: bigint, size: number, value: bigint, access: number): void {
    const first = Math.min(size, PAGE_BYTES - Number(linear & 0xfffn));
    const address = this.translate(linear, access | FAULT_WRITE);
    if (address === undefined) return;
    if (first < size) {
      const second = this.translate(linear + BigInt(first), access | FAULT_WRITE);
      if (second === undefined) return;
      this.#write(second, value >> BigInt(8 * first), size - first);
    }
    this.#write(address, value, first);
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

  #readDevice(address: number, size: number): bigint {
    let value = 0n;
    for (let i = 0; i < size; i++) value |= BigInt(this.bus.read(address + i, 1) & 0xff) << BigInt(8 * i);
    return value;
  }

  #write(address: number, value: bigint, bytes: number): void {
    if (this.memory.contains(address, bytes)) {
      writeRam(this.physical, this.memory.base + address, bytes, value);
      this.memory.onWrite(address, bytes);
    } else
      for (let i = 0; i < bytes; i++)
        this.bus.write(address + i, 1, Number((value >> BigInt(8 * i)) & 0xffn));
  }
}

function readRam(memory: PhysicalMemory, at: number, size: number): bigint {
  if (size === 8) return memory.read64(at);
  if (size === 4) return BigInt(memory.read32(at));
  if (size === 2) return BigInt(memory.read16(at));
  let value = 0n;
  for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(memory.read8(at + i));
  return value;
}

function writeRam(memory: PhysicalMemory, at: number, size: number, value: bigint): void {
  if (size === 8) memory.write64(at, value);
  else if (size === 4) memory.write32(at, Number(BigInt.asUintN(32, value)));
  else if (size === 2) memory.write16(at, Number(BigInt.asUintN(16, value)));
  else for (let i = 0; i < size; i++) memory.write8(at + i, Number((value >> BigInt(8 * i)) & 0xffn));
}
