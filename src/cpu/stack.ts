/**
 * A cursor on the stack for instructions that push or pop several items: RSP changes only at {@link commitStack}.
 */
import { GPR, SS } from '../spec/cpu-state';
import { readStack, writeStack, probeStackWrite } from './memory';
import { in64BitMode, currentLevel, RIGHTS_BIG } from './mode';
import { segmentBase, segmentRights } from './segments';

export const RSP_SLOT: usize = GPR + 4 * 8;

let pointer: u64 = 0;
let base: u64 = 0;
let mask: u64 = 0;
let level: u32 = 0;

/** Bits of the stack pointer in use: the stack-address size (SDM Vol. 1, 6.2.3). */
export function stackMask(): u64 {
  if (in64BitMode()) return u64.MAX_VALUE;
  return segmentRights(SS) & RIGHTS_BIG ? 0xffff_ffff : 0xffff;
}

export function beginStack(): void {
  beginStackAt(load<u64>(RSP_SLOT), in64BitMode() ? 0 : segmentBase(SS), stackMask(), currentLevel());
}

/** A stack that is not the current one: `mask` all ones in 64-bit mode. */
export function beginStackAt(rsp: u64, stackBase: u64, addressMask: u64, cpl: u32): void {
  pointer = rsp;
  base = stackBase;
  mask = addressMask;
  level = cpl;
}

@inline
function linear(offset: u64): u64 {
  return mask == u64.MAX_VALUE ? offset : (base + (offset & mask)) & 0xffff_ffff;
}

/** True when `count` items can be pushed; otherwise the fault of the first that cannot is pending. */
export function roomOnStack(count: u32, size: u32): bool {
  for (let i: u32 = 1; i <= count; i++) if (!probeStackWrite(linear(pointer - i * size), size, level)) return false;
  return true;
}

export function push(size: u32, value: u64): void {
  pointer -= size;
  writeStack(linear(pointer), size, value, level);
}

export function pop(size: u32): u64 {
  const value = readStack(linear(pointer), size, level);
  pointer += size;
  return value;
}

export function skipStack(bytes: u64): void { pointer += bytes; }

export function stackPointer(): u64 {
  return mask == u64.MAX_VALUE ? pointer : (load<u64>(RSP_SLOT) & ~mask) | (pointer & mask);
}

export function commitStack(): void { store<u64>(RSP_SLOT, stackPointer()); }
