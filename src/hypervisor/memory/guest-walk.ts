import { CR0_PG, CR4_PAE, CR4_PSE, EFER_LMA } from "../../spec/control-bits.js";
import { PAGE_LARGE, PAGE_PRESENT } from "../../spec/page-bits.js";
import type { GuestMemory } from "./guest-memory.js";

/** Where a guest's paging structures are and how they are to be read. */
export interface PagingState {
  cr0: number;
  cr3: bigint;
  cr4: number;
  efer: number;
}

/**
 * Guest-physical address of a guest-linear one by the guest's own page tables (SDM Vol. 3, 4.3–4.5); undefined where
 * there is no translation. For emulation: permissions were checked by the processor.
 */
export function guestPhysical(memory: GuestMemory, paging: PagingState, linear: bigint): number | undefined {
  if ((paging.cr0 & CR0_PG) === 0) return Number(linear & 0xffff_ffffn);
  if ((paging.efer & EFER_LMA) !== 0)
    return walk(memory, Number(paging.cr3 & 0x000f_ffff_ffff_f000n), linear, 4, 9);
  if ((paging.cr4 & CR4_PAE) !== 0)
    return walk(memory, Number(paging.cr3 & 0xffff_ffe0n), linear & 0xffff_ffffn, 3, 9);
  const directory = Number(paging.cr3 & 0xffff_f000n);
  return walk(memory, directory, linear & 0xffff_ffffn, 2, 10, (paging.cr4 & CR4_PSE) !== 0);
}

/** Entries are 8 bytes with 9 index bits a level, or 4 bytes with 10. */
function walk(
  memory: GuestMemory,
  root: number,
  linear: bigint,
  levels: number,
  indexBits: 9 | 10,
  largeAllowed = true,
): number | undefined {
  const bytes = indexBits === 9 ? 8 : 4;
  let table = root;
  for (let level = levels; level >= 1; level--) {
    const shift = BigInt(12 + indexBits * (level - 1));
    const index = Number((linear >> shift) & BigInt((1 << indexBits) - 1));
    const address = table + index * bytes;
    if (!memory.contains(address, bytes)) return undefined;
    const entry = bytes === 8 ? memory.read64(address) : BigInt(memory.read32(address));
    if ((entry & BigInt(PAGE_PRESENT)) === 0n) return undefined;
    const large = level > 1 && level < 4 && largeAllowed && (entry & BigInt(PAGE_LARGE)) !== 0n;
    const frame = entry & 0x000f_ffff_ffff_f000n;
    if (level === 1 || large) {
      const offset = (1n << shift) - 1n;
      return Number((frame & ~offset) | (linear & offset));
    }
    table = Number(frame);
  }
  return undefined;
}
