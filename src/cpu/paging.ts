/**
 * Linear to machine-physical addresses: the page walk in each paging mode (SDM Vol. 3, chapter 4) and, in a guest with
 * EPT, the second dimension at every step of it (29.3.1).
 */
import {
  PAGE_PRESENT, PAGE_WRITABLE, PAGE_USER, PAGE_ACCESSED, PAGE_DIRTY, PAGE_GLOBAL, PAGE_LARGE, FAULT_PRESENT, FAULT_WRITE, FAULT_USER,
  FAULT_RESERVED, FAULT_FETCH, PAGE_ADDRESS_MASK, PHYSICAL_ADDRESS_BITS, EPT_WRITE,
} from '../spec/page-bits';
import { CR0, CR3, CR4, MSR_EFER, COST_WALK_REFERENCE, PDPTES } from '../spec/cpu-state';
import {
  CR0_PG, CR0_WP, CR4_PAE, CR4_PCIDE, CR4_PGE, CR4_PSE, CR4_SMEP, CR4_SMAP, EFER_LMA, EFER_NXE, FLAG_AC,
} from '../spec/control-bits';
import { WALK_SCRATCH } from '../spec/memory-map';
import { raisePageFault, runningAlone, runAlone } from './fault';
import {
  eptPointer, eptPermissions, eptDirty, eptReferences, clearEptReferences, eptAccessedDirty, translateEpt, violation,
  EPT_ACCESS_READ, EPT_ACCESS_WRITE, EPT_ACCESS_FETCH,
} from './ept';
import { NO_ADDRESS, readPhysical32, readPhysical64, writePhysical32, writePhysical64 } from './physical';
import { chargeCycles } from './counters';
import { getFlags } from './flags';
import { pageHasCode, invalidatePage } from './blocks';

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
/** … the page is larger than 4 KiB. */
export let largePage: bool = false;
/** … the page is global: MOV to CR3 keeps it. */
export let globalPage: bool = false;

let guestPhysical: u64 = 0;
let references: u32 = 0;

/** Entries used, by level: { u64 machine-physical address, u64 value, u64 guest-physical address, u64 EPT rights }. */
@inline
function record(level: u32): usize { return <usize>WALK_SCRATCH + <usize>(level - 1) * 32; }

@inline
export function pagingEnabled(): bool { return (load<u64>(CR0) & CR0_PG) != 0; }

/**
 * Machine-physical address of va, with accessed and dirty flags set as the access demands; NO_ADDRESS with the page
 * fault or EPT exit pending. Every entry read costs COST_WALK_REFERENCE.
 */
export function translate(va: u64, access: u32): u64 {
  references = 0;
  clearEptReferences();
  largePage = false;
  globalPage = false;
  let pa = NO_ADDRESS;
  if (pagingEnabled() ? walk(va, access) : unpaged(va)) {
    pa = guestPhysical;
    if (eptPointer != 0) pa = translateEpt(guestPhysical, eptAccess(access), va, true);
    if (pa != NO_ADDRESS && eptPointer != 0) mayKeepWrite = mayKeepWrite && eptDirty && (eptPermissions & EPT_WRITE) != 0;
  }
  chargeCycles(<u64>(references + eptReferences) * load<u32>(COST_WALK_REFERENCE));
  return pa;
}

function eptAccess(access: u32): u64 {
  if (access & ACCESS_FETCH) return EPT_ACCESS_FETCH;
  return access & ACCESS_WRITE ? EPT_ACCESS_WRITE : EPT_ACCESS_READ;
}

function unpaged(va: u64): bool {
  guestPhysical = va & 0xffff_ffff;
  mayKeep = true;
  mayKeepWrite = true;
  return true;
}

/** All modes: 4-level, PAE and 32-bit paging differ in depth, entry size and a few bits (SDM 4.3–4.5). */
function walk(va: u64, access: u32): bool {
  const long = (load<u64>(MSR_EFER) & EFER_LMA) != 0;
  const wide = long || (load<u64>(CR4) & CR4_PAE) != 0;
  const top: u32 = long ? 4 : 2;
  const indexBits: u32 = wide ? 9 : 10;
  let table = load<u64>(CR3) & (long ? PAGE_ADDRESS_MASK : 0xffff_f000);
  if (wide && !long) {
    const pointer = load<u64>(PDPTES + ((<usize>(va >> 30) & 3) << 3));
    if ((pointer & PAGE_PRESENT) == 0) return pageFault(va, access, 0);
    table = pointer & PAGE_ADDRESS_MASK;
  }
  let allowed: u64 = PAGE_WRITABLE | PAGE_USER;
  let noExecute: u64 = 0;
  let level = top;
  while (true) {
    const index = (va >> (12 + indexBits * (level - 1))) & ((1 << indexBits) - 1);
    const entry = readEntry(table + index * (wide ? 8 : 4), level, wide, va);
    if (entryUnreadable) return false;
    if ((entry & PAGE_PRESENT) == 0) return pageFault(va, access, 0);
    if (entry & reservedBits(level, entry, long, wide)) return pageFault(va, access, FAULT_PRESENT | FAULT_RESERVED);
    allowed &= entry;
    noExecute |= entry & NX;
    if (level == 1 || isLarge(entry, level, wide)) {
      if (!permitted(access, allowed, noExecute)) return pageFault(va, access, FAULT_PRESENT);
      if (!setAccessedDirty(top, level, wide, access, va)) return false;
      finish(va, access, entry, level, indexBits, allowed);
      return true;
    }
    table = entry & (wide ? PAGE_ADDRESS_MASK : 0xffff_f000);
    level--;
  }
}

/** Bits of a PDPTE that must be 0 when it is present (table 4-8). */
const PDPTE_RESERVED: u64 = 0x1e6 | ~(((<u64>1) << PHYSICAL_ADDRESS_BITS) - 1);

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
  for (let i: usize = 0; i < 4; i++) {
    const entry = readEntry(table + (i << 3), 1, true, 0);
    if (entryUnreadable || ((entry & PAGE_PRESENT) != 0 && (entry & PDPTE_RESERVED) != 0)) return false;
    store<u64>(NEW_PDPTES + (i << 3), entry);
  }
  memory.copy(PDPTES, NEW_PDPTES, 32);
  return true;
}

const NEW_PDPTES: usize = memory.data(32, 8);

/** The PCID that CR3 and CR4 select (SDM 4.10.1). */
export function currentPcid(): u32 { return load<u64>(CR4) & CR4_PCIDE ? <u32>load<u64>(CR3) & 0xfff : 0; }

/** Results that the TLB and {@link translate} need. */
function finish(va: u64, access: u32, entry: u64, level: u32, indexBits: u32, allowed: u64): void {
  const offset: u64 = ((<u64>1) << (12 + indexBits * (level - 1))) - 1;
  guestPhysical = (entry & PAGE_ADDRESS_MASK & ~offset) | (va & offset);
  if (level == 2 && indexBits == 10) guestPhysical = (guestPhysical & 0xffff_ffff) | (((entry >> 13) & 0xff) << 32);
  largePage = level > 1;
  globalPage = (entry & PAGE_GLOBAL) != 0 && (load<u64>(CR4) & CR4_PGE) != 0;
  const user = (access & ACCESS_USER) != 0;
  mayKeep = user || (allowed & PAGE_USER) == 0 || (load<u64>(CR4) & CR4_SMAP) == 0;
  mayKeepWrite = ((entry & PAGE_DIRTY) != 0 || (access & ACCESS_WRITE) != 0)
    && permitted((access & ACCESS_USER) | ACCESS_WRITE, allowed, 0);
}

let entryUnreadable: bool = false;

function readEntry(gpa: u64, level: u32, wide: bool, va: u64): u64 {
  let pa = gpa;
  if (eptPointer != 0) {
    pa = translateEpt(gpa, eptAccessedDirty() ? EPT_ACCESS_READ | EPT_ACCESS_WRITE : EPT_ACCESS_READ, va, false);
    entryUnreadable = pa == NO_ADDRESS;
    if (entryUnreadable) return 0;
  } else {
    entryUnreadable = false;
  }
  references++;
  const value = wide ? readPhysical64(pa) : <u64>readPhysical32(pa);
  const at = record(level);
  store<u64>(at, pa);
  store<u64>(at, value, 8);
  store<u64>(at, gpa, 16);
  store<u64>(at, eptPermissions, 24);
  return value;
}

function isLarge(entry: u64, level: u32, wide: bool): bool {
  if ((entry & PAGE_LARGE) == 0) return false;
  if (level == 3) return true;
  return level == 2 && (wide || (load<u64>(CR4) & CR4_PSE) != 0);
}

/** Bits 21:(M–19) of a 4-MByte page's entry, M the physical-address width: PSE-36 (table 4-4). */
const PSE36_RESERVED: u64 = 0x3f_ffff & ~((1 << (PHYSICAL_ADDRESS_BITS - 19)) - 1);

/** SDM 4.3, 4.4.2, 4.5.4. */
function reservedBits(level: u32, entry: u64, long: bool, wide: bool): u64 {
  if (!wide) return isLarge(entry, level, false) ? PSE36_RESERVED : 0;
  let reserved = ABOVE_PHYSICAL;
  if ((load<u64>(MSR_EFER) & EFER_NXE) == 0) reserved |= NX;
  if (!long) reserved |= 0x7ff0_0000_0000_0000;
  if (level == 4) return reserved | PAGE_LARGE;
  if (level == 3 && (entry & PAGE_LARGE) != 0) return reserved | 0x3fff_e000;
  if (level == 2 && (entry & PAGE_LARGE) != 0) return reserved | 0x1f_e000;
  return reserved;
}

/** SDM 4.6.1. */
function permitted(access: u32, allowed: u64, noExecute: u64): bool {
  const write = (access & ACCESS_WRITE) != 0;
  const fetch = (access & ACCESS_FETCH) != 0;
  if (fetch && noExecute != 0) return false;
  if (access & ACCESS_USER) return (allowed & PAGE_USER) != 0 && (!write || (allowed & PAGE_WRITABLE) != 0);
  if (write && (allowed & PAGE_WRITABLE) == 0 && (load<u64>(CR0) & CR0_WP) != 0) return false;
  if ((allowed & PAGE_USER) == 0) return true;
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
function setAccessedDirty(top: u32, leaf: u32, wide: bool, access: u32, va: u64): bool {
  for (let level = top; level >= leaf; level--) {
    if (missingFlags(level, leaf, access) == 0) continue;
    const at = record(level);
    if (eptPointer != 0 && (load<u64>(at, 24) & EPT_WRITE) == 0) {
      violation(load<u64>(at, 16), EPT_ACCESS_WRITE, load<u64>(at, 24), va, false);
      return false;
    }
    if (!runningAlone && pageHasCode(load<u64>(at))) {
      runAlone();
      return false;
    }
  }
  for (let level = top; level >= leaf; level--) {
    const missing = missingFlags(level, leaf, access);
    if (missing != 0) writeEntry(load<u64>(record(level)), load<u64>(record(level), 8) | missing, wide);
  }
  return true;
}

function writeEntry(pa: u64, value: u64, wide: bool): void {
  if (pageHasCode(pa)) invalidatePage(pa);
  if (wide) writePhysical64(pa, value);
  else writePhysical32(pa, <u32>value);
}
