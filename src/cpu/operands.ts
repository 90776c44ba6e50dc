/**
 * Operands of decoded operations: registers, effective addresses with segmentation (SDM Vol. 1, 3.7), and the r/m operand
 * wherever it is.
 */
import { CODE_BITS, CR0, RFLAGS, SEGMENTS, SEGMENT_BYTES, SEGMENT_BASE, SEGMENT_LIMIT, SEGMENT_RIGHTS, SS, FS } from '../spec/cpu-state';
import { CR0_PE, FLAG_VM } from '../spec/control-bits';
import { BOUNCE } from '../spec/memory-map';
import { GENERAL_PROTECTION, STACK_FAULT } from '../spec/vectors';
import { opAddressSize, opBase, opDisp, opDst, opIndex, opScale, opSegment, opSize } from './op';
import { faultPending, NONE, raise } from './fault';
import { commitWrite, modifyMiss, readMemory, readMiss, writeMemory, writeMiss } from './memory';
import { lookUp, tlbReadBase, tlbWriteBase } from './tlb';

/** Zero-extended. */
export function readRegister(slot: usize, size: u32): u64 {
  if (size == 8) return load<u64>(slot);
  if (size == 4) return load<u32>(slot);
  return size == 2 ? <u64>load<u16>(slot) : <u64>load<u8>(slot);
}

/** 32-bit results are zero-extended, 8- and 16-bit results leave the rest of the register (Vol. 1, 3.4.1.1). */
export function writeRegister(slot: usize, size: u32, value: u64): void {
  if (size == 8) store<u64>(slot, value);
  else if (size == 4) store<u64>(slot, <u64><u32>value);
  else if (size == 2) store<u16>(slot, <u16>value);
  else store<u8>(slot, <u8>value);
}

@inline
export function signExtend(value: u64, size: u32): i64 {
  const shift: i64 = 64 - (<i64>size << 3);
  return <i64>value << shift >> shift;
}

@inline
export function sizeMask(size: u32): u64 { return u64.MAX_VALUE >> (64 - (<u64>size << 3)); }

@inline export function logSize(size: u32): u32 { return ctz<u32>(size); }

/** Offset in the segment. */
export function effectiveOffset(op: usize): u64 {
  const offset = load<u64>(opBase(op)) + (load<u64>(opIndex(op)) << opScale(op)) + <i64>opDisp(op);
  return offset & sizeMask(opAddressSize(op));
}

/** Linear address of the memory operand, for an access of the operand size. */
export function effectiveAddress(op: usize): u64 {
  return linearAddress(opSegment(op), effectiveOffset(op), opSize(op), false);
}

/** For instructions that do not access what they name. */
export function linearWithoutChecks(segment: u32, offset: u64): u64 {
  if (segment == 0xff) return offset;
  const base = load<u64>(SEGMENTS + segment * SEGMENT_BYTES, SEGMENT_BASE);
  if (load<u32>(CODE_BITS) == 64) return segment >= <u32>FS ? offset + base : offset;
  return (offset + base) & 0xffff_ffff;
}

/** `segment` 0xff: its base is 0 and its limit 4 GiB. A segment fault is left pending. */
export function linearAddress(segment: u32, offset: u64, size: u32, write: bool): u64 {
  const bits = load<u32>(CODE_BITS);
  if (bits == 64) return segment >= <u32>FS && segment != 0xff ? offset + load<u64>(SEGMENTS + segment * SEGMENT_BYTES, SEGMENT_BASE) : offset;
  if (segment == 0xff) return offset & 0xffff_ffff;
  const at: usize = SEGMENTS + segment * SEGMENT_BYTES;
  if (!insideSegment(at, offset, size, write)) raise(segment == SS ? STACK_FAULT : GENERAL_PROTECTION, 0);
  return (load<u64>(at, SEGMENT_BASE) + offset) & 0xffff_ffff;
}

/** SDM Vol. 3, 5.3 and 5.5: limit, expand-down, and what the type allows in protected mode. */
function insideSegment(at: usize, offset: u64, size: u32, write: bool): bool {
  const rights = load<u32>(at, SEGMENT_RIGHTS);
  const limit: u64 = load<u32>(at, SEGMENT_LIMIT);
  const last = offset + size - 1;
  const real = (load<u64>(CR0) & CR0_PE) == 0 || (load<u64>(RFLAGS) & FLAG_VM) != 0;
  if (!real) {
    if (rights & (1 << 16)) return false;
    if (rights & 8) {
      if (write || (rights & 2) == 0) return false;
    } else {
      if (write && (rights & 2) == 0) return false;
      if (rights & 4) return offset > limit && last <= (rights & (1 << 14) ? 0xffff_ffff : 0xffff);
    }
  }
  return last <= limit;
}

export function readAt(segment: u32, offset: u64, size: u32): u64 {
  const va = linearAddress(segment, offset, size, false);
  return faultPending == NONE ? readMemory(va, size) : 0;
}

export function writeAt(segment: u32, offset: u64, size: u32, value: u64): void {
  const va = linearAddress(segment, offset, size, true);
  if (faultPending == NONE) writeMemory(va, size, value);
}

/** The r/m operand, zero-extended; with a fault pending when it is memory that cannot be read. */
export function readOperand(op: usize, size: u32): u64 {
  const slot = opDst(op);
  return slot != 0 ? readRegister(slot, size) : readAt(opSegment(op), effectiveOffset(op), size);
}

export function writeOperand(op: usize, size: u32, value: u64): void {
  const slot = opDst(op);
  if (slot != 0) writeRegister(slot, size, value);
  else writeAt(opSegment(op), effectiveOffset(op), size, value);
}

let modified: usize = 0;

/** Begins a read-modify-write of a location in memory: its wasm address, 0 with a fault pending. */
export function modifyAt(segment: u32, offset: u64, size: u32): usize {
  const va = linearAddress(segment, offset, size, true);
  if (faultPending != NONE) return 0;
  const host = lookUp(tlbWriteBase, va, size);
  modified = host != 0 ? host : modifyMiss(va, size);
  return modified;
}

/** Begins a read-modify-write of the r/m operand: where it is, 0 with a fault pending. */
export function beginModify(op: usize, size: u32): usize {
  const slot = opDst(op);
  if (slot == 0) return modifyAt(opSegment(op), effectiveOffset(op), size);
  modified = 0;
  return slot;
}

/** Ends it; a register is written by {@link writeRegister}'s rules. */
export function endModify(place: usize, size: u32, value: u64): void {
  if (modified == 0) {
    writeRegister(place, size, value);
    return;
  }
  if (size == 8) store<u64>(place, value);
  else if (size == 4) store<u32>(place, <u32>value);
  else if (size == 2) store<u16>(place, <u16>value);
  else store<u8>(place, <u8>value);
  if (place == BOUNCE) commitWrite();
}


function placeInMemory(op: usize, size: u32, write: bool, aligned: bool): usize {
  const va = linearAddress(opSegment(op), effectiveOffset(op), size, write);
  if (faultPending != NONE) return 0;
  if (aligned && (va & (size - 1)) != 0) {
    raise(GENERAL_PROTECTION, 0);
    return 0;
  }
  const host = lookUp(write ? tlbWriteBase : tlbReadBase, va, size);
  if (host != 0) return host;
  return write ? writeMiss(va, size) : readMiss(va, size);
}

/** Wasm address of the r/m operand, for reading: the register's slot, or memory; 0 with a fault pending. */
export function placeToRead(op: usize, size: u32): usize {
  const slot = opDst(op);
  return slot != 0 ? slot : placeInMemory(op, size, false, false);
}

/** As {@link placeToRead}; memory must be aligned to the operand's size, #GP(0) otherwise (SDM Vol. 1, 4.1.1). */
export function placeToReadAligned(op: usize, size: u32): usize {
  const slot = opDst(op);
  return slot != 0 ? slot : placeInMemory(op, size, false, true);
}

/** For writing; {@link endWrite} must follow the store. */
export function placeToWrite(op: usize, size: u32): usize {
  const slot = opDst(op);
  return slot != 0 ? slot : placeInMemory(op, size, true, false);
}
export function placeToWriteAligned(op: usize, size: u32): usize {
  const slot = opDst(op);
  return slot != 0 ? slot : placeInMemory(op, size, true, true);
}
@inline export function endWrite(place: usize): void { if (place == BOUNCE) commitWrite(); }
