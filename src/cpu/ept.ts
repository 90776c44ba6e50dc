/**
 * Extended page tables: guest-physical to machine-physical addresses (SDM Vol. 3, 29.3). The tables lie in simulated
 * memory and are walked anew each time; the TLBs keep combined translations.
 */
import {
  EPT_READ, EPT_WRITE, EPT_EXECUTE, EPT_LARGE, EPT_ACCESSED, EPT_DIRTY, EPTP_ACCESSED_DIRTY, PAGE_ADDRESS_MASK,
  PHYSICAL_ADDRESS_BITS, EPT_VIOLATION_READ, EPT_VIOLATION_WRITE, EPT_VIOLATION_FETCH, EPT_VIOLATION_LINEAR_VALID,
  EPT_VIOLATION_FINAL_TRANSLATION,
} from '../spec/page-bits';
import { EPT_VIOLATION, EPT_MISCONFIGURATION } from '../spec/exit-reasons';
import { WALK_SCRATCH } from '../spec/memory-map';
import { raiseEptExit } from './fault';
import { NO_ADDRESS, readPhysical64, writePhysical64 } from './physical';

/** The EPT pointer of the guest that runs, 0 where EPT is not in use. */
export let eptPointer: u64 = 0;
export function setEptPointer(pointer: u64): void { eptPointer = pointer; }

/** Of the last translation: logical AND of bits 2:0 of the entries used. */
export let eptPermissions: u64 = 0;
/** Of the last translation: a write through it changes no EPT entry. */
export let eptDirty: bool = true;
/** Entries read by translations since {@link clearEptReferences}. */
export let eptReferences: u32 = 0;
export function clearEptReferences(): void { eptReferences = 0; }

/** The hypervisor emulates an instruction: what is not mapped is a device of its own, at the address with this bit set. */
export const EMULATED: u64 = 1 << 52;
let emulating: bool = false;
export function setEmulating(on: bool): void { emulating = on; }

/** EPT entries of the walk: behind those of the guest's paging structures. */
const ENTRIES: usize = WALK_SCRATCH + 0x80;
const ABOVE_PHYSICAL: u64 = PAGE_ADDRESS_MASK & ~(((<u64>1) << PHYSICAL_ADDRESS_BITS) - 1);

/** What an access of the guest means for EPT; bits 0–2 as in an exit qualification. */
export const EPT_ACCESS_READ: u64 = EPT_VIOLATION_READ;
export const EPT_ACCESS_WRITE: u64 = EPT_VIOLATION_WRITE;
export const EPT_ACCESS_FETCH: u64 = EPT_VIOLATION_FETCH;

@inline
export function eptAccessedDirty(): bool { return (eptPointer & EPTP_ACCESSED_DIRTY) != 0; }

/**
 * Machine-physical address of guest-physical `gpa`, or NO_ADDRESS with an EPT violation or misconfiguration raised.
 * `final`: va's own translation rather than the address of a paging-structure entry (exit qualification bit 8).
 */
export function translateEpt(gpa: u64, access: u64, va: u64, final: bool): u64 {
  let table = eptPointer & PAGE_ADDRESS_MASK;
  let permissions: u64 = EPT_READ | EPT_WRITE | EPT_EXECUTE;
  let level: u64 = 4;
  while (true) {
    const shift = 3 + 9 * level;
    const address = table + (((gpa >> shift) & 511) << 3);
    const entry = readPhysical64(address);
    eptReferences++;
    permissions &= entry;
    store<u64>(ENTRIES + <usize>(level << 4), address);
    store<u64>(ENTRIES + <usize>(level << 4), entry, 8);
    if ((entry & 7) == 0) return violation(gpa, access, permissions, va, final);
    const leaf = level == 1 || ((entry & EPT_LARGE) != 0 && level < 4);
    if (misconfigured(entry, level, leaf)) {
      raiseEptExit(EPT_MISCONFIGURATION, 0, gpa, va);
      return NO_ADDRESS;
    }
    if (leaf) {
      if ((access & ~permissions) != 0) return violation(gpa, access, permissions, va, final);
      eptPermissions = permissions;
      setAccessedDirty(level, access);
      const offset: u64 = ((<u64>1) << shift) - 1;
      return (entry & PAGE_ADDRESS_MASK & ~offset) | (gpa & offset);
    }
    table = entry & PAGE_ADDRESS_MASK;
    level--;
  }
}

/** SDM 29.3.3.1. */
function misconfigured(entry: u64, level: u64, leaf: bool): bool {
  if ((entry & (EPT_READ | EPT_WRITE)) == EPT_WRITE) return true;
  if (entry & ABOVE_PHYSICAL) return true;
  if (!leaf) return (entry & (level == 4 ? 0xf8 : 0x78)) != 0;
  const memoryType = (entry >> 3) & 7;
  if (memoryType == 2 || memoryType == 3 || memoryType == 7) return true;
  const offset: u64 = ((<u64>1) << (3 + 9 * level)) - 1;
  return (entry & offset & PAGE_ADDRESS_MASK) != 0;
}

/** SDM 28.2.1, table 28-7; entries of paging structures count as written when EPT keeps A/D flags (29.3.3.2). */
export function violation(gpa: u64, access: u64, permissions: u64, va: u64, final: bool): u64 {
  if (emulating && (access & EPT_ACCESS_FETCH) == 0) return EMULATED | gpa;
  const qualification = access | ((permissions & 7) << 3) | EPT_VIOLATION_LINEAR_VALID
    | (final ? <u64>EPT_VIOLATION_FINAL_TRANSLATION : 0);
  raiseEptExit(EPT_VIOLATION, qualification, gpa, va);
  return NO_ADDRESS;
}

/** SDM 29.3.5. */
function setAccessedDirty(leafLevel: u64, access: u64): void {
  eptDirty = true;
  if (!eptAccessedDirty()) return;
  for (let level: u64 = 4; level >= leafLevel; level--) {
    const address = load<u64>(ENTRIES + <usize>(level << 4));
    const entry = load<u64>(ENTRIES + <usize>(level << 4), 8);
    let flags: u64 = EPT_ACCESSED;
    if (level == leafLevel) {
      if (access & EPT_ACCESS_WRITE) flags |= EPT_DIRTY;
      else eptDirty = (entry & EPT_DIRTY) != 0;
    }
    if (flags & ~entry) writePhysical64(address, entry | flags);
  }
}
