/**
 * ROL, ROR, RCL, RCR, SHL, SHR, SAR, SHLD, SHRD (SDM Vol. 2). A masked count of 0 changes no flag.
 */
import { GPR } from '../../spec/cpu-state';
import { FLAG_CF, FLAG_OF } from '../../spec/control-bits';
import { rowExtra } from '../decoder';
import { carry, changeFlags } from '../flags';
import { opImm, opRow, opSize, opSrc } from '../op';
import { beginModify, endModify, readRegister, signExtend, sizeMask } from '../operands';
import { setShift } from './flag-results';

const RCX: usize = GPR + 8;

@inline
function maskCount(count: u64, size: u32): u64 { return count & (size == 8 ? 63 : 31); }

export function shift_rm_imm(op: usize): void { shift(op, opImm(op)); }
export function shift_rm_cl(op: usize): void { shift(op, load<u8>(RCX)); }

function shift(op: usize, rawCount: u64): void {
  const size = opSize(op);
  const place = beginModify(op, size);
  if (place == 0) return;
  const count = maskCount(rawCount, size);
  const value = readRegister(place, size);
  endModify(place, size, count == 0 ? value : shifted(rowExtra(opRow(op)), value, count, size));
}

function shifted(which: u32, value: u64, count: u64, size: u32): u64 {
  switch (which) {
    case 0:
    case 1: return rotate(value, count, size, which == 0);
    case 2:
    case 3: return rotateThroughCarry(value, count, size, which == 2);
    case 5: return shiftRight(value, count, size);
    case 7: return shiftArithmetic(value, count, size);
    default: return shiftLeft(value, count, size);
  }
}

@inline
function bitOf(value: u64, index: u64): u64 { return (value >> index) & 1; }

function setRotateFlags(carried: u64, overflowed: u64): void {
  changeFlags(FLAG_CF | FLAG_OF, (carried ? FLAG_CF : 0) | (overflowed ? FLAG_OF : 0));
}

function rotate(value: u64, count: u64, size: u32, left: bool): u64 {
  const bits: u64 = size << 3;
  const by = count & (bits - 1);
  const amount = left ? by : (bits - by) & (bits - 1);
  const r = amount == 0 ? value : ((value << amount) | (value >> (bits - amount))) & sizeMask(size);
  const top = bitOf(r, bits - 1);
  if (left) setRotateFlags(r & 1, top ^ (r & 1));
  else setRotateFlags(top, top ^ bitOf(r, bits - 2));
  return r;
}

function rotateThroughCarry(value: u64, count: u64, size: u32, left: bool): u64 {
  const bits: u64 = size << 3;
  let carried: u64 = carry() ? 1 : 0;
  const by = size < 4 ? count % (bits + 1) : count;
  let r = value;
  for (let i: u64 = 0; i < by; i++) {
    if (left) {
      const out = bitOf(r, bits - 1);
      r = ((r << 1) | carried) & sizeMask(size);
      carried = out;
    } else {
      const out = r & 1;
      r = (r >> 1) | (carried << (bits - 1));
      carried = out;
    }
  }
  setRotateFlags(carried, left ? bitOf(r, bits - 1) ^ carried : bitOf(r, bits - 1) ^ bitOf(r, bits - 2));
  return r;
}

function shiftLeft(value: u64, count: u64, size: u32): u64 {
  const bits: u64 = size << 3;
  const r = (value << count) & sizeMask(size);
  const carried = count <= bits ? bitOf(value, bits - count) : 0;
  setShift(signExtend(r, size), carried, bitOf(r, bits - 1) ^ carried);
  return r;
}

function shiftRight(value: u64, count: u64, size: u32): u64 {
  const bits: u64 = size << 3;
  const r = value >> count;
  setShift(signExtend(r, size), bitOf(value, count - 1), bitOf(r, bits - 1) ^ bitOf(r, bits - 2));
  return r;
}

function shiftArithmetic(value: u64, count: u64, size: u32): u64 {
  const a = signExtend(value, size);
  const r = a >> count;
  setShift(r, (a >> (count - 1)) & 1, 0);
  return r;
}

export function shld_imm(op: usize): void { double(op, opImm(op), true); }
export function shld_cl(op: usize): void { double(op, load<u8>(RCX), true); }
export function shrd_imm(op: usize): void { double(op, opImm(op), false); }
export function shrd_cl(op: usize): void { double(op, load<u8>(RCX), false); }

/** A 16-bit count above 16 (undefined) goes on into the destination again, as on existing processors. */
function double(op: usize, rawCount: u64, left: bool): void {
  const size = opSize(op);
  const place = beginModify(op, size);
  if (place == 0) return;
  const count = maskCount(rawCount, size);
  const a = readRegister(place, size);
  if (count == 0) {
    endModify(place, size, a);
    return;
  }
  const bits: u64 = size << 3;
  const b = readRegister(opSrc(op), size);
  let r: u64;
  let carried: u64;
  if (size == 2) {
    const joined = (a << 32) | (b << 16) | a;
    r = (left ? joined >> (32 - count) : joined >> count) & 0xffff;
    carried = left ? bitOf(joined, 48 - count) : bitOf(joined, count - 1);
  } else {
    r = (left ? (a << count) | (b >> (bits - count)) : (a >> count) | (b << (bits - count))) & sizeMask(size);
    carried = left ? bitOf(a, bits - count) : bitOf(a, count - 1);
  }
  endModify(place, size, r);
  setShift(signExtend(r, size), carried, bitOf(a ^ r, bits - 1));
}
