import type { PhysicalMemory } from "../../../machine/physical-memory.js";
import { PAGE_ACCESSED, PAGE_DIRTY, PAGE_PRESENT, PAGE_WRITABLE } from "../../../spec/page-bits.js";
import { LARGE_PAGE_BYTES, PAGE_BYTES } from "../layout.js";
import type { LowRange } from "./shadow-memory.js";

const NX = 1n << 63n;

/** Page tables for the monitor's memory below 4 GiB, one for each 2 MiB, which any hierarchy's directories can lead to. */
export class LowTables {
  readonly #tables: number[] = [];

  /** @param take - gives zeroed frames */
  constructor(
    memory: PhysicalMemory,
    take: () => number,
    readonly range: LowRange,
  ) {
    if (range.linear % LARGE_PAGE_BYTES !== 0 || range.bytes % LARGE_PAGE_BYTES !== 0)
      throw new RangeError(
        `monitor range 0x${range.linear.toString(16)} of ${range.bytes} bytes is not in 2 MiB`,
      );
    for (let at = 0; at < range.bytes; at += LARGE_PAGE_BYTES) {
      const table = take();
      for (let page = 0; page < LARGE_PAGE_BYTES; page += PAGE_BYTES)
        memory.write64(table + (page / PAGE_BYTES) * 8, entry(range, at + page));
      this.#tables.push(table);
    }
  }

  contains(linear: number): boolean {
    return linear >= this.range.linear && linear < this.range.linear + this.range.bytes;
  }
  /** Machine-physical address of the page table for a linear address. */
  tableFor(linear: number): number {
    return this.#tables[Math.floor((linear - this.range.linear) / LARGE_PAGE_BYTES)]!;
  }
}

function entry({ machine, writableBytes, dataBytes }: LowRange, offset: number): bigint {
  const writable = offset < writableBytes ? PAGE_WRITABLE : 0;
  const flags = BigInt(PAGE_PRESENT | PAGE_ACCESSED | PAGE_DIRTY | writable);
  return BigInt(machine + offset) | flags | (offset < dataBytes ? NX : 0n);
}
