/**
 * Linear to machine-physical addresses: the page walk in each paging mode (SDM Vol. 3, chapter 4) and, in a guest with
 * EPT, the second dimension at every step of it (29.3.1).
 */
import {
  PAGE_PRESENT, PAGE_WRITABLE, PAGE_USER, PAGE_ACCESSED, PAGE_DIRTY, PAGE_LARGE, PAGE_GLOBAL, FAULT_PRESENT, FAULT_WRITE, FAULT_USER,
  FAULT_RESERVED, FAULT_FETCH, PAGE_ADDRESS_MASK, PHYSICAL_ADDRESS_BITS, EPT_WRITE,
} from '../spec/page-bits';
import { CR0, CR3, CR4, MSR_EFER, COST_WALK_REFERENCE, NO_STRUCTURE_CACHES, PDPTES } from '../spec/cpu-state';
import {
  CR0_PG, CR0_WP, CR4_PAE, CR4_PGE, CR4_PSE, CR4_SMEP, CR4_SMAP, EFER_LMA, EFER_NXE, FLAG_AC,
} from '../spec/control-bits';
import { STRUCTURE_CACHE, WALK_SCRATCH } from '../spec/memory-map';
import { ALONE, clearFault, faultPending, raisePageFault, runningAlone, runAlone } from './fault';
import {
  emulating, eptPointer, eptPermissions, eptDirty, eptReferences, beginEptWalks, rememberEptWalks, eptAccessedDirty, translateEpt, translatePdpte,
  violation,
  EPT_ACCESS_READ, EPT_ACCESS_WRITE, EPT_ACCESS_FETCH,
} from './ept';
import { NO_ADDRESS, readPhysical32, readPhysical64, writePhysical32, writePhysical64 } from './physical';
import { chargeCycles } from './counters';
import { getFlags } from './flags';
import { pageHasCode, invalidatePage } from './blocks';
import {
  dropStructure, findStructure, keepStructure, STRUCTURE_EPT_RIGHTS, STRUCTURE_GUEST_TABLE, STRUCTURE_RIGHTS, STRUCTURE_TABLE,
} from './structure-cache';
import { accessApicPage, onApicAccessPage } from './vmx/virtual-apic';
import { SMALL_PAGE, TLB_GLOBAL, tlbBank } from './tlb';

/** Kinds of access; a read is none of them. */
export const ACCESS_WRITE: u32 = 1;
export const ACCESS_FETCH: u32 = 2;
/** Made at CPL 3. */
export const ACCESS_USER: u32 = 4;
/** Made by the processor itself to a descriptor table or TSS: supervisor at any CPL (SDM 4.6.1). */
export const ACCESS_IMPLICIT: u32 = 8;

const NX: u64 = 0x8000_0000_0000_0000;
const ABOVE_PHYSICAL: u64 = PAGE_ADDRESS_MASK & ~(((<u64>1) << PHYSICAL_ADDRESS_BITS) - 1);

/** Of the last successful {@link translate}: a supervisor access may be kept in the TLB at the current EFLAGS.AC. */
export let mayKeep: bool = false;
/** … a write of the same privilege would succeed and change no flag of an entry. */
export let mayKeepWrite: bool = false;
/** … flags of its entry in the TLB: the page's size, and whether it is global (SDM 4.10.2.4). */
export let pageFlags: u32 = 0;

/** … it led to the APIC-access page. */
export let apicAccess: bool = false;

let guestPhysical: u64 = 0;
let references: u32 = 0;

/**
 * Entries used, by level: { u64 machine-physical address, u64 value, u64 guest-physical address, u64 EPT rights, u64 rights
 * with it }. Rights of a walk: bits 1 and 2 as in an entry, bit 0 no execute.
 */
@inline
function record(level: u32): usize { return <usize>WALK_SCRATCH + <usize>(level - 1) * 40; }
const NO_EXECUTE: u32 = 1;

/** The paging mode of the walk (4.1.1): 4-level, PAE or 32-bit paging. */
let long: bool = false;
let wide: bool = false;
let top: u32 = 0;
let indexBits: u32 = 0;
/** Levels at which the last walk that succeeded began and ended. */
let firstLevel: u32 = 0;
let leafLevel: u32 = 0;

@inline
export function pagingEnabled(): bool { return (load<u64>(CR0) & CR0_PG) != 0; }

/**
 * Machine-physical address of va, with accessed and dirty flags set as the access demands; NO_ADDRESS with the page
 * fault or EPT exit pending. Every entry read costs COST_WALK_REFERENCE. When the access is really made,
 * {@link rememberWalk} is to follow.
 */
export function translate(va: u64, access: u32): u64 {
  if ((va & ~0xfff) == redirectedPage && (access & ACCESS_FETCH) == 0) return redirected(va);
  references = 0;
  beginEptWalks();
  firstLevel = 0;
  leafLevel = 0;
  let pa = NO_ADDRESS;
  if (pagingEnabled() ? walk(va, access) : unpaged(va)) {
    pa = guestPhysical;
    if (eptPointer != 0) pa = translateEpt(guestPhysical, eptAccess(access), va, true);
    if (pa != NO_ADDRESS && eptPointer != 0) mayKeepWrite = mayKeepWrite && eptDirty && (eptPermissions & EPT_WRITE) != 0;
  }
  apicAccess = pa != NO_ADDRESS && onApicAccessPage(pa);
  if (apicAccess) {
    mayKeep = false;
    pa = accessApicPage(pa, (access & ACCESS_WRITE) != 0, (access & ACCESS_FETCH) != 0);
  }
  if (faultPending != ALONE) chargeCycles(<u64>(references + eptReferences) * load<u32>(COST_WALK_REFERENCE));
  return pa;
}

/** A page of linear addresses, 1 for none, that a monitor's emulation has data accesses find elsewhere. */
let redirectedPage: u64 = 1;
let redirectedTo: u64 = 0;
export function redirect(page: u64, target: u64): void {
  redirectedPage = page;
  redirectedTo = target;
}

/** Neither the TLB nor the paging-structure caches may hold it. */
function redirected(va: u64): u64 {
  mayKeep = false;
  mayKeepWrite = false;
  apicAccess = false;
  firstLevel = 0;
  leafLevel = 0;
  return redirectedTo | (va & 0xfff);
}

function eptAccess(access: u32): u64 {
  if (access & ACCESS_FETCH) return EPT_ACCESS_FETCH;
  return access & ACCESS_WRITE ? EPT_ACCESS_WRITE : EPT_ACCESS_READ;
}

function unpaged(va: u64): bool {
  guestPhysical = va & 0xffff_ffff;
  mayKeep = true;
  mayKeepWrite = true;
  pageFlags = SMALL_PAGE;
  return true;
}

@inline
function shiftOf(level: u32): u32 { return SMALL_PAGE + indexBits * (level - 1); }

function choosePagingMode(): void {
  long = (load<u64>(MSR_EFER) & EFER_LMA) != 0;
  wide = long || (load<u64>(CR4) & CR4_PAE) != 0;
  top = long ? 4 : 2;
  indexBits = wide ? 9 : 10;
}

/**
 * From the lowest table that the paging-structure caches know. A walk that fails with their help is made again without
 * (4.10.4.3 lets a stale entry cause a fault; real processors look again), and only that one counts.
 */
function walk(va: u64, access: u32): bool {
  choosePagingMode();
  const cache = tlbBank + STRUCTURE_CACHE;
  for (let level: u32 = 2; level <= top; level++) {
    const known = findStructure(cache, level, va >> shiftOf(level));
    if (known == 0) continue;
    const table = load<u64>(known, STRUCTURE_TABLE);
    if (walkFrom(va, access, level - 1, load<u64>(known, STRUCTURE_GUEST_TABLE), table, load<u32>(known, STRUCTURE_RIGHTS),
      load<u32>(known, STRUCTURE_EPT_RIGHTS))) return true;
    if (faultPending == ALONE) return false;
    clearFault();
    references = 0;
    beginEptWalks();
    for (let stale = level; stale <= top; stale++) dropStructure(cache, stale, va >> shiftOf(stale));
    break;
  }
  let root = load<u64>(CR3) & (long ? PAGE_ADDRESS_MASK : 0xffff_f000);
  if (wide && !long) {
    const pointer = load<u64>(PDPTES + ((<usize>(va >> 30) & 3) << 3));
    if ((pointer & PAGE_PRESENT) == 0) return pageFault(va, access, 0);
    root = pointer & PAGE_ADDRESS_MASK;
  }
  return walkFrom(va, access, top, root, NO_ADDRESS, PAGE_WRITABLE | PAGE_USER, 0);
}

/**
 * From the table of level `first`, at guest-physical `root`; `machineTable` is where that is when it is known, with its EPT
 * rights. All modes: they differ in depth, entry size and a few bits (SDM 4.3–4.5).
 */
function walkFrom(
  va: u64, access: u32, first: u32, root: u64, machineTable: u64, rightsAbove: u32, eptRights: u64,
): bool {
  let table = root;
  let rights = rightsAbove;
  let level = first;
  while (true) {
    const offset = ((va >> shiftOf(level)) & ((1 << indexBits) - 1)) * (wide ? 8 : 4);
    if (level != first || machineTable == NO_ADDRESS) {
      if (!locateEntry(table + offset, level, va)) return false;
    } else locate(level, machineTable + offset, table + offset, eptRights);
    const entry = readEntry(level);
    if ((entry & PAGE_PRESENT) == 0) return pageFault(va, access, 0);
    if (entry & reservedBits(level, entry)) return pageFault(va, access, FAULT_PRESENT | FAULT_RESERVED);
    rights &= <u32>entry | NO_EXECUTE;
    if (entry & NX) rights |= NO_EXECUTE;
    store<u64>(record(level), rights, 32);
    if (level == 1 || isLarge(entry, level)) {
      if (!permitted(access, rights)) return pageFault(va, access, FAULT_PRESENT);
      if (!setAccessedDirty(first, level, access, va)) return false;
      firstLevel = first;
      leafLevel = level;
      finish(va, access, entry, rights);
      return true;
    }
    table = entry & (wide ? PAGE_ADDRESS_MASK : 0xffff_f000);
    level--;
  }
}

/** Bits of a PDPTE that must be 0 when it is present (table 4-8). */
const PDPTE_RESERVED: u64 = 0x1e6 | ~(((<u64>1) << PHYSICAL_ADDRESS_BITS) - 1);

@inline
export function invalidPdpte(entry: u64): bool { return (entry & PAGE_PRESENT) != 0 && (entry & PDPTE_RESERVED) != 0; }

/** PAE paging as CR0, CR4 and EFER would have it. */
export function usesPdptes(cr0: u64, cr4: u64, efer: u64): bool {
  return (cr0 & CR0_PG) != 0 && (cr4 & CR4_PAE) != 0 && (efer & EFER_LMA) == 0;
}

/**
 * The PDPTE registers from the table that a CR3 points to (SDM 4.4.1): false, with nothing changed, where a reserved bit
 * is set, or with an EPT exit pending.
 */
export function loadPdptes(cr3: u64): bool {
  const table = cr3 & 0xffff_ffe0;
  beginEptWalks();
  for (let i: usize = 0; i < 4; i++) {
    const pa = eptPointer == 0 ? table + (i << 3) : translatePdpte(table + (i << 3));
    if (pa == NO_ADDRESS) return false;
    const entry = readPhysical64(pa);
    if (invalidPdpte(entry)) return false;
    store<u64>(NEW_PDPTES + (i << 3), entry);
  }
  memory.copy(PDPTES, NEW_PDPTES, 32);
  return true;
}

const NEW_PDPTES: usize = memory.data(32, 8);

/** Results that the TLB and {@link translate} need. */
function finish(va: u64, access: u32, entry: u64, rights: u32): void {
  const offset: u64 = ((<u64>1) << shiftOf(leafLevel)) - 1;
  guestPhysical = (entry & PAGE_ADDRESS_MASK & ~offset) | (va & offset);
  if (leafLevel == 2 && !wide) guestPhysical = (guestPhysical & 0xffff_ffff) | (((entry >> 13) & 0xff) << 32);
  pageFlags = shiftOf(leafLevel);
  if ((entry & PAGE_GLOBAL) != 0 && (load<u64>(CR4) & CR4_PGE) != 0) pageFlags |= TLB_GLOBAL;
  const user = (access & ACCESS_USER) != 0;
  mayKeep = user || (rights & PAGE_USER) == 0 || (load<u64>(CR4) & CR4_SMAP) == 0;
  mayKeepWrite = ((entry & PAGE_DIRTY) != 0 || (access & ACCESS_WRITE) != 0)
    && permitted((access & ACCESS_USER) | ACCESS_WRITE, rights);
}

/** The access is made: what its walk used of upper levels goes into the caches (4.10.3.1: accessed flags are set). */
export function rememberWalk(va: u64): void {
  if (load<u32>(NO_STRUCTURE_CACHES) != 0) return;
  const cache = tlbBank + STRUCTURE_CACHE;
  for (let level = firstLevel; level > leafLevel; level--) {
    const entry = keepStructure(cache, level, va >> shiftOf(level));
    const below = record(level - 1);
    store<u64>(entry, load<u64>(below) & ~0xfff, STRUCTURE_TABLE);
    store<u64>(entry, load<u64>(below, 16) & ~0xfff, STRUCTURE_GUEST_TABLE);
    store<u32>(entry, <u32>load<u64>(record(level), 32), STRUCTURE_RIGHTS);
    store<u32>(entry, <u32>load<u64>(below, 24), STRUCTURE_EPT_RIGHTS);
  }
  if (eptPointer != 0) rememberEptWalks();
}

/** False: with EPT the entry's address has no translation. */
function locateEntry(gpa: u64, level: u32, va: u64): bool {
  if (eptPointer == 0) {
    locate(level, gpa, gpa, 0);
    return true;
  }
  const pa = translateEpt(gpa, eptAccessedDirty() ? EPT_ACCESS_READ | EPT_ACCESS_WRITE : EPT_ACCESS_READ, va, false);
  if (pa != NO_ADDRESS) locate(level, pa, gpa, eptPermissions);
  return pa != NO_ADDRESS;
}

@inline
function locate(level: u32, pa: u64, gpa: u64, eptRights: u64): void {
  store<u64>(record(level), pa);
  store<u64>(record(level), gpa, 16);
  store<u64>(record(level), eptRights, 24);
}

function readEntry(level: u32): u64 {
  const pa = load<u64>(record(level));
  const value = wide ? readPhysical64(pa) : <u64>readPhysical32(pa);
  references++;
  store<u64>(record(level), value, 8);
  return value;
}

function isLarge(entry: u64, level: u32): bool {
  if ((entry & PAGE_LARGE) == 0) return false;
  if (level == 3) return true;
  return level == 2 && (wide || (load<u64>(CR4) & CR4_PSE) != 0);
}

/** Bits 21:(M–19) of a 4-MByte page's entry, M the physical-address width: PSE-36 (table 4-4). */
const PSE36_RESERVED: u64 = 0x3f_ffff & ~((1 << (PHYSICAL_ADDRESS_BITS - 19)) - 1);

/** SDM 4.3, 4.4.2, 4.5.4. */
function reservedBits(level: u32, entry: u64): u64 {
  if (!wide) return isLarge(entry, level) ? PSE36_RESERVED : 0;
  let reserved = ABOVE_PHYSICAL;
  if ((load<u64>(MSR_EFER) & EFER_NXE) == 0) reserved |= NX;
  if (!long) reserved |= 0x7ff0_0000_0000_0000;
  if (level == 4) return reserved | PAGE_LARGE;
  if (level == 3 && (entry & PAGE_LARGE) != 0) return reserved | 0x3fff_e000;
  if (level == 2 && (entry & PAGE_LARGE) != 0) return reserved | 0x1f_e000;
  return reserved;
}

/** SDM 4.6.1. */
function permitted(access: u32, rights: u32): bool {
  const write = (access & ACCESS_WRITE) != 0;
  const fetch = (access & ACCESS_FETCH) != 0;
  if (fetch && (rights & NO_EXECUTE) != 0) return false;
  if (access & ACCESS_USER) return (rights & PAGE_USER) != 0 && (!write || (rights & PAGE_WRITABLE) != 0);
  if (write && (rights & PAGE_WRITABLE) == 0 && (load<u64>(CR0) & CR0_WP) != 0) return false;
  if ((rights & PAGE_USER) == 0) return true;
  if (fetch) return (load<u64>(CR4) & CR4_SMEP) == 0;
  if ((load<u64>(CR4) & CR4_SMAP) == 0) return true;
  return (access & ACCESS_IMPLICIT) == 0 && (getFlags() & FLAG_AC) != 0;
}

/** SDM 4.7. */
function pageFault(va: u64, access: u32, cause: u32): bool {
  let code = cause;
  if (access & ACCESS_WRITE) code |= FAULT_WRITE;
  if (access & ACCESS_USER) code |= FAULT_USER;
  if ((access & ACCESS_FETCH) != 0 && fetchesAreTold()) code |= FAULT_FETCH;
  raisePageFault(va, code);
  return false;
}

function fetchesAreTold(): bool {
  const cr4 = load<u64>(CR4);
  return (cr4 & CR4_SMEP) != 0 || ((cr4 & CR4_PAE) != 0 && (load<u64>(MSR_EFER) & EFER_NXE) != 0);
}

@inline
function missingFlags(level: u32, leaf: u32, access: u32): u64 {
  const wanted: u64 = level == leaf && (access & ACCESS_WRITE) != 0 ? PAGE_ACCESSED | PAGE_DIRTY : PAGE_ACCESSED;
  return wanted & ~load<u64>(record(level), 8);
}

/** SDM 4.8. All entries are checked before any is written. */
function setAccessedDirty(first: u32, leaf: u32, access: u32, va: u64): bool {
  for (let level = first; level >= leaf; level--) {
    if (missingFlags(level, leaf, access) == 0) continue;
    const at = record(level);
    if (eptPointer != 0 && !emulating && (load<u64>(at, 24) & EPT_WRITE) == 0) {
      violation(load<u64>(at, 16), EPT_ACCESS_WRITE, load<u64>(at, 24), va, false);
      return false;
    }
    if (!runningAlone && pageHasCode(load<u64>(at))) {
      runAlone();
      return false;
    }
  }
  for (let level = first; level >= leaf; level--) {
    const missing = missingFlags(level, leaf, access);
    if (missing != 0) writeEntry(load<u64>(record(level)), load<u64>(record(level), 8) | missing);
  }
  return true;
}

function writeEntry(pa: u64, value: u64): void {
  if (pageHasCode(pa)) invalidatePage(pa);
  if (wide) writePhysical64(pa, value);
  else writePhysical32(pa, <u32>value);
}
