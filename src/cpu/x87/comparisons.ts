/**
 * Comparisons and classification (SDM Vol. 1, 8.3.6): C3, C2, C0, or ZF, PF, CF.
 */
import { FLAG_AF, FLAG_CF, FLAG_OF, FLAG_PF, FLAG_SF, FLAG_ZF } from '../../spec/control-bits';
import { FLOAT_INVALID, STATUS_C0, STATUS_C1, STATUS_C2, STATUS_C3 } from '../../spec/float-bits';
import { rowExtra } from '../decoder';
import { signal } from '../float/environment';
import { unpackExtended } from '../float/extended';
import {
  A, B, classOf, DENORMAL, exponent, INFINITE, isNan, isZero, negative, QUIET, setZero, SIGNALING, significand, UNSUPPORTED,
  isInfinite, ZERO,
} from '../float/number';
import { changeFlags } from '../flags';
import { opRow } from '../op';
import { registerOf } from './arithmetic';
import { noteDenormals } from './nans';
import { DOUBLE, readNumber, SHORT, SINGLE, WORD } from './operands';
import { fetch, isEmpty, pop, setConditions, settle, start, stopped, underflow } from './stack';
import { ready, slotOf } from './state';

/** Bits of extra. */
const POPS: u32 = 1;
const POPS_TWICE: u32 = 2;
/** A quiet NaN is no invalid operand. */
const UNORDERED: u32 = 4;

/** Condition codes of A compared with B (table 8-6). */
const LESS: u32 = STATUS_C0;
const EQUAL: u32 = STATUS_C3;
const GREATER: u32 = 0;
const INCOMPARABLE: u32 = STATUS_C0 | STATUS_C2 | STATUS_C3;

function relation(quietIsInvalid: bool): u32 {
  if (classOf(A) == UNSUPPORTED || classOf(B) == UNSUPPORTED) {
    signal(FLOAT_INVALID);
    return INCOMPARABLE;
  }
  if (isNan(A) || isNan(B)) {
    if (quietIsInvalid || classOf(A) == SIGNALING || classOf(B) == SIGNALING) signal(FLOAT_INVALID);
    return INCOMPARABLE;
  }
  noteDenormals();
  if (isZero(A) && isZero(B)) return EQUAL;
  if (isZero(B)) return negative(A) ? LESS : GREATER;
  if (isZero(A) || negative(A) != negative(B)) return (isZero(A) ? !negative(B) : negative(A)) ? LESS : GREATER;
  const order = compareMagnitudes();
  if (order == 0) return EQUAL;
  return (order < 0) != negative(A) ? LESS : GREATER;
}

function compareMagnitudes(): i32 {
  if (isInfinite(A) || isInfinite(B)) return <i32>isInfinite(A) - <i32>isInfinite(B);
  if (exponent(A) != exponent(B)) return exponent(A) < exponent(B) ? -1 : 1;
  return significand(A) == significand(B) ? 0 : significand(A) < significand(B) ? -1 : 1;
}

/** The conditions are set even where an exception is unmasked; the stack is popped only where none is. */
function conclude(op: usize, codes: u32, options: u32): void {
  setConditions(codes);
  if (!stopped() && (options & (POPS | POPS_TWICE)) != 0) {
    pop();
    if (options & POPS_TWICE) pop();
  }
  settle(op);
}

function withMemory(op: usize, format: u32): void {
  if (!ready()) return;
  start();
  if (!readNumber(op, format)) return;
  const codes = fetch(A, 0) ? relation(true) : INCOMPARABLE;
  conclude(op, codes, rowExtra(opRow(op)));
}

export function compare_single(op: usize): void { withMemory(op, SINGLE); }
export function compare_double(op: usize): void { withMemory(op, DOUBLE); }
export function compare_word(op: usize): void { withMemory(op, WORD); }
export function compare_short(op: usize): void { withMemory(op, SHORT); }

/** ST(0) with ST(i). */
function registers(op: usize, options: u32): u32 {
  const i = registerOf(op);
  if (isEmpty(0) || isEmpty(i)) {
    underflow();
    return INCOMPARABLE;
  }
  unpackExtended(A, slotOf(0));
  unpackExtended(B, slotOf(i));
  return relation((options & UNORDERED) == 0);
}

/** FCOM, FUCOM and their popping forms. */
export function compare_st(op: usize): void {
  if (!ready()) return;
  start();
  const options = rowExtra(opRow(op));
  conclude(op, registers(op, options), options);
}

/** FCOMI, FUCOMI: C3, C2 and C0 stay. */
export function compare_flags(op: usize): void {
  if (!ready()) return;
  start();
  const options = rowExtra(opRow(op));
  const codes = registers(op, options);
  const values: u64 = (codes & STATUS_C3 ? FLAG_ZF : 0) | (codes & STATUS_C2 ? FLAG_PF : 0) | (codes & STATUS_C0 ? FLAG_CF : 0);
  changeFlags(FLAG_OF | FLAG_SF | FLAG_AF | FLAG_ZF | FLAG_PF | FLAG_CF, values);
  if (!stopped() && (options & POPS) != 0) pop();
  settle(op);
}

export function ftst(op: usize): void {
  if (!ready()) return;
  start();
  setZero(B, false);
  const codes = fetch(A, 0) ? relation(true) : INCOMPARABLE;
  conclude(op, codes, 0);
}

/** Table 8-7. */
function classCodes(): u32 {
  if (isEmpty(0)) return STATUS_C3 | STATUS_C0;
  unpackExtended(A, slotOf(0));
  switch (classOf(A)) {
    case UNSUPPORTED: return 0;
    case QUIET:
    case SIGNALING: return STATUS_C0;
    case INFINITE: return STATUS_C2 | STATUS_C0;
    case ZERO: return STATUS_C3;
    case DENORMAL: return STATUS_C3 | STATUS_C2;
    default: return STATUS_C2;
  }
}

/** No exception; C1 is the sign, of an empty register too. */
export function fxam(op: usize): void {
  if (!ready()) return;
  start();
  settle(op);
  setConditions(classCodes() | (load<i16>(slotOf(0), 8) < 0 ? STATUS_C1 : 0));
}
