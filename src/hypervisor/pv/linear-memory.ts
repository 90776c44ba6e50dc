import type { PhysicalMemory } from "../../machine/physical-memory.js";
import { PAGE_ACCESSED, PAGE_DIRTY, PAGE_LARGE, PAGE_PRESENT, PAGE_WRITABLE } from "../../spec/page-bits.js";
import { HYPERVISOR_SLOT } from "../../spec/paravirtual.js";
import { LARGE_PAGE_BYTES, PAGE_BYTES } from "../memory/layout.js";

const PAGE_OFFSET = 0xfffn;
const LARGE_OFFSET = BigInt(LARGE_PAGE_BYTES - 1);

export function isCanonical(linear: bigint): boolean {
  return BigInt.asUintN(64, BigInt.asIntN(48, linear)) === linear;
}

/**
 * The guest's linear memory as its kernel at ring 1 reaches it: by the page tables in CR3, which are validated, so that whatever
 * they lead to is the guest's. Not the hypervisor's part of the address space.
 */
export class LinearMemory {
  /** @param root - machine-physical address of the level-4 table */
  constructor(
    private readonly memory: PhysicalMemory,
    private readonly root: () => number,
  ) {}

  /** Null where the kernel could not read. */
  read(linear: bigint, bytes: number): Uint8Array | null {
    const data = new Uint8Array(bytes);
    const pages = this.#pages(linear, bytes, false);
    pages?.forEach(({ machine, from, length }) => data.set(this.memory.read(machine, length), from));
    return pages && data;
  }

  /** False, with nothing written, where the kernel could not write. */
  write(linear: bigint, data: Uint8Array): boolean {
    const pages = this.#pages(linear, data.length, true);
    pages?.forEach(({ machine, from, length }) =>
      this.memory.write(machine, data.subarray(from, from + length)),
    );
    return pages !== null;
  }

  /**
   * Machine-physical address of the level-1 entry that translates an address, whether or not it is present; −1 where there is no
   * such table.
   */
  lastLevelEntry(linear: bigint): number {
    if (!isCanonical(linear) || Number((linear >> 39n) & 511n) === HYPERVISOR_SLOT) return -1;
    let table = this.root();
    for (let level = 4; level > 1; level--) {
      const entry = this.memory.read32(entryAddress(table, linear, level));
      if ((entry & PAGE_PRESENT) === 0 || (entry & PAGE_LARGE) !== 0) return -1;
      table = (entry & -PAGE_BYTES) >>> 0;
    }
    return entryAddress(table, linear, 1);
  }

  /** Where a range lies, page by page. */
  #pages(
    linear: bigint,
    bytes: number,
    write: boolean,
  ): { machine: number; from: number; length: number }[] | null {
    const pages = [];
    for (let from = 0; from < bytes;) {
      const at = BigInt.asUintN(64, linear + BigInt(from));
      const machine = this.#translate(at, write);
      if (machine < 0) return null;
      const length = Math.min(PAGE_BYTES - Number(at & PAGE_OFFSET), bytes - from);
      pages.push({ machine, from, length });
      from += length;
    }
    return pages;
  }

  /** As the processor does for a supervisor with CR0.WP set (SDM Vol. 3, 4.6.1, 4.8); −1 where that faults. */
  #translate(linear: bigint, write: boolean): number {
    if (!isCanonical(linear) || Number((linear >> 39n) & 511n) === HYPERVISOR_SLOT) return -1;
    let table = this.root();
    for (let level = 4; ; level--) {
      const at = entryAddress(table, linear, level);
      const entry = this.memory.read32(at);
      if ((entry & PAGE_PRESENT) === 0 || (write && (entry & PAGE_WRITABLE) === 0)) return -1;
      const large = level === 2 && (entry & PAGE_LARGE) !== 0;
      const leaf = large || level === 1;
      const marks = PAGE_ACCESSED | (leaf && write ? PAGE_DIRTY : 0);
      if ((entry & marks) !== marks) this.memory.write32(at, (entry | marks) >>> 0);
      table = (entry & -PAGE_BYTES) >>> 0;
      if (large) return table + Number(linear & LARGE_OFFSET);
      if (leaf) return table + Number(linear & PAGE_OFFSET);
    }
  }
}

function entryAddress(table: number, linear: bigint, level: number): number {
  return table + Number((linear >> BigInt(3 + 9 * level)) & 511n) * 8;
}
