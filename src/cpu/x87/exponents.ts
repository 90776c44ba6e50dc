/**
 * FPREM, FPREM1, FSCALE, FXTRACT, FRNDINT (SDM Vol. 1, 8.3.5).
 */
import {
  FLOAT_INVALID, FLOAT_ZERO_DIVIDE, STATUS_C0, STATUS_C1, STATUS_C2, STATUS_C3,
} from '../../spec/float-bits';
import { rowExtra } from '../decoder';
import { fromInteger, roundToInteger } from '../float/convert';
import { found, signal } from '../float/environment';
import {
  A, B, copy, DENORMAL, exponent, FINITE, isInfinite, isZero, negative, R, setExponent, setIndefinite, setInfinite,
  setNormalized, setZero, significand, classOf, setNegative,
} from '../float/number';
import { roundExtended } from '../float/round';
import { opRow } from '../op';
import { binaryNan, noteDenormal, noteDenormals, unaryNan } from './nans';
import {
  decrementTop, deliver, fetch, isEmpty, roomToPush, setConditions, setRange, settle, start, stopped, underflow,
} from './stack';
import { ready } from './state';

/** ST(0) into A and ST(1) into B; where either is empty an indefinite is in R. */
function fetchTwo(): bool {
  if (isEmpty(0) || isEmpty(1)) {
    underflow();
    setIndefinite(R);
    return false;
  }
  fetch(A, 0);
  fetch(B, 1);
  return true;
}

function invalid(): void {
  signal(FLOAT_INVALID);
  setIndefinite(R);
}

/** Low bits of the quotient, and whether the remainder is final. */
let quotient: u64 = 0;
let complete: bool = true;

/** A − B × the quotient, truncated or (FPREM1) to nearest, into R; at most 63 bits of the quotient at a time. */
function remainder(nearest: bool): void {
  quotient = 0;
  complete = true;
  if (isInfinite(A) || isZero(B)) return invalid();
  noteDenormals();
  copy(R, A);
  if (isZero(A) || isInfinite(B)) return;
  const distance = exponent(A) - exponent(B);
  const least: i32 = nearest ? -1 : 0;
  if (least > distance) return;
  complete = distance < 64;
  const steps = complete ? distance : (distance & 31) | 32;
  reduce(steps, nearest && complete, complete ? exponent(B) : exponent(A) - steps);
}

/** Long division of the significands; the remainder has its integer bit at `exp`. */
function reduce(steps: i32, nearest: bool, exp: i32): void {
  const divisor = significand(B);
  let left = significand(A);
  let over: bool = false;
  if (steps < 0) return nearestOfHalf(exp);
  for (let i = 0; i <= steps; i++) {
    if (i > 0) {
      over = left >> 63 != 0;
      left <<= 1;
      quotient <<= 1;
    }
    if (over || left >= divisor) {
      left -= divisor;
      quotient |= 1;
    }
  }
  let minus = negative(A);
  const rest = divisor - left;
  if (nearest && (left > rest || (left == rest && (quotient & 1) != 0))) {
    left = rest;
    minus = !minus;
    quotient++;
  }
  setNormalized(R, minus, exp, left, 0);
  if (left == 0) setNegative(R, negative(A));
}

/** |A| is at least half and less than B: to nearest, the quotient is 1 where it is more than half. */
function nearestOfHalf(exp: i32): void {
  if (significand(A) <= significand(B)) return;
  quotient = 1;
  // B − A, in units of half of B's last place.
  const difference = (significand(B) << 1) - significand(A);
  setNormalized(R, !negative(A), exp - 1, difference, 0);
}

/** FPREM, and FPREM1 with extra 1. */
export function fprem(op: usize): void {
  if (!ready()) return;
  start();
  setRange(false);
  if (fetchTwo() && !binaryNan()) {
    remainder(rowExtra(opRow(op)) != 0);
    if (!stopped() && (found & FLOAT_INVALID) == 0) {
      if (classOf(R) == DENORMAL) store<u32>(R, FINITE, 24);
      roundExtended(R, 64);
      deliver(R, 0);
      settle(op);
      return setConditions(quotientCodes());
    }
  }
  if (!stopped()) deliver(R, 0);
  settle(op);
}

function quotientCodes(): u32 {
  if (!complete) return STATUS_C2;
  return <u32>((quotient & 4 ? STATUS_C0 : 0) | (quotient & 2 ? STATUS_C3 : 0) | (quotient & 1 ? STATUS_C1 : 0));
}

/** ST(1) truncated, as far as it matters. */
function scaleOf(n: usize): i32 {
  if (isZero(n) || exponent(n) < 0) return 0;
  const magnitude = exponent(n) > 16 ? 0x1_0000 : <i32>(significand(n) >> (63 - exponent(n)));
  return negative(n) ? -magnitude : magnitude;
}

function scale(): void {
  if (isInfinite(B)) {
    if (negative(B) ? isInfinite(A) : isZero(A)) return invalid();
    noteDenormal();
    return negative(B) ? setZero(R, negative(A)) : setInfinite(R, negative(A));
  }
  noteDenormals();
  copy(R, A);
  if (isZero(A) || isInfinite(A)) return;
  store<u32>(R, FINITE, 24);
  setExponent(R, exponent(A) + scaleOf(B));
  if (!stopped()) roundExtended(R, 64);
}

export function fscale(op: usize): void {
  if (!ready()) return;
  start();
  if (fetchTwo() && !binaryNan()) scale();
  if (!stopped()) deliver(R, 0);
  settle(op);
}

/** The exponent replaces ST(0), the significand is pushed. */
export function fxtract(op: usize): void {
  if (!ready()) return;
  start();
  if (isEmpty(0)) underflow();
  if (isEmpty(0) || !roomToPush()) {
    setIndefinite(R);
    copy(B, R);
  } else {
    fetch(A, 0);
    if (unaryNan()) copy(B, R);
    else extract();
  }
  if (!stopped()) {
    deliver(B, 0);
    decrementTop();
    deliver(R, 0);
  }
  settle(op);
}

/** Significand into R, exponent into B. */
function extract(): void {
  copy(R, A);
  if (isZero(A)) {
    signal(FLOAT_ZERO_DIVIDE);
    return setInfinite(B, true);
  }
  if (isInfinite(A)) return setInfinite(B, false);
  noteDenormal();
  fromInteger(B, exponent(A));
  store<u32>(R, FINITE, 24);
  setExponent(R, 0);
}

export function frndint(op: usize): void {
  if (!ready()) return;
  start();
  if (!fetch(A, 0)) setIndefinite(R);
  else if (!unaryNan()) {
    noteDenormal();
    copy(R, A);
    if (!stopped() && !isInfinite(R)) roundToInteger(R);
  }
  if (!stopped()) deliver(R, 0);
  settle(op);
}
