// ring1 lab: shadow-pages
import {
  FAULT_FETCH,
  FAULT_PRESENT,
  FAULT_USER,
  FAULT_WRITE,
  PAGE_PRESENT,
} from "../../src/spec/page-bits.js";
import type { Answer, Shadow } from "./given.js";

const PAGE_BYTES = 4096;
const ADDRESS = 0x7f_ffff_f000n;

/** Shadow tables by what they are made from. */
const tables = new Map<string, number>();

/** The guest has loaded CR3. @returns machine address of the table for the processor's CR3 */
export function enterSpace(shadow: Shadow): number {
  // Hole 1: the guest's table may not be written unseen from now on.
  return tableFor(shadow, `${shadow.cr3 & ADDRESS}/4`);
}

/** #PF on the shadow tables: is it the guest's own, or were they not ready for the access? */
export function pageFault(shadow: Shadow, linear: bigint, errorCode: number): Answer {
  const access = errorCode & (FAULT_WRITE | FAULT_USER | FAULT_FETCH);
  const page = walkGuest(shadow, linear);
  if (page < 0) return access;
  if (page >= shadow.ramBytes) return (access & FAULT_FETCH) !== 0 ? "refused" : "emulate";
  // Hole 2: rights, accessed and dirty flags, and then entries in the shadow from the root down.
  return access | FAULT_PRESENT;
}

/** Guest-physical memory was written in software: a page table may have been in it. */
export function written(shadow: Shadow, address: number, bytes: number): void {
  // Hole 3: what was made from entries there goes.
  if (address + bytes > shadow.ramBytes) throw new RangeError(`${bytes} bytes at ${address}`);
}

/** @returns the guest-physical page of a linear address; −1 for none */
function walkGuest(shadow: Shadow, linear: bigint): number {
  const table = Number(shadow.cr3 & ADDRESS);
  const entry = shadow.readGuest(table + 8 * indexOf(linear, 4));
  if ((entry & BigInt(PAGE_PRESENT)) === 0n) return -1;
  // Hole 4: three levels are missing, and large pages.
  return Number(linear & ADDRESS) % PAGE_BYTES;
}

/** Given: a shadow table, found or made. */
function tableFor(shadow: Shadow, key: string): number {
  const known = tables.get(key);
  if (known !== undefined) return known;
  const made = shadow.allocateTable();
  tables.set(key, made);
  return made;
}

/** Given: number of the entry that translates an address in a table of a level, 4 … 1. */
function indexOf(linear: bigint, level: number): number {
  return Number((linear >> BigInt(12 + 9 * (level - 1))) & 511n);
}
