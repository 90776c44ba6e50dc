/**
 * Loads, constants, and moves between registers (SDM Vol. 1, 8.3.3, 8.3.4).
 */
import { FLOAT_INVALID } from '../../spec/float-bits';
import { rowExtra } from '../decoder';
import { faultPending, NONE } from '../fault';
import { found, masks } from '../float/environment';
import { B, copy, FINITE, R, A, set } from '../float/number';
import { roundSignificand } from '../float/round';
import { condition } from '../flags';
import { opRow } from '../op';
import { placeToRead } from '../operands';
import { registerOf } from './arithmetic';
import { noteDenormal, unaryNan } from './nans';
import { DOUBLE, LONG, readNumber, SHORT, SINGLE, WORD } from './operands';
import {
  decrementTop, incrementTop, INDEFINITE_SIGNIFICAND, INDEFINITE_TOP, isEmpty, markEmpty, pop, push, pushRaw, roomToPush, setRaw,
  settle, start, stopped, underflow,
} from './stack';
import { ready, slotOf } from './state';

function pushIndefinite(): void { pushRaw(INDEFINITE_SIGNIFICAND, INDEFINITE_TOP); }

function loadNumber(op: usize, format: u32): void {
  if (!ready()) return;
  start();
  if (!readNumber(op, format)) return;
  if (!roomToPush()) {
    if (!stopped()) pushIndefinite();
    return settle(op);
  }
  copy(A, B);
  if (!unaryNan()) {
    noteDenormal();
    copy(R, A);
  }
  // A denormal is loaded even where its exception is unmasked.
  if ((found & ~masks & FLOAT_INVALID) == 0) push(R);
  settle(op);
}

export function fld_single(op: usize): void { loadNumber(op, SINGLE); }
export function fld_double(op: usize): void { loadNumber(op, DOUBLE); }
export function fild_word(op: usize): void { loadNumber(op, WORD); }
export function fild_short(op: usize): void { loadNumber(op, SHORT); }
export function fild_long(op: usize): void { loadNumber(op, LONG); }

/** Ten bytes, unchanged whatever they are. */
export function fld_extended(op: usize): void {
  if (!ready()) return;
  const at = placeToRead(op, 10);
  if (faultPending != NONE) return;
  const significand = load<u64>(at);
  const top = load<u16>(at, 8);
  start();
  if (roomToPush()) pushRaw(significand, top);
  else if (!stopped()) pushIndefinite();
  settle(op);
}

export function fld_st(op: usize): void {
  if (!ready()) return;
  start();
  const i = registerOf(op);
  const missing = isEmpty(i);
  if (missing) underflow();
  if (!missing && roomToPush()) pushRaw(load<u64>(slotOf(i)), load<u16>(slotOf(i), 8));
  else if (!stopped()) pushIndefinite();
  settle(op);
}

/** 18 decimal digits and a sign (4.7). */
export function fbld(op: usize): void {
  if (!ready()) return;
  const at = placeToRead(op, 10);
  if (faultPending != NONE) return;
  let value: u64 = 0;
  for (let i: i32 = 8; i >= 0; i--) {
    const byte = load<u8>(at + i);
    value = value * 100 + (byte >> 4) * 10 + (byte & 15);
  }
  const minus = load<i8>(at, 9) < 0;
  start();
  if (roomToPush()) pushDecimal(value, minus);
  else if (!stopped()) pushIndefinite();
  settle(op);
}

function pushDecimal(value: u64, minus: bool): void {
  const sign: u16 = minus ? 0x8000 : 0;
  if (value == 0) return pushRaw(0, sign);
  const shift = clz<u64>(value);
  pushRaw(value << shift, sign | <u16>(16383 + 63 - <i32>shift));
}

/** 1, log2 10, log2 e, π, log10 2, ln 2: 128 bits each, and the exponent (SDM Vol. 2, FLD1). */
function constantInto(number: u32): void {
  switch (number) {
    case 0: return set(R, FINITE, false, 0, 0x8000_0000_0000_0000);
    case 1: return set(R, FINITE, false, 1, 0xd49a_784b_cd1b_8afe, 0x492b_f6ff_4daf_db4d);
    case 2: return set(R, FINITE, false, 0, 0xb8aa_3b29_5c17_f0bb, 0xbe87_fed0_691d_3e89);
    case 3: return set(R, FINITE, false, 1, 0xc90f_daa2_2168_c234, 0xc4c6_628b_80dc_1cd1);
    case 4: return set(R, FINITE, false, -2, 0x9a20_9a84_fbcf_f798, 0x8f89_59ac_0b7c_9178);
    default: return set(R, FINITE, false, -1, 0xb172_17f7_d1cf_79ab, 0xc9e3_b398_03f2_f6af);
  }
}

/** Rounded as rounding control says, but without an inexact result. extra: which; 6 is zero. */
export function load_constant(op: usize): void {
  if (!ready()) return;
  start();
  const number = rowExtra(opRow(op));
  if (!roomToPush()) {
    if (!stopped()) pushIndefinite();
  } else if (number == 6) pushRaw(0, 0);
  else {
    constantInto(number);
    roundSignificand(R, 64);
    push(R);
  }
  settle(op);
}

export function fxch(op: usize): void {
  if (!ready()) return;
  start();
  const i = registerOf(op);
  const missing = isEmpty(0) || isEmpty(i);
  if (missing) underflow();
  if (!stopped()) {
    if (isEmpty(0)) setRaw(0, INDEFINITE_SIGNIFICAND, INDEFINITE_TOP);
    if (isEmpty(i)) setRaw(i, INDEFINITE_SIGNIFICAND, INDEFINITE_TOP);
    const first = v128.load(slotOf(0));
    v128.store(slotOf(0), v128.load(slotOf(i)));
    v128.store(slotOf(i), first);
  }
  settle(op);
}

/** FCMOVcc: extra is the number of the condition in Jcc. */
export function fcmov(op: usize): void {
  if (!ready()) return;
  start();
  const i = registerOf(op);
  if (isEmpty(0) || isEmpty(i)) {
    underflow();
    if (!stopped()) setRaw(0, INDEFINITE_SIGNIFICAND, INDEFINITE_TOP);
  } else if (condition(rowExtra(opRow(op)))) v128.store(slotOf(0), v128.load(slotOf(i)));
  settle(op);
}

export function ffree(op: usize): void {
  if (!ready()) return;
  start();
  markEmpty(registerOf(op));
  settle(op);
}

/** FFREEP of the 80287: FFREE, then a pop. */
export function ffreep(op: usize): void {
  if (!ready()) return;
  start();
  markEmpty(registerOf(op));
  pop();
  settle(op);
}

export function fincstp(op: usize): void {
  if (!ready()) return;
  start();
  incrementTop();
  settle(op);
}

export function fdecstp(op: usize): void {
  if (!ready()) return;
  start();
  decrementTop();
  settle(op);
}
