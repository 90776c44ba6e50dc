/**
 * Paging-structure caches (SDM Vol. 3, 4.10.3; with EPT 29.4.1): which table the entries above the last level lead to, so
 * that a walk begins as far down as an earlier one has come. A bank has a cache for each level of the paging structures
 * (with EPT combined mappings: machine addresses) and of the EPT paging structures. Direct-mapped; an entry is
 *
 *     0  u64 number of the region of the address space (all ones: invalid)
 *     8  u64 machine-physical address of the table
 *    16  u64 its address in the guest
 *    24  u32 rights so far, as the walk uses them
 *    28  u32 EPT rights to the table itself
 */
import { EPT_STRUCTURE_CACHE, STRUCTURE_CACHE } from '../spec/memory-map';

export const STRUCTURE_TABLE: usize = 8;
export const STRUCTURE_GUEST_TABLE: usize = 16;
export const STRUCTURE_RIGHTS: usize = 24;
export const STRUCTURE_EPT_RIGHTS: usize = 28;

const ENTRY_BYTES: u32 = 32;
/** PDE, PDPTE and PML4E caches, 64, 16 and 4 entries. */
const CACHE_BYTES: usize = (64 + 16 + 4) * ENTRY_BYTES;

/** Where an entry of `level` (2–4) for a region lies. */
@inline
function slot(cache: usize, level: u32, region: u64): usize {
  const hash = <u32>region ^ <u32>(region >> 9);
  if (level == 2) return cache + (hash & 63) * ENTRY_BYTES;
  if (level == 3) return cache + (64 + (hash & 15)) * ENTRY_BYTES;
  return cache + (80 + (hash & 3)) * ENTRY_BYTES;
}

/** The entry for a region, 0 where there is none. */
export function findStructure(cache: usize, level: u32, region: u64): usize {
  const entry = slot(cache, level, region);
  return load<u64>(entry) == region ? entry : 0;
}

/** The entry that is from now on that of the region; its other fields are to be written. */
export function keepStructure(cache: usize, level: u32, region: u64): usize {
  const entry = slot(cache, level, region);
  store<u64>(entry, region);
  return entry;
}

export function dropStructure(cache: usize, level: u32, region: u64): void {
  const entry = findStructure(cache, level, region);
  if (entry != 0) store<u64>(entry, u64.MAX_VALUE);
}

export function emptyStructures(bank: usize): void { memory.fill(bank + STRUCTURE_CACHE, 0xff, CACHE_BYTES); }
export function emptyEptStructures(bank: usize): void { memory.fill(bank + EPT_STRUCTURE_CACHE, 0xff, CACHE_BYTES); }
