import type { PhysicalMemory } from "../../../machine/physical-memory.js";
import {
  PAGE_ACCESSED,
  PAGE_DIRTY,
  PAGE_PRESENT,
  PAGE_USER,
  PAGE_WRITABLE,
} from "../../../spec/page-bits.js";
import { PAGE_BYTES } from "../layout.js";
import type { MonitorRange, MonitorWindow } from "./shadow-memory.js";

const UPPER = BigInt(PAGE_PRESENT | PAGE_WRITABLE | PAGE_USER | PAGE_ACCESSED);
const NX = 1n << 63n;
const ADDRESS = 0x000f_ffff_ffff_f000n;

/**
 * Tables for the monitor's 512 GiB: upper levels permit everything, the last decides.
 * @param take - gives zeroed frames
 * @returns machine-physical address of the page-directory-pointer table
 * @throws RangeError for a range that is not aligned or leaves the window
 */
export function buildWindow(
  memory: PhysicalMemory,
  take: () => number,
  { slot, ranges }: MonitorWindow,
): number {
  const pdpt = take();
  for (const range of ranges) {
    checkRange(range, slot);
    for (let done = 0; done < range.bytes; done += PAGE_BYTES) {
      const linear = Number(range.linear & 0x7f_ffff_ffffn) + done;
      let table = pdpt;
      for (const level of [3, 2]) table = below(memory, take, entryOf(table, linear, level));
      memory.write64(entryOf(table, linear, 1), leaf(range, range.machine + done));
    }
  }
  return pdpt;
}

function below(memory: PhysicalMemory, take: () => number, entry: number): number {
  if (memory.read64(entry) === 0n) memory.write64(entry, BigInt(take()) | UPPER);
  return Number(memory.read64(entry) & ADDRESS);
}

function leaf({ writable, executable, user }: MonitorRange, machine: number): bigint {
  const rights = (writable ? PAGE_WRITABLE : 0) | (user ? PAGE_USER : 0);
  const flags = BigInt(PAGE_PRESENT | PAGE_ACCESSED | PAGE_DIRTY | rights);
  return BigInt(machine) | flags | (executable ? 0n : NX);
}

function entryOf(table: number, linear: number, level: number): number {
  return table + 8 * (Math.floor(linear / 2 ** (12 + 9 * (level - 1))) & 511);
}

function checkRange({ linear, machine, bytes }: MonitorRange, slot: number): void {
  const last = linear + BigInt(bytes) - 1n;
  const within = [linear, last].every((address) => Number((address >> 39n) & 511n) === slot);
  if (!within || (linear & 0xfffn) !== 0n || machine % PAGE_BYTES !== 0 || bytes % PAGE_BYTES !== 0)
    throw new RangeError(`monitor range 0x${linear.toString(16)} of ${bytes} bytes in window ${slot}`);
}
