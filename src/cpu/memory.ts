/**
 * The slow path of every memory access: TLB misses, page crossing, devices, and stores into decoded code. The fast path
 * is a TLB hit in the executor.
 *
 * A miss returns the wasm address to load from or store to, or 0 with faultPending set. Where the bytes are not
 * contiguous RAM that address is BOUNCE, and a store is completed by {@link commitWrite}.
 */
import { CPL, CYCLES, MSR_EFER, COST_WALK_REFERENCE } from '../spec/cpu-state';
import { BOUNCE } from '../spec/memory-map';
import { EFER_LMA } from '../spec/control-bits';
import { ALIGNMENT_CHECK, GENERAL_PROTECTION } from '../spec/vectors';
import { emulatedRead, emulatedWrite, mmioRead, mmioWrite } from './board';
import { EMULATED } from './ept';
import { pageHasCode, invalidatePage } from './blocks';
import { cyclesLeft, refundCycles } from './counters';
import { dataConditions, dataWatched, deferDebug } from './debug';
import { raise, raiseNotCanonical, runAlone, runningAlone } from './fault';
import {
  translate, rememberWalk, mayKeep, mayKeepWrite, pageFlags, apicAccess, ACCESS_WRITE, ACCESS_FETCH, ACCESS_USER,
  ACCESS_IMPLICIT,
} from './paging';
import { NO_ADDRESS, hostOfPhysical } from './physical';
import {
  lookUp, lookUpBlocked, lookUpFetch, fillTlb, fillWriteTlb, fillFetchTlb, block, unblock, readTlb, writeTlb, fetchTlb,
} from './tlb';
import { boardWasCalled, lookAtBoundary, refreshAttention } from './events';
import { alignmentChecked } from './mode';

export { BOUNCE } from '../spec/memory-map';

/** No access pays for more references: two pages, two dimensions (2 × 24). */
const MOST_REFERENCES: u64 = 48;

/** The store in progress: bytes in its first page, machine-physical addresses of its two parts. */
let bounceSize: u32 = 0;
let bounceFirst: u32 = 0;
let bouncePhysical: u64 = 0;
let bouncePhysical2: u64 = 0;

@inline
function privilege(): u32 { return load<u32>(CPL) == 3 ? ACCESS_USER : 0; }

/** An access at the current privilege level. */
export function readMiss(va: u64, size: u32): usize {
  return eachAccessIsChecked() ? addressToRead(va, size, privilege()) : readAccess(va, size, privilege());
}

/** Address for a store of `size` bytes; with RAM behind it the current contents are there too. */
export function writeMiss(va: u64, size: u32): usize {
  return eachAccessIsChecked() ? addressToWrite(va, size, privilege()) : writeAccess(va, size, privilege() | ACCESS_WRITE, false);
}

/** As {@link writeMiss}, for an instruction that reads what it changes: a device is read. */
export function modifyMiss(va: u64, size: u32): usize {
  return eachAccessIsChecked() ? addressToModify(va, size, privilege()) : writeAccess(va, size, privilege() | ACCESS_WRITE, true);
}

/** Outside IA-32e mode linear addresses have 32 bits and are all canonical. */
@inline
function longMode(): bool { return (load<u64>(MSR_EFER) & EFER_LMA) != 0; }

/** SDM Vol. 1, 3.3.7.1: bits 63:47 are equal. */
@inline
export function canonical(va: u64): bool { return ((<i64>va) << 16 >> 16) == <i64>va; }

function addressable(va: u64, size: u32): bool {
  if (!longMode() || (canonical(va) && canonical(va + size - 1))) return true;
  raiseNotCanonical();
  return false;
}

/** The walk could cross the deadline in mid-block: the instruction must run alone. */
function deadlineIsNear(): bool {
  if (runningAlone) return false;
  if (cyclesLeft() > MOST_REFERENCES * load<u32>(COST_WALK_REFERENCE)) return false;
  runAlone();
  return true;
}

@inline
function secondPage(va: u64): u64 {
  const next = (va | 0xfff) + 1;
  return longMode() ? next : next & 0xffff_ffff;
}

/** CYCLES before the access in progress. */
let cyclesBefore: u64 = 0;

/** The walk just made is made again, and paid for, when the instruction runs alone. */
function againAlone(): usize {
  refundCycles(load<u64>(CYCLES) - cyclesBefore);
  runAlone();
  return 0;
}

/** Two pages: nothing would remember the first walk, were the instruction begun again for another reason. */
@inline
function crossesBeforeAlone(size: u32, first: u32): bool {
  if (size <= first || runningAlone) return false;
  runAlone();
  return true;
}

export function readAccess(va: u64, size: u32, access: u32): usize {
  if (!addressable(va, size) || deadlineIsNear()) return 0;
  const first: u32 = 0x1000 - (<u32>va & 0xfff);
  if (crossesBeforeAlone(size, first)) return 0;
  cyclesBefore = load<u64>(CYCLES);
  const pa = translate(va, access);
  if (pa == NO_ADDRESS) return 0;
  const host = hostOfPhysical(pa);
  if (size <= first) {
    if (host == 0) return deviceRead(va, pa, size);
    rememberWalk(va);
    keep(va, host, access);
    return host;
  }
  rememberWalk(va);
  const pa2 = translate(secondPage(va), access);
  if (pa2 == NO_ADDRESS) return 0;
  rememberWalk(secondPage(va));
  copyIn(BOUNCE, pa, first);
  copyIn(BOUNCE + first, pa2, size - first);
  return BOUNCE;
}

/** Keeps the translation just made in the TLB of its privilege. */
function keep(va: u64, host: usize, access: u32): void {
  if (!mayKeep) return;
  const user = (access & ACCESS_USER) != 0;
  fillTlb(readTlb(user), va, host, pageFlags);
  if (!mayKeepWrite) return;
  const base: usize = writeTlb(user);
  fillWriteTlb(base, va, host, pageFlags);
  if (pageHasCode(physicalOfHost(host))) block(base, va);
}

@inline
function physicalOfHost(host: usize): u64 { return <u64>(host - hostOfPhysical(0)); }

function deviceRead(va: u64, pa: u64, size: u32): usize {
  if (!runningAlone) return againAlone();
  rememberWalk(va);
  copyIn(BOUNCE, pa, size);
  return BOUNCE;
}

export function writeAccess(va: u64, size: u32, access: u32, modify: bool): usize {
  if (!addressable(va, size) || deadlineIsNear()) return 0;
  const first: u32 = 0x1000 - (<u32>va & 0xfff);
  if (crossesBeforeAlone(size, first)) return 0;
  cyclesBefore = load<u64>(CYCLES);
  const base: usize = writeTlb((access & ACCESS_USER) != 0);
  const blocked = lookUpBlocked(base, va, size);
  if (blocked != 0) {
    if (!claimForWriting(physicalOfHost(blocked))) return 0;
    unblock(base, va);
    return blocked;
  }
  const pa = translate(va, access);
  if (pa == NO_ADDRESS) return 0;
  const host = hostOfPhysical(pa);
  if (size <= first) {
    if (host != 0) return writable(va, pa, host, access);
    if (!runningAlone) return againAlone();
    rememberWalk(va);
    return bounceWrite(pa, size, pa, size, modify);
  }
  rememberWalk(va);
  if (host != 0 && !claimForWriting(pa)) return 0;
  const pa2 = translate(secondPage(va), access);
  if (pa2 == NO_ADDRESS) return 0;
  rememberWalk(secondPage(va));
  if (hostOfPhysical(pa2) != 0 && !claimForWriting(pa2)) return 0;
  return bounceWrite(pa, first, pa2, size, modify);
}

/** Decoded code on the page is dropped, alone; false: not alone yet. */
function claimForWriting(pa: u64): bool {
  if (!pageHasCode(pa)) return true;
  if (!runningAlone) {
    againAlone();
    return false;
  }
  invalidatePage(pa);
  return true;
}

function writable(va: u64, pa: u64, host: usize, access: u32): usize {
  if (apicAccess) {
    if (!runningAlone) return againAlone();
    lookAtBoundary();
  }
  if (!claimForWriting(pa)) return 0;
  rememberWalk(va);
  if (!mayKeep) return host;
  const user = (access & ACCESS_USER) != 0;
  if (mayKeepWrite) fillWriteTlb(writeTlb(user), va, host, pageFlags);
  fillTlb(readTlb(user), va, host, pageFlags);
  return host;
}

function bounceWrite(pa: u64, first: u32, pa2: u64, size: u32, modify: bool): usize {
  if (modify || hostOfPhysical(pa) != 0) copyIn(BOUNCE, pa, first);
  if (size > first && (modify || hostOfPhysical(pa2) != 0)) copyIn(BOUNCE + first, pa2, size - first);
  bounceSize = size;
  bounceFirst = first;
  bouncePhysical = pa;
  bouncePhysical2 = pa2;
  return BOUNCE;
}

/** Completes a store into BOUNCE. */
export function commitWrite(): void {
  copyOut(bouncePhysical, BOUNCE, bounceFirst);
  if (bounceSize > bounceFirst) copyOut(bouncePhysical2, BOUNCE + bounceFirst, bounceSize - bounceFirst);
}

/** Largest power of two that is aligned at pa, within `size` and at most the 4 bytes of a bus access. */
function busUnit(pa: u64, size: u32): u32 {
  let unit: u32 = 4;
  while (unit > size || (pa & (unit - 1)) != 0) unit >>= 1;
  return unit;
}

@inline
function deviceReadAt(pa: u64, size: u32): u32 {
  return pa & EMULATED ? emulatedRead(<f64>(pa ^ EMULATED), size) : mmioRead(<f64>pa, size);
}

@inline
function deviceWriteAt(pa: u64, size: u32, value: u32): void {
  if (pa & EMULATED) emulatedWrite(<f64>(pa ^ EMULATED), size, value);
  else mmioWrite(<f64>pa, size, value);
}

/** Bytes of machine-physical memory, or what a device or ROM gives in units of the bus. */
export function copyIn(to: usize, pa: u64, size: u32): void {
  const host = hostOfPhysical(pa);
  if (host != 0) {
    memory.copy(to, host, size);
    return;
  }
  for (let done: u32 = 0; done < size; ) {
    const unit = busUnit(pa + done, size - done);
    const value = deviceReadAt(pa + done, unit);
    if (unit == 4) store<u32>(to + done, value);
    else if (unit == 2) store<u16>(to + done, <u16>value);
    else store<u8>(to + done, <u8>value);
    done += unit;
  }
  boardWasCalled();
}

function copyOut(pa: u64, from: usize, size: u32): void {
  const host = hostOfPhysical(pa);
  if (host != 0) {
    memory.copy(host, from, size);
    return;
  }
  for (let done: u32 = 0; done < size; ) {
    const unit = busUnit(pa + done, size - done);
    const value = unit == 4 ? load<u32>(from + done) : unit == 2 ? <u32>load<u16>(from + done) : <u32>load<u8>(from + done);
    deviceWriteAt(pa + done, unit, value);
    done += unit;
  }
  boardWasCalled();
}

/**
 * Machine-physical address of the instruction byte at va for the current privilege level, NO_ADDRESS with the fault
 * pending.
 */
export function fetchPage(va: u64): u64 {
  const access = privilege() | ACCESS_FETCH;
  const base: usize = fetchTlb((access & ACCESS_USER) != 0);
  const hit = lookUpFetch(base, va);
  if (hit != NO_ADDRESS) return hit;
  if (longMode() && !canonical(va)) {
    raise(GENERAL_PROTECTION, 0);
    return NO_ADDRESS;
  }
  const pa = translate(va, access);
  if (pa == NO_ADDRESS) return pa;
  rememberWalk(va);
  if ((pa & EMULATED) == 0) fillFetchTlb(base, va, pa, pageFlags);
  return pa;
}

@inline
function loadSized(host: usize, size: u32): u64 {
  if (size == 8) return load<u64>(host);
  if (size == 4) return load<u32>(host);
  return size == 2 ? <u64>load<u16>(host) : <u64>load<u8>(host);
}

@inline
function storeSized(host: usize, size: u32, value: u64): void {
  if (size == 8) store<u64>(host, value);
  else if (size == 4) store<u32>(host, <u32>value);
  else if (size == 2) store<u16>(host, <u16>value);
  else store<u8>(host, <u8>value);
}

/** Address of `size` bytes to read with the given kind of access, through the TLB; 0 with the fault pending. */
export function addressToRead(va: u64, size: u32, access: u32): usize {
  if (eachAccessIsChecked() && !passes(va, size, access)) return 0;
  const base: usize = readTlb((access & ACCESS_USER) != 0);
  const host = lookUp(base, va, size);
  return host != 0 ? host : readAccess(va, size, access);
}

/** As {@link addressToRead} for a store; the caller calls {@link commitWrite} when it is BOUNCE. */
export function addressToWrite(va: u64, size: u32, access: u32): usize {
  if (eachAccessIsChecked() && !passes(va, size, access | ACCESS_WRITE)) return 0;
  const base: usize = writeTlb((access & ACCESS_USER) != 0);
  const host = lookUp(base, va, size);
  return host != 0 ? host : writeAccess(va, size, access | ACCESS_WRITE, false);
}

/** As {@link modifyMiss}, with the given kind of access. */
function addressToModify(va: u64, size: u32, access: u32): usize {
  if (!passes(va, size, access | ACCESS_WRITE)) return 0;
  const host = lookUp(writeTlb((access & ACCESS_USER) != 0), va, size);
  return host != 0 ? host : writeAccess(va, size, access | ACCESS_WRITE, true);
}

/** Alignment checks or data breakpoints are on: the data TLBs that the executor looks into are empty. */
@inline
function eachAccessIsChecked(): bool { return alignmentChecked || dataWatched; }

/** False with #AC pending (SDM 6.15, interrupt 17), or where a breakpoint is met and the instruction not alone yet. */
function passes(va: u64, size: u32, access: u32): bool {
  if (!addressable(va, size)) return false;
  if (alignmentChecked && (access & ACCESS_USER) != 0 && misaligned(va, size)) {
    raise(ALIGNMENT_CHECK, 0);
    return false;
  }
  if (!dataWatched) return true;
  const met = dataConditions(va, size, (access & ACCESS_WRITE) != 0);
  if (met == 0) return true;
  if (!runningAlone) {
    runAlone();
    return false;
  }
  deferDebug(met);
  refreshAttention();
  return true;
}

/** Table 6-7: to the size of the item, at most 8 bytes; 6- and 10-byte items to 4 and 8 of them. */
@inline
function misaligned(va: u64, size: u32): bool {
  const alignment: u64 = size >= 8 ? 8 : size == 6 ? 4 : size;
  return (va & (alignment - 1)) != 0;
}

export function readWith(va: u64, size: u32, access: u32): u64 {
  const host = addressToRead(va, size, access);
  return host != 0 ? loadSized(host, size) : 0;
}

export function writeWith(va: u64, size: u32, value: u64, access: u32): void {
  const host = addressToWrite(va, size, access);
  if (host == 0) return;
  storeSized(host, size, value);
  if (host == BOUNCE) commitWrite();
}

/** 1, 2, 4 or 8 bytes at the current privilege level; 0 with the fault pending. */
export function readMemory(va: u64, size: u32): u64 { return readWith(va, size, privilege()); }
export function writeMemory(va: u64, size: u32, value: u64): void { writeWith(va, size, value, privilege()); }

/** Descriptor tables and task-state segments: supervisor at any privilege level. */
export function readSystem(va: u64, size: u32): u64 { return readWith(linearOfSystem(va), size, ACCESS_IMPLICIT); }
export function writeSystem(va: u64, size: u32, value: u64): void { writeWith(linearOfSystem(va), size, value, ACCESS_IMPLICIT); }

/** Before the first of several writes; false with a fault pending. */
export function canWriteSystem(va: u64, size: u32): bool { return addressToWrite(linearOfSystem(va), size, ACCESS_IMPLICIT) != 0; }

@inline
function linearOfSystem(va: u64): u64 { return longMode() ? va : va & 0xffff_ffff; }

/** Stack frames of a privilege level that may not be the current one. */
export function stackAccess(cpl: u32): u32 { return cpl == 3 ? ACCESS_USER : 0; }
