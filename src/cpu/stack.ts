/**
 * A cursor on the stack for instructions that push or pop several items: RSP changes only at {@link commitStack}. Items
 * outside the segment, or the canonical form, are stack faults (SDM Vol. 3, 5.3, 6.15).
 */
import { GPR, SEGMENT_LIMIT, SS } from '../spec/cpu-state';
import { STACK_FAULT } from '../spec/vectors';
import { raise } from './fault';
import { canonical, readWith, writeWith, addressToWrite, stackAccess } from './memory';
import {
  currentLevel, in64BitMode, inLongMode, inProtectedMode, inVirtual8086, RIGHTS_BIG, RIGHTS_EXPAND_DOWN, segment,
} from './mode';
import { segmentBase, segmentRights } from './segments';

export const RSP_SLOT: usize = GPR + 4 * 8;

let pointer: u64 = 0;
let base: u64 = 0;
let mask: u64 = 0;
let level: u32 = 0;
/** First and last offset of the segment. */
let lowest: u64 = 0;
let highest: u64 = 0;
/** Error code of a fault. */
let errorCode: u32 = 0;

/** Bits of the stack pointer in use: the stack-address size (SDM Vol. 1, 6.2.3). */
export function stackMask(): u64 {
  if (in64BitMode()) return u64.MAX_VALUE;
  return sizeOfStack(segmentRights(SS));
}

@inline
export function sizeOfStack(rights: u32): u64 { return rights & RIGHTS_BIG ? 0xffff_ffff : 0xffff; }

/** The current stack; `code`: error code of its faults. */
export function beginStack(code: u32 = 0): void {
  if (in64BitMode()) beginLongStackAt(load<u64>(RSP_SLOT), currentLevel(), code);
  else beginStackAt(load<u64>(RSP_SLOT), segmentBase(SS), load<u32>(segment(SS), SEGMENT_LIMIT), segmentRights(SS), currentLevel(), code);
}

/** A stack in 64-bit mode. */
export function beginLongStackAt(rsp: u64, cpl: u32, code: u32): void {
  pointer = rsp;
  base = 0;
  mask = u64.MAX_VALUE;
  level = cpl;
  errorCode = code;
}

/** A stack in a segment that may not be the current one. */
export function beginStackAt(rsp: u64, stackBase: u64, limit: u32, rights: u32, cpl: u32, code: u32): void {
  pointer = rsp;
  base = stackBase;
  mask = sizeOfStack(rights);
  level = cpl;
  errorCode = code;
  const down = (rights & RIGHTS_EXPAND_DOWN) != 0 && inProtectedMode() && !inVirtual8086();
  lowest = down ? <u64>limit + 1 : 0;
  highest = down ? mask : limit;
}

@inline
function linear(offset: u64): u64 {
  return mask == u64.MAX_VALUE ? offset : (base + (offset & mask)) & 0xffff_ffff;
}

/** True with the fault pending. */
function outside(offset: u64, size: u32): bool {
  if (mask == u64.MAX_VALUE) {
    if (!inLongMode() || (canonical(offset) && canonical(offset + size - 1))) return false;
  } else {
    const first = offset & mask;
    if (first >= lowest && first + size - 1 <= highest) return false;
  }
  raise(STACK_FAULT, errorCode);
  return true;
}

function canWrite(offset: u64, size: u32): bool {
  return !outside(offset, size) && addressToWrite(linear(offset), size, stackAccess(level)) != 0;
}

/** True when `count` items can be pushed; otherwise the fault of the first that cannot is pending. */
export function roomOnStack(count: u32, size: u32): bool {
  for (let i: u32 = 1; i <= count; i++) if (!canWrite(pointer - i * size, size)) return false;
  return true;
}

/** The item at the pointer can be written. */
export function topIsWritable(size: u32): bool { return canWrite(pointer, size); }

export function push(size: u32, value: u64): void {
  pointer -= size;
  if (!outside(pointer, size)) writeWith(linear(pointer), size, value, stackAccess(level));
}

export function pop(size: u32): u64 {
  const value = peek(size, 0);
  pointer += size;
  return value;
}

/** The item `bytes` above the pointer. */
export function peek(size: u32, bytes: u64): u64 {
  const offset = pointer + bytes;
  return outside(offset, size) ? 0 : readWith(linear(offset), size, stackAccess(level));
}

export function skipStack(bytes: u64): void { pointer += bytes; }

export function stackPointer(): u64 {
  return mask == u64.MAX_VALUE ? pointer : (load<u64>(RSP_SLOT) & ~mask) | (pointer & mask);
}

export function commitStack(): void { store<u64>(RSP_SLOT, stackPointer()); }
