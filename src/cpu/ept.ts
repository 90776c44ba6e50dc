/**
 * Extended page tables: guest-physical to machine-physical addresses (SDM Vol. 3, 29.3). The tables lie in simulated
 * memory; what walks need of their upper levels is cached (structure-cache.ts), and the TLBs keep combined translations.
 */
import {
  EPT_READ, EPT_WRITE, EPT_EXECUTE, EPT_LARGE, EPT_ACCESSED, EPT_DIRTY, EPTP_ACCESSED_DIRTY, PAGE_ADDRESS_MASK,
  PHYSICAL_ADDRESS_BITS, EPT_VIOLATION_READ, EPT_VIOLATION_WRITE, EPT_VIOLATION_FETCH, EPT_VIOLATION_LINEAR_VALID,
  EPT_VIOLATION_FINAL_TRANSLATION,
} from '../spec/page-bits';
import { EPT_VIOLATION, EPT_MISCONFIGURATION } from '../spec/exit-reasons';
import { EPT_STRUCTURE_CACHE, EPT_WALK_SCRATCH } from '../spec/memory-map';
import { invalidatePage, pageHasCode } from './blocks';
import { ALONE, clearFault, faultPending, raiseEptExit, runAlone, runningAlone } from './fault';
import { NO_ADDRESS, readPhysical64, writePhysical64 } from './physical';
import { dropStructure, findStructure, keepStructure, STRUCTURE_RIGHTS, STRUCTURE_TABLE } from './structure-cache';
import { tlbBank } from './tlb';

/** The EPT pointer of the guest that runs, 0 where EPT is not in use. */
export let eptPointer: u64 = 0;
export function setEptPointer(pointer: u64): void { eptPointer = pointer; }

/** Of the last translation: logical AND of bits 2:0 of the entries used. */
export let eptPermissions: u64 = 0;
/** Of the last translation: a write through it changes no EPT entry. */
export let eptDirty: bool = true;
/** Entries read by translations since {@link beginEptWalks}. */
export let eptReferences: u32 = 0;

/**
 * The hypervisor emulates an instruction: what is not mapped, or not for writing, is for a device model of its own, at the address
 * with this bit set.
 */
export const EMULATED: u64 = 1 << 52;
export let emulating: bool = false;
export function setEmulating(on: bool): void { emulating = on; }

/**
 * One record for each translation since {@link beginEptWalks}: guest-physical address u64, level at which its walk began
 * and level of its leaf u32; then from 16 on by level { u64 address of the entry, u64 entry, u64 rights with it }.
 */
const RECORD_BYTES: usize = 128;
const FIRST_LEVEL: usize = 8;
const LEAF_LEVEL: usize = 12;
let walks: u32 = 0;

/** What follows is one access: at most five translations. */
export function beginEptWalks(): void {
  eptReferences = 0;
  walks = 0;
}

@inline
function recordOf(walk: u32): usize { return EPT_WALK_SCRATCH + <usize>walk * RECORD_BYTES; }
@inline
function levelOf(record: usize, level: u32): usize { return record + 16 + <usize>(level - 1) * 24; }

const ABOVE_PHYSICAL: u64 = PAGE_ADDRESS_MASK & ~(((<u64>1) << PHYSICAL_ADDRESS_BITS) - 1);

/** What an access of the guest means for EPT; bits 0–2 as in an exit qualification. */
export const EPT_ACCESS_READ: u64 = EPT_VIOLATION_READ;
export const EPT_ACCESS_WRITE: u64 = EPT_VIOLATION_WRITE;
export const EPT_ACCESS_FETCH: u64 = EPT_VIOLATION_FETCH;

@inline
export function eptAccessedDirty(): bool { return (eptPointer & EPTP_ACCESSED_DIRTY) != 0; }

@inline
function shiftOf(level: u32): u32 { return 3 + 9 * level; }

/**
 * Machine-physical address of guest-physical `gpa`, or NO_ADDRESS with an EPT violation or misconfiguration raised.
 * `final`: va's own translation rather than the address of a paging-structure entry (exit qualification bit 8). A walk that
 * fails with the help of the caches is made again without (29.4.3.1), and only that one counts.
 */
export function translateEpt(gpa: u64, access: u64, va: u64, final: bool): u64 {
  const cache = tlbBank + EPT_STRUCTURE_CACHE;
  const before = eptReferences;
  for (let level: u32 = 2; level <= 4; level++) {
    const known = findStructure(cache, level, gpa >> shiftOf(level));
    if (known == 0) continue;
    const pa = walkFrom(level - 1, load<u64>(known, STRUCTURE_TABLE), load<u32>(known, STRUCTURE_RIGHTS), gpa, access, va, final);
    if (pa != NO_ADDRESS || faultPending == ALONE) return pa;
    clearFault();
    eptReferences = before;
    for (let stale: u32 = level; stale <= 4; stale++) dropStructure(cache, stale, gpa >> shiftOf(stale));
    break;
  }
  return walkFrom(4, eptPointer & PAGE_ADDRESS_MASK, EPT_READ | EPT_WRITE | EPT_EXECUTE, gpa, access, va, final);
}

function walkFrom(first: u32, root: u64, rights: u64, gpa: u64, access: u64, va: u64, final: bool): u64 {
  const record = recordOf(walks);
  let table = root;
  let permissions = rights;
  let level = first;
  while (true) {
    const shift = shiftOf(level);
    const address = table + (((gpa >> shift) & 511) << 3);
    const entry = readPhysical64(address);
    eptReferences++;
    permissions &= entry;
    const at = levelOf(record, level);
    store<u64>(at, address);
    store<u64>(at, entry, 8);
    store<u64>(at, permissions, 16);
    if ((entry & 7) == 0) return unmapped(gpa, access, permissions, va, final);
    const leaf = level == 1 || ((entry & EPT_LARGE) != 0 && level < 4);
    if (misconfigured(entry, level, leaf)) {
      raiseEptExit(EPT_MISCONFIGURATION, 0, gpa, va);
      return NO_ADDRESS;
    }
    if (leaf) {
      if ((access & ~permissions) != 0) return unmapped(gpa, access, permissions, va, final);
      eptPermissions = permissions;
      if (!setAccessedDirty(record, first, level, access)) return NO_ADDRESS;
      store<u64>(record, gpa);
      store<u32>(record, first, FIRST_LEVEL);
      store<u32>(record, level, LEAF_LEVEL);
      walks++;
      const offset: u64 = ((<u64>1) << shift) - 1;
      return (entry & PAGE_ADDRESS_MASK & ~offset) | (gpa & offset);
    }
    table = entry & PAGE_ADDRESS_MASK;
    level--;
  }
}

/** The access is made: its translations' upper levels go into the caches. */
export function rememberEptWalks(): void {
  const cache = tlbBank + EPT_STRUCTURE_CACHE;
  for (let walk: u32 = 0; walk < walks; walk++) {
    const record = recordOf(walk);
    for (let level = load<u32>(record, FIRST_LEVEL); level > load<u32>(record, LEAF_LEVEL); level--) {
      const entry = keepStructure(cache, level, load<u64>(record) >> shiftOf(level));
      store<u64>(entry, load<u64>(levelOf(record, level), 8) & PAGE_ADDRESS_MASK, STRUCTURE_TABLE);
      store<u32>(entry, <u32>load<u64>(levelOf(record, level), 16), STRUCTURE_RIGHTS);
    }
  }
}

/** SDM 29.3.3.1. */
function misconfigured(entry: u64, level: u32, leaf: bool): bool {
  if ((entry & (EPT_READ | EPT_WRITE)) == EPT_WRITE) return true;
  if (entry & ABOVE_PHYSICAL) return true;
  if (!leaf) return (entry & (level == 4 ? 0xf8 : 0x78)) != 0;
  const memoryType = (entry >> 3) & 7;
  if (memoryType == 2 || memoryType == 3 || memoryType == 7) return true;
  const offset: u64 = ((<u64>1) << shiftOf(level)) - 1;
  return (entry & offset & PAGE_ADDRESS_MASK) != 0;
}

function unmapped(gpa: u64, access: u64, permissions: u64, va: u64, final: bool): u64 {
  if (emulating) return EMULATED | gpa;
  return violation(gpa, access, permissions, va, final);
}

/** The guest-linear address means something: not where MOV to a control register loads PDPTEs (table 28-7, bit 7). */
let linearIsValid: bool = true;

/** Machine-physical address of a PDPTE that MOV to a control register loads: a read, though of a paging structure (29.3.3.2). */
export function translatePdpte(gpa: u64): u64 {
  linearIsValid = false;
  const pa = translateEpt(gpa, EPT_ACCESS_READ, 0, false);
  linearIsValid = true;
  return pa;
}

/** SDM 28.2.1, table 28-7; entries of paging structures count as written when EPT keeps A/D flags (29.3.3.2). */
export function violation(gpa: u64, access: u64, permissions: u64, va: u64, final: bool): u64 {
  const qualification = access | ((permissions & 7) << 3) | (linearIsValid ? <u64>EPT_VIOLATION_LINEAR_VALID : 0)
    | (final ? <u64>EPT_VIOLATION_FINAL_TRANSLATION : 0);
  raiseEptExit(EPT_VIOLATION, qualification, gpa, va);
  return NO_ADDRESS;
}

function missingFlags(record: usize, level: u32, leafLevel: u32, access: u64): u64 {
  const dirties = level == leafLevel && (access & EPT_ACCESS_WRITE) != 0;
  return (dirties ? <u64>EPT_ACCESSED | EPT_DIRTY : EPT_ACCESSED) & ~load<u64>(levelOf(record, level), 8);
}

/** SDM 29.3.5. False: an entry lies where code is decoded, which is dropped alone. */
function setAccessedDirty(record: usize, first: u32, leafLevel: u32, access: u64): bool {
  eptDirty = true;
  if (!eptAccessedDirty()) return true;
  for (let level = first; level >= leafLevel; level--) {
    const mustDrop = missingFlags(record, level, leafLevel, access) != 0 && pageHasCode(load<u64>(levelOf(record, level)));
    if (mustDrop && !runningAlone) {
      runAlone();
      return false;
    }
  }
  for (let level = first; level >= leafLevel; level--) {
    const missing = missingFlags(record, level, leafLevel, access);
    if (missing == 0) continue;
    const address = load<u64>(levelOf(record, level));
    invalidatePage(address);
    writePhysical64(address, load<u64>(levelOf(record, level), 8) | missing);
  }
  if ((access & EPT_ACCESS_WRITE) == 0) eptDirty = (load<u64>(levelOf(record, leafLevel), 8) & EPT_DIRTY) != 0;
  return true;
}
