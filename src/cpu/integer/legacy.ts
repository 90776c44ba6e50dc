/**
 * Instructions that 64-bit mode does not have: decimal arithmetic, BOUND, ARPL, SALC (SDM Vol. 2).
 */
import { GPR } from '../../spec/cpu-state';
import { FLAG_AF, FLAG_CF, FLAG_ZF } from '../../spec/control-bits';
import { BOUND_RANGE, DIVIDE_ERROR } from '../../spec/vectors';
import { faultPending, NONE, raise } from '../fault';
import { adjust, carry, changeFlags, setBits } from '../flags';
import { opImm, opSegment, opSize, opSrc } from '../op';
import { beginModify, effectiveOffset, endModify, readAt, readRegister, signExtend } from '../operands';

const AL: usize = GPR;
const AH: usize = GPR + 1;

function decimalAdjust(sign: i32): void {
  const al = <i32>load<u8>(AL);
  const borrowed = carry();
  const low = (al & 15) > 9 || adjust();
  let r = low ? al + 6 * sign : al;
  let carried = borrowed || (low && (r < 0 || r > 0xff));
  if (al > 0x99 || borrowed) {
    r += 0x60 * sign;
    carried = true;
  }
  store<u8>(AL, <u8>r);
  setBits(<i64><i8>r, carried, false, low);
}

export function daa(op: usize): void { decimalAdjust(1); }
export function das(op: usize): void { decimalAdjust(-1); }

function asciiAdjust(by: i32): void {
  const carried = (load<u8>(AL) & 15) > 9 || adjust();
  if (carried) {
    const ax = <i32>load<u16>(AL) + by;
    store<u16>(AL, <u16>ax);
  }
  store<u8>(AL, load<u8>(AL) & 15);
  changeFlags(FLAG_AF | FLAG_CF, carried ? FLAG_AF | FLAG_CF : 0);
}

export function aaa(op: usize): void { asciiAdjust(0x106); }
export function aas(op: usize): void { asciiAdjust(-0x106); }

export function aam(op: usize): void {
  const base = <u32>opImm(op) & 0xff;
  if (base == 0) return raise(DIVIDE_ERROR);
  const al = <u32>load<u8>(AL);
  store<u8>(AH, <u8>(al / base));
  store<u8>(AL, <u8>(al % base));
  setBits(<i64>load<i8>(AL), false, false, false);
}

export function aad(op: usize): void {
  store<u16>(AL, <u16>((<u32>load<u8>(AL) + <u32>load<u8>(AH) * (<u32>opImm(op) & 0xff)) & 0xff));
  setBits(<i64>load<i8>(AL), false, false, false);
}

export function salc(op: usize): void { store<u8>(AL, carry() ? 0xff : 0); }

export function bound(op: usize): void {
  const size = opSize(op);
  const at = effectiveOffset(op);
  const lower = signExtend(readAt(opSegment(op), at, size), size);
  if (faultPending != NONE) return;
  const upper = signExtend(readAt(opSegment(op), at + size, size), size);
  if (faultPending != NONE) return;
  const index = signExtend(readRegister(opSrc(op), size), size);
  if (index < lower || index > upper) raise(BOUND_RANGE);
}

export function arpl(op: usize): void {
  const place = beginModify(op, 2);
  if (place == 0) return;
  const selector = readRegister(place, 2);
  const level = readRegister(opSrc(op), 2) & 3;
  const raised = (selector & 3) < level;
  endModify(place, 2, raised ? (selector & ~3) | level : selector);
  changeFlags(FLAG_ZF, raised ? FLAG_ZF : 0);
}
