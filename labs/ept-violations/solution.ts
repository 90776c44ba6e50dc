// ring1 lab: ept-violations
import {
  EPT_DIRTY,
  EPT_EXECUTE,
  EPT_MEMORY_TYPE_WB,
  EPT_READ,
  EPT_VIOLATION_FETCH,
  EPT_WRITE,
} from "../../src/spec/page-bits.js";
import type { Answer, Ept } from "./given.js";

const PAGE_BYTES = 4096;
const ENTRY_BYTES = 8;
const ENTRIES = 512;
const ALL_RIGHTS = BigInt(EPT_READ | EPT_WRITE | EPT_EXECUTE);
const DIRTY = BigInt(EPT_DIRTY);
const ADDRESS = 0x000f_ffff_ffff_f000n;

/** Guest-physical pages that are mapped, with the machine addresses of their entries. */
const mapped: { page: number; entry: number }[] = [];

/** An access of the guest found no translation (SDM Vol. 3, 29.3.3.2): its page gets one, if it is RAM. */
export function handleEptViolation(ept: Ept, address: number, qualification: number): Answer {
  const page = address - (address % PAGE_BYTES);
  if (page >= ept.ramBytes) return (qualification & EPT_VIOLATION_FETCH) !== 0 ? "refused" : "emulate";
  const entry = leafOf(ept, page);
  const frame = ept.allot(page);
  ept.write64(entry, BigInt(frame) | BigInt(EPT_MEMORY_TYPE_WB) | ALL_RIGHTS);
  mapped.push({ page, entry });
  return "mapped";
}

/** Machine address of the entry that maps a page; the tables on the way to it are made where they are missing. */
function leafOf(ept: Ept, page: number): number {
  let table = ept.root;
  for (let level = 4; level > 1; level--) {
    const entry = entryOf(table, page, level);
    let value = ept.read64(entry);
    if (value === 0n) ept.write64(entry, (value = BigInt(ept.allocateTable()) | ALL_RIGHTS));
    table = Number(value & ADDRESS);
  }
  return entryOf(table, page, 1);
}

/** Each level takes nine bits of the address: 47:39 at level 4 … 20:12 at level 1. */
function entryOf(table: number, page: number, level: number): number {
  const index = Math.floor(page / (PAGE_BYTES * ENTRIES ** (level - 1))) % ENTRIES;
  return table + index * ENTRY_BYTES;
}

/** Reports the pages that the guest has written since the last time. @returns how many */
export function collectDirty(ept: Ept): number {
  let dirty = 0;
  for (const { page, entry } of mapped) {
    const value = ept.read64(entry);
    if ((value & DIRTY) === 0n) continue;
    ept.write64(entry, value & ~DIRTY);
    ept.report(page);
    dirty++;
  }
  // A processor that has a page cached as dirty sets no flag again (SDM Vol. 3, 29.3.5).
  if (dirty > 0) ept.invept();
  return dirty;
}
