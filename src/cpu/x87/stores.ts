/**
 * Stores to memory and to registers (SDM Vol. 1, 8.3.3). A store to memory that has an unmasked exception stores nothing.
 */
import { FLOAT_INVALID, FLOAT_OVERFLOW, FLOAT_PRECISION, FLOAT_UNDERFLOW } from '../../spec/float-bits';
import { rowExtra } from '../decoder';
import { toInteger } from '../float/convert';
import { forget, found, masks, signal } from '../float/environment';
import {
  A, classOf, copy, DENORMAL, FINITE, negative, packDouble, packSingle, R,
} from '../float/number';
import { roundDouble, roundSingle } from '../float/round';
import { opRow } from '../op';
import { endWrite, placeToWrite } from '../operands';
import { registerOf } from './arithmetic';
import { unaryNan } from './nans';
import { DOUBLE, LONG, SHORT, SINGLE, sizeOf, WORD } from './operands';
import {
  fetch, INDEFINITE_SIGNIFICAND, INDEFINITE_TOP, isEmpty, pop, setRaw, settle, start, stopped, underflow,
} from './stack';
import { ready, slotOf } from './state';

/** extra: the stack is popped. */
@inline function pops(op: usize): bool { return rowExtra(opRow(op)) != 0; }

@inline function storeSized(place: usize, size: u32, value: u64): void {
  if (size == 8) store<u64>(place, value);
  else if (size == 4) store<u32>(place, <u32>value);
  else store<u16>(place, <u16>value);
}

/** An exception is unmasked that leaves memory as it is: the inexact result alone does not. */
@inline function refused(): bool { return stopped() || (found & ~masks & (FLOAT_OVERFLOW | FLOAT_UNDERFLOW)) != 0; }

/** ST(0) in the format, as bits. */
function rounded(format: u32): u64 {
  if (fetch(A, 0) && !unaryNan()) {
    copy(R, A);
    if (classOf(R) == DENORMAL) store<u32>(R, FINITE, 24);
    if (format == SINGLE) roundSingle(R);
    else roundDouble(R);
  } else if (isEmpty(0)) copy(R, A);
  return format == SINGLE ? <u64>packSingle(R) : packDouble(R);
}

function toMemory(op: usize, format: u32): void {
  if (!ready()) return;
  const place = placeToWrite(op, sizeOf(format));
  if (place == 0) return;
  start();
  const bits = format <= DOUBLE ? rounded(format) : <u64>integer(format);
  if (!refused()) {
    storeSized(place, sizeOf(format), bits);
    endWrite(place);
    if (pops(op)) pop();
  } else if (!stopped()) {
    // Nothing was rounded.
    forget(FLOAT_PRECISION);
  }
  settle(op);
}

function integer(format: u32): i64 {
  const bits: u64 = sizeOf(format) << 3;
  if (!fetch(A, 0)) return <i64>-1 << (bits - 1);
  return toInteger(A, bits, false);
}

export function fst_single(op: usize): void { toMemory(op, SINGLE); }
export function fst_double(op: usize): void { toMemory(op, DOUBLE); }
export function fist_word(op: usize): void { toMemory(op, WORD); }
export function fist_short(op: usize): void { toMemory(op, SHORT); }
export function fist_long(op: usize): void { toMemory(op, LONG); }

/** FSTP to ten bytes: the register as it is. */
export function fstp_extended(op: usize): void {
  if (!ready()) return;
  const place = placeToWrite(op, 10);
  if (place == 0) return;
  start();
  const empty = isEmpty(0);
  if (empty) underflow();
  if (!stopped()) {
    store<u64>(place, empty ? INDEFINITE_SIGNIFICAND : load<u64>(slotOf(0)));
    store<u16>(place, empty ? INDEFINITE_TOP : load<u16>(slotOf(0), 8), 8);
    endWrite(place);
    pop();
  }
  settle(op);
}

export function fst_st(op: usize): void {
  if (!ready()) return;
  start();
  const i = registerOf(op);
  if (isEmpty(0)) {
    underflow();
    if (!stopped()) setRaw(i, INDEFINITE_SIGNIFICAND, INDEFINITE_TOP);
  } else setRaw(i, load<u64>(slotOf(0)), load<u16>(slotOf(0), 8));
  if (!stopped() && pops(op)) pop();
  settle(op);
}

const DECIMAL_LIMIT: u64 = 1_000_000_000_000_000_000;

/** FBSTP: 18 decimal digits; the packed BCD indefinite where there are more (4.8.3.7). */
export function fbstp(op: usize): void {
  if (!ready()) return;
  const place = placeToWrite(op, 10);
  if (place == 0) return;
  start();
  let value: i64 = i64.MIN_VALUE;
  if (fetch(A, 0)) value = toInteger(A, 64, false);
  const magnitude: u64 = value < 0 ? 0 - value : value;
  const fits = (found & FLOAT_INVALID) == 0 && magnitude < DECIMAL_LIMIT;
  if (!fits) {
    forget(FLOAT_PRECISION);
    signal(FLOAT_INVALID);
  }
  if (!stopped()) {
    if (fits) storeDecimal(place, magnitude, negative(A));
    else {
      store<u64>(place, INDEFINITE_SIGNIFICAND);
      store<u16>(place, INDEFINITE_TOP, 8);
    }
    endWrite(place);
    pop();
  }
  settle(op);
}

function storeDecimal(place: usize, magnitude: u64, minus: bool): void {
  for (let i: usize = 0; i < 9; i++) {
    const pair = magnitude % 100;
    store<u8>(place + i, <u8>((pair / 10 << 4) | pair % 10));
    magnitude /= 100;
  }
  store<u8>(place, minus ? 0x80 : 0, 9);
}
