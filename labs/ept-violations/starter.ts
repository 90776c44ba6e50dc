// ring1 lab: ept-violations
import { EPT_EXECUTE, EPT_MEMORY_TYPE_WB, EPT_READ, EPT_WRITE } from "../../src/spec/page-bits.js";
import type { Answer, Ept } from "./given.js";

const PAGE_BYTES = 4096;
const ENTRY_BYTES = 8;
const ENTRIES = 512;
const ALL_RIGHTS = BigInt(EPT_READ | EPT_WRITE | EPT_EXECUTE);
const ADDRESS = 0x000f_ffff_ffff_f000n;

/** An access of the guest found no translation (SDM Vol. 3, 29.3.3.2). */
export function handleEptViolation(ept: Ept, address: number, qualification: number): Answer {
  const page = address - (address % PAGE_BYTES);
  // Hole 1: an address outside RAM. What was the access? See EPT_VIOLATION_… of page-bits.
  if (page >= ept.ramBytes) throw new RangeError(`${page.toString(16)}, qualification ${qualification}`);
  const entry = leafOf(ept, page);
  // Hole 2: this entry leads to the machine's first frame, which is not the guest's.
  ept.write64(entry, BigInt(EPT_MEMORY_TYPE_WB) | ALL_RIGHTS);
  return "mapped";
}

/** Machine address of the entry that maps a page; the tables on the way to it are made where they are missing. */
function leafOf(ept: Ept, page: number): number {
  let table = ept.root;
  for (let level = 4; level > 1; level--) {
    const entry = entryOf(table, page, level);
    const value = ept.read64(entry);
    // Hole 3: there may be no table yet.
    if (value === 0n) throw new RangeError(`no table of level ${level - 1} (rights ${ALL_RIGHTS})`);
    table = Number(value & ADDRESS);
  }
  return entryOf(table, page, 1);
}

/** Given: each level takes nine bits of the address: 47:39 at level 4 … 20:12 at level 1. */
function entryOf(table: number, page: number, level: number): number {
  const index = Math.floor(page / (PAGE_BYTES * ENTRIES ** (level - 1))) % ENTRIES;
  return table + index * ENTRY_BYTES;
}

/** Reports the pages that the guest has written since the last time. @returns how many */
export function collectDirty(ept: Ept): number {
  const dirty: number[] = [];
  // Hole 4: which entries have their dirty flag set? And what has the processor cached of them?
  for (const page of dirty) ept.report(page);
  return dirty.length;
}
