/**
 * ADD, OR, ADC, SBB, AND, SUB, XOR, CMP, TEST, INC, DEC, NEG, NOT, MUL, IMUL, DIV, IDIV (SDM Vol. 2).
 */
import { GPR } from '../../spec/cpu-state';
import { DIVIDE_ERROR } from '../../spec/vectors';
import { rowExtra } from '../decoder';
import { faultPending, NONE, raise } from '../fault';
import { carry, FLAGS_DEC, FLAGS_INC, setAdd, setIncrement, setLogic, setSub } from '../flags';
import { opImm, opRow, opSize, opSrc } from '../op';
import {
  beginModify, endModify, logSize, readOperand, readRegister, signExtend, sizeMask, writeRegister,
} from '../operands';
import { setAddWithCarry, setProduct, setSubWithBorrow } from './flag-results';
import { divideWide, multiplyHigh, multiplyHighSigned, remainder } from './wide';

const RAX: usize = GPR;
const RDX: usize = GPR + 16;
const CMP: u32 = 7;

/** Result of operation 0–7 on sign-extended operands; the flags are set. */
function operate(which: u32, a: i64, b: i64, size: u32): i64 {
  switch (which) {
    case 0: {
      const r = signExtend(a + b, size);
      setAdd(a, r, logSize(size));
      return r;
    }
    case 2: {
      const r = signExtend(a + b + <i64>carry(), size);
      setAddWithCarry(a, b, r);
      return r;
    }
    case 3: {
      const r = signExtend(a - b - <i64>carry(), size);
      setSubWithBorrow(a, b, r);
      return r;
    }
    case 5:
    case CMP: {
      const r = signExtend(a - b, size);
      setSub(a, b, r);
      return r;
    }
    default: {
      const r = which == 1 ? a | b : which == 4 ? a & b : a ^ b;
      setLogic(r);
      return r;
    }
  }
}

function intoRm(op: usize, b: i64): void {
  const size = opSize(op);
  const which = rowExtra(opRow(op));
  if (which == CMP) {
    const a = readOperand(op, size);
    if (faultPending == NONE) operate(CMP, signExtend(a, size), b, size);
    return;
  }
  const place = beginModify(op, size);
  if (place != 0) endModify(place, size, operate(which, signExtend(readRegister(place, size), size), b, size));
}

export function alu_rm_reg(op: usize): void { intoRm(op, signExtend(readRegister(opSrc(op), opSize(op)), opSize(op))); }
export function alu_rm_imm(op: usize): void { intoRm(op, opImm(op)); }

export function alu_reg_rm(op: usize): void {
  const size = opSize(op);
  const b = signExtend(readOperand(op, size), size);
  if (faultPending != NONE) return;
  const which = rowExtra(opRow(op));
  const r = operate(which, signExtend(readRegister(opSrc(op), size), size), b, size);
  if (which != CMP) writeRegister(opSrc(op), size, r);
}

function test(op: usize, b: i64): void {
  const a = signExtend(readOperand(op, opSize(op)), opSize(op));
  if (faultPending == NONE) setLogic(a & b);
}

export function test_rm_reg(op: usize): void { test(op, signExtend(readRegister(opSrc(op), opSize(op)), opSize(op))); }
export function test_rm_imm(op: usize): void { test(op, opImm(op)); }

function step(op: usize, by: i64, kind: u32): void {
  const size = opSize(op);
  const place = beginModify(op, size);
  if (place == 0) return;
  const r = signExtend(readRegister(place, size) + by, size);
  endModify(place, size, r);
  setIncrement(kind + logSize(size), r);
}

export function inc(op: usize): void { step(op, 1, FLAGS_INC); }
export function dec(op: usize): void { step(op, -1, FLAGS_DEC); }

export function not(op: usize): void {
  const place = beginModify(op, opSize(op));
  if (place != 0) endModify(place, opSize(op), ~readRegister(place, opSize(op)));
}

export function neg(op: usize): void {
  const size = opSize(op);
  const place = beginModify(op, size);
  if (place == 0) return;
  const b = signExtend(readRegister(place, size), size);
  const r = signExtend(-b, size);
  endModify(place, size, r);
  setSub(0, b, r);
}

/** AX, or rDX:rAX. */
function writeDouble(size: u32, low: u64, high: u64): void {
  if (size == 1) store<u16>(RAX, <u16>((low & 0xff) | (high << 8)));
  else {
    writeRegister(RAX, size, low);
    writeRegister(RDX, size, high);
  }
}

export function mul(op: usize): void {
  const size = opSize(op);
  const b = readOperand(op, size);
  if (faultPending != NONE) return;
  const a = readRegister(RAX, size);
  const low = a * b;
  const high = size == 8 ? multiplyHigh(a, b) : (low >> (size << 3)) & sizeMask(size);
  writeDouble(size, low, high);
  setProduct(signExtend(low, size), high != 0);
}

/** True when the signed product does not fit into the operand size. */
function signedOverflow(a: i64, b: i64, size: u32): bool {
  if (size == 8) return multiplyHighSigned(a, b) != (a * b) >> 63;
  return signExtend(a * b, size) != a * b;
}

export function imul(op: usize): void {
  const size = opSize(op);
  const b = signExtend(readOperand(op, size), size);
  if (faultPending != NONE) return;
  const a = signExtend(readRegister(RAX, size), size);
  const low = a * b;
  const high = size == 8 ? <u64>multiplyHighSigned(a, b) : <u64>(low >> (size << 3)) & sizeMask(size);
  writeDouble(size, low, high);
  setProduct(signExtend(low, size), signedOverflow(a, b, size));
}

function multiplyInto(op: usize, a: i64, b: i64): void {
  const size = opSize(op);
  writeRegister(opSrc(op), size, a * b);
  setProduct(signExtend(a * b, size), signedOverflow(a, b, size));
}

export function imul_2(op: usize): void {
  const size = opSize(op);
  const b = signExtend(readOperand(op, size), size);
  if (faultPending == NONE) multiplyInto(op, signExtend(readRegister(opSrc(op), size), size), b);
}

export function imul_3(op: usize): void {
  const a = signExtend(readOperand(op, opSize(op)), opSize(op));
  if (faultPending == NONE) multiplyInto(op, a, opImm(op));
}

function divideError(): void { raise(DIVIDE_ERROR); }

/** Upper and lower half of the dividend. */
function dividendHigh(size: u32): u64 { return size == 1 ? <u64>load<u8>(RAX, 1) : readRegister(RDX, size); }

function writeQuotient(size: u32, quotient: u64, rest: u64): void { writeDouble(size, quotient & sizeMask(size), rest & sizeMask(size)); }

export function div(op: usize): void {
  const size = opSize(op);
  const divisor = readOperand(op, size);
  if (faultPending != NONE) return;
  const high = dividendHigh(size);
  if (high >= divisor) return divideError();
  const low = readRegister(RAX, size);
  if (size == 8) {
    const quotient = divideWide(high, low, divisor);
    writeQuotient(size, quotient, remainder);
    return;
  }
  const dividend = (high << (size << 3)) | low;
  writeQuotient(size, dividend / divisor, dividend % divisor);
}

/** The quotient is rounded towards zero, the remainder has the dividend's sign. */
export function idiv(op: usize): void {
  const size = opSize(op);
  const divisor = signExtend(readOperand(op, size), size);
  if (faultPending != NONE) return;
  if (divisor == 0) return divideError();
  let high = dividendHigh(size);
  let low = readRegister(RAX, size);
  if (size < 8) {
    low |= high << (size << 3);
    low = size == 4 ? low : <u64>signExtend(low, size << 1);
    high = <u64>(<i64>low >> 63);
  }
  const negative = <i64>high < 0;
  if (negative) {
    high = ~high + (low == 0 ? 1 : 0);
    low = -low;
  }
  const magnitude: u64 = divisor < 0 ? -<u64>divisor : <u64>divisor;
  if (high >= magnitude) return divideError();
  const quotient = divideWide(high, low, magnitude);
  const most: u64 = (<u64>1 << ((<u64>size << 3) - 1)) - 1;
  const negativeQuotient = negative != (divisor < 0);
  if (quotient > (negativeQuotient ? most + 1 : most)) return divideError();
  writeQuotient(size, negativeQuotient ? -quotient : quotient, negative ? -remainder : remainder);
}

