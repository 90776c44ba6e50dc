/**
 * Memory operands of x87 instructions, unpacked into B. False with a fault pending.
 */
import { faultPending, NONE } from '../fault';
import { fromInteger } from '../float/convert';
import { B, unpackDouble, unpackSingle } from '../float/number';
import { readOperand } from '../operands';

/** Formats of memory operands. */
export const SINGLE: u32 = 0;
export const DOUBLE: u32 = 1;
export const WORD: u32 = 2;
export const SHORT: u32 = 3;
export const LONG: u32 = 4;

export function sizeOf(format: u32): u32 {
  switch (format) {
    case WORD: return 2;
    case SINGLE:
    case SHORT: return 4;
    default: return 8;
  }
}

export function readNumber(op: usize, format: u32): bool {
  const value = readOperand(op, sizeOf(format));
  if (faultPending != NONE) return false;
  switch (format) {
    case SINGLE: unpackSingle(B, <u32>value); break;
    case DOUBLE: unpackDouble(B, value); break;
    case WORD: fromInteger(B, <i64><i16>value); break;
    case SHORT: fromInteger(B, <i64><i32>value); break;
    default: fromInteger(B, value);
  }
  return true;
}
