/**
 * FADD, FSUB, FMUL, FDIV in all their forms, FSQRT, FABS, FCHS (SDM Vol. 1, 8.3.5).
 */
import { FLOAT_INVALID, FLOAT_ZERO_DIVIDE } from '../../spec/float-bits';
import { rowExtra } from '../decoder';
import { add, divide, multiply, squareRoot } from '../float/arithmetic';
import { found } from '../float/environment';
import { A, B, R, setIndefinite } from '../float/number';
import { roundExtended } from '../float/round';
import { opRm, opRow } from '../op';
import { binaryNan, noteDenormal, noteDenormals, unaryNan } from './nans';
import { DOUBLE, readNumber, SHORT, SINGLE, WORD } from './operands';
import { deliver, fetch, isEmpty, pop, precision, settle, start, stopped, underflow } from './stack';
import { ready, slotOf } from './state';

/** ModRM.reg of D8; an odd number above 3 exchanges the operands. */
const MULTIPLY: u32 = 1;
const SUBTRACT: u32 = 4;
const SUBTRACT_REVERSED: u32 = 5;
const DIVIDE: u32 = 6;

@inline function operation(op: usize): u32 { return rowExtra(opRow(op)); }
@inline export function registerOf(op: usize): u32 { return opRm(op) & 7; }

/** A op B, rounded, into R. False where an unmasked exception keeps it from being delivered. */
function combine(what: u32): bool {
  if (binaryNan()) return !stopped();
  switch (what) {
    case 0: add(A, B, false, R); break;
    case MULTIPLY: multiply(A, B, R); break;
    case SUBTRACT: add(A, B, true, R); break;
    case SUBTRACT_REVERSED: add(B, A, true, R); break;
    case DIVIDE: divide(A, B, R); break;
    default: divide(B, A, R);
  }
  if ((found & (FLOAT_INVALID | FLOAT_ZERO_DIVIDE)) == 0) noteDenormals();
  if (stopped()) return false;
  roundExtended(R, precision());
  return true;
}

function withMemory(op: usize, format: u32): void {
  if (!ready()) return;
  start();
  if (!readNumber(op, format)) return;
  if (!fetch(A, 0)) setIndefinite(R);
  else combine(operation(op));
  if (!stopped()) deliver(R, 0);
  settle(op);
}

export function arithmetic_single(op: usize): void { withMemory(op, SINGLE); }
export function arithmetic_double(op: usize): void { withMemory(op, DOUBLE); }
export function arithmetic_word(op: usize): void { withMemory(op, WORD); }
export function arithmetic_short(op: usize): void { withMemory(op, SHORT); }

/** ST(i) op ST(j) into ST(i). */
function withRegisters(op: usize, to: u32, from: u32, pops: bool): void {
  if (!ready()) return;
  start();
  if (isEmpty(to) || isEmpty(from)) {
    underflow();
    setIndefinite(R);
  } else {
    fetch(A, to);
    fetch(B, from);
    combine(operation(op));
  }
  if (!stopped()) {
    deliver(R, to);
    if (pops) pop();
  }
  settle(op);
}

export function arithmetic_st0(op: usize): void { withRegisters(op, 0, registerOf(op), false); }
export function arithmetic_sti(op: usize): void { withRegisters(op, registerOf(op), 0, false); }
export function arithmetic_sti_pop(op: usize): void { withRegisters(op, registerOf(op), 0, true); }

export function fsqrt(op: usize): void {
  if (!ready()) return;
  start();
  if (!fetch(A, 0)) setIndefinite(R);
  else if (!unaryNan()) {
    squareRoot(A, R);
    if ((found & FLOAT_INVALID) == 0) noteDenormal();
    if (!stopped()) roundExtended(R, precision());
  }
  if (!stopped()) deliver(R, 0);
  settle(op);
}

/** Only the sign bit changes, whatever the register holds. */
function changeSign(op: usize, keep: u16, flip: u16): void {
  if (!ready()) return;
  start();
  if (isEmpty(0)) {
    underflow();
    setIndefinite(R);
    if (!stopped()) deliver(R, 0);
  } else store<u16>(slotOf(0), (load<u16>(slotOf(0), 8) & keep) ^ flip, 8);
  settle(op);
}

export function fabs(op: usize): void { changeSign(op, 0x7fff, 0); }
export function fchs(op: usize): void { changeSign(op, 0xffff, 0x8000); }
