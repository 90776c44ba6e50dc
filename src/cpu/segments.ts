/**
 * Segment descriptors and the loading of segment registers (SDM Vol. 3, 3.4–3.5, 5.5–5.8).
 */
import {
  SEGMENT_BASE, SEGMENT_LIMIT, SEGMENT_RIGHTS, SEGMENT_SELECTOR, ES, SS, FS, GS, LDTR, GDTR_BASE, GDTR_LIMIT,
} from '../spec/cpu-state';
import { GENERAL_PROTECTION, SEGMENT_NOT_PRESENT, STACK_FAULT } from '../spec/vectors';
import { raise, faultPending, NONE } from './fault';
import { readSystem, writeSystem } from './memory';
import {
  segment, in64BitMode, inLongMode, inProtectedMode, inVirtual8086, currentLevel, RIGHTS_CODE,
  RIGHTS_CONFORMING, RIGHTS_READ_WRITE, RIGHTS_ACCESSED, RIGHTS_CODE_OR_DATA, RIGHTS_DPL_SHIFT, RIGHTS_PRESENT,
  RIGHTS_BIG, RIGHTS_GRANULARITY, RIGHTS_UNUSABLE,
} from './mode';

/** The descriptor read last: its 8 bytes, the next 8 of a system descriptor in IA-32e mode, its linear address. */
export let descriptor: u64 = 0;
export let descriptorUpper: u64 = 0;
let descriptorAddress: u64 = 0;

export const SELECTOR_INDEX: u32 = 0xfffc;
const SELECTOR_LDT: u32 = 4;

@inline export function segmentBase(index: u32): u64 { return load<u64>(segment(index), SEGMENT_BASE); }
@inline export function segmentRights(index: u32): u32 { return load<u32>(segment(index), SEGMENT_RIGHTS); }
@inline export function segmentSelector(index: u32): u32 { return load<u16>(segment(index), SEGMENT_SELECTOR); }
@inline export function privilegeOf(rights: u32): u32 { return (rights >> RIGHTS_DPL_SHIFT) & 3; }

/** Bits 55:40 of a descriptor without the limit's high bits. */
@inline export function descriptorRights(): u32 { return <u32>(descriptor >> 40) & 0xf0ff; }
@inline export function descriptorBase(): u64 { return ((descriptor >> 16) & 0xff_ffff) | ((descriptor >> 32) & 0xff00_0000); }

export function descriptorLimit(): u32 {
  const raw = <u32>(descriptor & 0xffff) | (<u32>(descriptor >> 32) & 0xf_0000);
  return descriptorRights() & RIGHTS_GRANULARITY ? (raw << 12) | 0xfff : raw;
}

/** Reads a descriptor; outside its table: `vector` with the selector as error code. */
export function readDescriptor(selector: u32, vector: u32, external: u32): bool {
  const offset = selector & 0xfff8;
  let base = load<u64>(GDTR_BASE);
  let limit = load<u32>(GDTR_LIMIT);
  if (selector & SELECTOR_LDT) {
    base = segmentBase(LDTR);
    limit = segmentRights(LDTR) & RIGHTS_UNUSABLE ? 0 : load<u32>(segment(LDTR), SEGMENT_LIMIT);
  }
  if (offset + 7 > limit) {
    raise(vector, (selector & SELECTOR_INDEX) | external);
    return false;
  }
  descriptorAddress = inLongMode() ? base + offset : (base + offset) & 0xffff_ffff;
  descriptor = readSystem(descriptorAddress, 8);
  descriptorUpper = 0;
  return faultPending == NONE;
}

/** The upper half of a system descriptor (SDM 3.5.2); its table limit covers 16 bytes. */
export function readUpperDescriptor(selector: u32, vector: u32, external: u32): bool {
  const limit = selector & SELECTOR_LDT ? load<u32>(segment(LDTR), SEGMENT_LIMIT) : load<u32>(GDTR_LIMIT);
  if ((selector & 0xfff8) + 15 > limit) {
    raise(vector, (selector & SELECTOR_INDEX) | external);
    return false;
  }
  const lower = descriptor;
  descriptorUpper = readSystem(descriptorAddress + 8, 8);
  descriptor = lower;
  return faultPending == NONE;
}

/** Sets the accessed flag in memory; false with a fault pending. */
export function markAccessed(): bool {
  if (descriptorRights() & RIGHTS_ACCESSED) return true;
  setDescriptorType((descriptorRights() & 0xff) | RIGHTS_ACCESSED);
  return faultPending == NONE;
}

/** Writes byte 5 of the descriptor read last. */
export function setDescriptorType(byte: u32): void {
  writeSystem(descriptorAddress + 5, 1, byte);
  if (faultPending == NONE) descriptor = (descriptor & ~(<u64>0xff << 40)) | (<u64>byte << 40);
}

export function writeSegment(index: u32, selector: u32, base: u64, limit: u32, rights: u32): void {
  const at = segment(index);
  store<u64>(at, base, SEGMENT_BASE);
  store<u32>(at, limit, SEGMENT_LIMIT);
  store<u32>(at, rights, SEGMENT_RIGHTS);
  store<u16>(at, <u16>selector, SEGMENT_SELECTOR);
}

/** Puts the descriptor read last into a segment register. */
export function installDescriptor(index: u32, selector: u32): void {
  writeSegment(index, selector, descriptorBase(), descriptorLimit(), descriptorRights());
}

/**
 * In real-address and virtual-8086 mode a load changes selector and base alone: the limit of protected mode stays
 * (21.1.1). A register that was null becomes usable.
 */
export function loadRealMode(index: u32, selector: u32): void {
  const at = segment(index);
  if (load<u32>(at, SEGMENT_RIGHTS) & RIGHTS_UNUSABLE) writeSegment(index, selector, 0, 0xffff, REAL_MODE_DATA);
  store<u64>(at, <u64>selector << 4, SEGMENT_BASE);
  store<u16>(at, <u16>selector, SEGMENT_SELECTOR);
}

/** Present, writable, accessed data; in virtual-8086 mode of privilege 3 (21.2.2). */
export const REAL_MODE_DATA: u32 = 0x93;
const VIRTUAL_8086_DATA: u32 = 0xf3;

export function loadVirtual8086(index: u32, selector: u32): void {
  writeSegment(index, selector, <u64>selector << 4, 0xffff, VIRTUAL_8086_DATA);
}

/** MOV, POP and LxS to ES, SS, DS, FS, GS. False with a fault pending and nothing changed. */
export function loadDataSegment(index: u32, selector: u32): bool {
  if (!inProtectedMode() || inVirtual8086()) {
    loadRealMode(index, selector);
    return true;
  }
  if (index == SS) return loadStackSegment(selector, currentLevel());
  if ((selector & SELECTOR_INDEX) == 0) {
    writeSegment(index, selector, 0, 0, RIGHTS_UNUSABLE);
    return true;
  }
  if (!readDescriptor(selector, GENERAL_PROTECTION, 0)) return false;
  const rights = descriptorRights();
  const code = (rights & RIGHTS_CODE) != 0;
  let allowed = (rights & RIGHTS_CODE_OR_DATA) != 0 && (!code || (rights & RIGHTS_READ_WRITE) != 0);
  if (!code || (rights & RIGHTS_CONFORMING) == 0) {
    allowed = allowed && privilegeOf(rights) >= max(currentLevel(), selector & 3);
  }
  if (!allowed) return selectorFault(GENERAL_PROTECTION, selector);
  if ((rights & RIGHTS_PRESENT) == 0) return selectorFault(SEGMENT_NOT_PRESENT, selector);
  if (!markAccessed()) return false;
  installDescriptor(index, selector);
  return true;
}

/** Checks of a stack segment for privilege level `cpl`; the descriptor is ready to be installed. */
export function checkStackSegment(selector: u32, cpl: u32, vector: u32, external: u32): bool {
  if (!readDescriptor(selector, vector, external)) return false;
  const rights = descriptorRights();
  const writable = (rights & (RIGHTS_CODE_OR_DATA | RIGHTS_CODE | RIGHTS_READ_WRITE)) == (RIGHTS_CODE_OR_DATA | RIGHTS_READ_WRITE);
  if ((selector & 3) != cpl || !writable || privilegeOf(rights) != cpl) {
    raise(vector, (selector & SELECTOR_INDEX) | external);
    return false;
  }
  if ((rights & RIGHTS_PRESENT) == 0) {
    raise(STACK_FAULT, (selector & SELECTOR_INDEX) | external);
    return false;
  }
  return markAccessed();
}

function loadStackSegment(selector: u32, cpl: u32): bool {
  if ((selector & SELECTOR_INDEX) == 0) {
    if (!in64BitMode() || cpl == 3 || (selector & 3) != cpl) {
      raise(GENERAL_PROTECTION, 0);
      return false;
    }
    installNullStack(selector, cpl);
    return true;
  }
  if (!checkStackSegment(selector, cpl, GENERAL_PROTECTION, 0)) return false;
  installDescriptor(SS, selector);
  return true;
}

/** A null SS keeps the privilege level in its DPL (SDM 25.4.1, 26.3.1.2). */
export function installNullStack(selector: u32, cpl: u32): void {
  writeSegment(SS, selector, 0, 0, RIGHTS_UNUSABLE | RIGHTS_BIG | (cpl << RIGHTS_DPL_SHIFT));
}

export function selectorFault(vector: u32, selector: u32): bool {
  raise(vector, selector & SELECTOR_INDEX);
  return false;
}

/**
 * On a return to an outer ring, data segments of an inner one become null (SDM, IRET and RET operation), and so does a null
 * selector that had an RPL.
 */
export function dropInnerSegments(cpl: u32): void {
  for (let index: u32 = ES; index <= <u32>GS; index++) {
    if (index == SS || index == 1) continue;
    const rights = segmentRights(index);
    const usable = (rights & RIGHTS_UNUSABLE) == 0;
    const conforming = (rights & (RIGHTS_CODE | RIGHTS_CONFORMING)) == (RIGHTS_CODE | RIGHTS_CONFORMING);
    if (usable && (conforming || privilegeOf(rights) >= cpl)) continue;
    const base = index >= <u32>FS ? segmentBase(index) : 0;
    writeSegment(index, 0, base, 0, RIGHTS_UNUSABLE);
  }
}

/** Flat CS and SS of SYSCALL, SYSRET, SYSENTER and SYSEXIT: no descriptor is read. */
export function installFlatCode(selector: u32, cpl: u32, rightsOfMode: u32): void {
  writeSegment(1, selector, 0, 0xffff_ffff, 0x809b | (cpl << RIGHTS_DPL_SHIFT) | rightsOfMode);
}

export function installFlatStack(selector: u32, cpl: u32): void {
  writeSegment(SS, selector, 0, 0xffff_ffff, 0xc093 | (cpl << RIGHTS_DPL_SHIFT));
}
