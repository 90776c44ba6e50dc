/**
 * Transcendental instructions (SDM Vol. 1, 8.3.7, 8.3.10): computed to 128 bits and rounded to 64.
 */
import { FLOAT_INVALID, FLOAT_PRECISION, FLOAT_ZERO_DIVIDE } from '../../spec/float-bits';
import { signal } from '../float/environment';
import {
  A, B, classOf, copy, DENORMAL, exponent, FINITE, isInfinite, isZero, negative, R, set, setIndefinite, setInfinite,
  setNegative, setZero, significand,
} from '../float/number';
import { roundExtended } from '../float/round';
import * as series from '../float/series';
import { addWide, divideWideNumbers, multiplyWide, negate } from '../float/wide';
import { binaryNan, noteDenormal, noteDenormals, unaryNan } from './nans';
import {
  decrementTop, deliver, fetch, isEmpty, pop, roomToPush, setRange, settle, start, stopped, underflow,
} from './stack';
import { ready } from './state';

/** Sine and cosine of A, or a second result. */
const S: usize = memory.data(32, 16);
const C: usize = memory.data(32, 16);
const W: usize = memory.data(32, 16);

function invalid(): void {
  signal(FLOAT_INVALID);
  setIndefinite(R);
}

/** Denormals are numbers like others from here on. */
function asFinite(n: usize): void { if (classOf(n) == DENORMAL) store<u32>(n, FINITE, 24); }

/** The result is never exact: something below the last place. */
function roundInexact(n: usize): void {
  store<u64>(n, load<u64>(n, 8) | 1, 8);
  roundExtended(n, 64);
}

/** Sine into S and cosine into C of A, finite and less than 2^63. */
function circle(): void {
  const minus = negative(A);
  const quadrant = series.reduce(A, W);
  const odd = (quadrant & 1) != 0;
  series.sine(W, odd ? C : S);
  series.cosine(W, odd ? S : C);
  if (((quadrant & 2) != 0) != minus) negate(S);
  if (((quadrant + 1) & 2) != 0) negate(C);
}

/** |A| is too large for the argument of a trigonometric function. */
@inline function outOfRange(): bool { return classOf(A) == FINITE && exponent(A) >= 63; }

/** C2 says so; ST(0) stays. */
function refuse(op: usize): void {
  setRange(true);
  settle(op);
}

const SINE: u32 = 0;
const COSINE: u32 = 1;
const BOTH: u32 = 2;
const TANGENT: u32 = 3;

/** The results for ST(0), into R, and for the register pushed, into B. */
function trigonometric(what: u32): void {
  if (unaryNan()) return copy(B, R);
  if (isInfinite(A)) {
    invalid();
    return copy(B, R);
  }
  if (isZero(A)) {
    series.setOne(B);
    copy(R, what == COSINE ? B : A);
    return;
  }
  noteDenormal();
  if (stopped()) return;
  asFinite(A);
  circle();
  if (what == TANGENT) {
    divideWideNumbers(S, C, R);
    series.setOne(B);
  } else copy(R, what == COSINE ? C : S);
  roundInexact(R);
  if (what != BOTH) return;
  copy(B, C);
  roundInexact(B);
}

/** FSIN, FCOS: one result. */
function single(op: usize, what: u32): void {
  if (!ready()) return;
  start();
  setRange(false);
  if (fetch(A, 0)) {
    if (outOfRange()) return refuse(op);
    trigonometric(what);
  } else setIndefinite(R);
  if (!stopped()) deliver(R, 0);
  settle(op);
}

export function fsin(op: usize): void { single(op, SINE); }
export function fcos(op: usize): void { single(op, COSINE); }

/** FSINCOS, FPTAN: a second result is pushed. */
function double(op: usize, what: u32): void {
  if (!ready()) return;
  start();
  setRange(false);
  if (isEmpty(0)) underflow();
  if (isEmpty(0) || !roomToPush()) {
    setIndefinite(R);
    copy(B, R);
  } else {
    fetch(A, 0);
    if (outOfRange()) return refuse(op);
    trigonometric(what);
  }
  if (!stopped()) {
    deliver(R, 0);
    decrementTop();
    deliver(B, 0);
  }
  settle(op);
}

export function fsincos(op: usize): void { double(op, BOTH); }
export function fptan(op: usize): void { double(op, TANGENT); }

@inline function isOne(n: usize): bool { return classOf(n) == FINITE && exponent(n) == 0 && significand(n) == (<u64>1) << 63; }

/** 2^ST(0) − 1. Outside −1 to 1 the result is undefined: here ST(0) as it is. */
function powerOfTwo(): void {
  if (isInfinite(A)) {
    if (negative(A)) set(R, FINITE, true, 0, (<u64>1) << 63);
    else setInfinite(R, false);
    return;
  }
  copy(R, A);
  if (isZero(A)) return;
  noteDenormal();
  if (stopped()) return;
  asFinite(A);
  if (exponent(A) >= 0) {
    signal(FLOAT_PRECISION);
    if (isOne(A)) store<i32>(R, negative(A) ? -1 : 0, 16);
    return;
  }
  series.exponential(A, R);
  roundInexact(R);
}

export function f2xm1(op: usize): void {
  if (!ready()) return;
  start();
  if (!fetch(A, 0)) setIndefinite(R);
  else if (!unaryNan()) powerOfTwo();
  if (!stopped()) deliver(R, 0);
  settle(op);
}

/** ST(1) × log2 ST(0) (SDM Vol. 2, table 3-49). A is ST(0), B is ST(1). */
function logarithmTimes(): void {
  const minus = negative(B);
  if (isZero(A)) {
    if (isZero(B)) return invalid();
    if (!isInfinite(B)) signal(FLOAT_ZERO_DIVIDE);
    return setInfinite(R, !minus);
  }
  if (negative(A)) return invalid();
  const one = isOne(A);
  const below = !isInfinite(A) && exponent(A) < 0;
  if (isInfinite(B)) {
    if (one) return invalid();
    noteDenormals();
    return setInfinite(R, minus != below);
  }
  if (isInfinite(A)) {
    if (isZero(B)) return invalid();
    noteDenormals();
    return setInfinite(R, minus);
  }
  noteDenormals();
  if (one || isZero(B)) return setZero(R, minus != below);
  if (stopped()) return;
  asFinite(A);
  asFinite(B);
  series.logarithm(A, W);
  multiplyWide(W, B, R);
  if (significand(A) != (<u64>1) << 63) return roundInexact(R);
  roundExtended(R, 64);
  signal(FLOAT_PRECISION);
}

/** ST(1) × log2 (ST(0) + 1) (table 3-50); |ST(0)| less than 1 − √½, otherwise the result is undefined. */
function logarithmOfOnePlusTimes(): void {
  const minus = negative(A) != negative(B);
  if (isInfinite(A)) {
    if (negative(A) || isZero(B)) return invalid();
    noteDenormals();
    return setInfinite(R, negative(B));
  }
  if (isInfinite(B)) {
    if (isZero(A)) return invalid();
    noteDenormals();
    return setInfinite(R, minus);
  }
  noteDenormals();
  if (isZero(A) || isZero(B)) return setZero(R, minus);
  if (stopped()) return;
  asFinite(A);
  asFinite(B);
  if (exponent(A) >= 0 && negative(A)) {
    signal(FLOAT_PRECISION);
    return copy(R, A);
  }
  if (exponent(A) >= -1) {
    series.setOne(W);
    addWide(W, A, A);
    series.logarithm(A, W);
  } else series.logarithmOfOnePlus(A, W);
  multiplyWide(W, B, R);
  roundInexact(R);
}

/** arctan (ST(1) / ST(0)) in the quadrant of both signs (table 3-31). */
function arctangentOfRatio(): void {
  const minus = negative(B);
  const left = negative(A);
  noteDenormals();
  if (stopped()) return;
  asFinite(A);
  asFinite(B);
  if (isInfinite(B)) {
    if (!isInfinite(A)) series.setHalfPi(R);
    else quarters(left ? 3 : 1);
  } else if (isZero(B) || isInfinite(A)) {
    if (!left) return setZero(R, minus);
    series.setPi(R);
  } else if (isZero(A)) series.setHalfPi(R);
  else ratio(left);
  setNegative(R, minus);
  roundInexact(R);
}

/** π/4 or 3π/4. */
function quarters(count: u32): void {
  series.setQuarterPi(R);
  if (count == 1) return;
  series.setHalfPi(W);
  addWide(R, W, R);
}

/** Both finite, neither zero: the angle of |B| over |A|, to the left of the axis or to the right. */
function ratio(left: bool): void {
  setNegative(A, false);
  setNegative(B, false);
  const steep = exponent(B) > exponent(A) || (exponent(B) == exponent(A) && significand(B) > significand(A));
  if (steep) divideWideNumbers(A, B, W);
  else divideWideNumbers(B, A, W);
  series.arctangent(W, R);
  if (steep) {
    negate(R);
    series.setHalfPi(W);
    addWide(W, R, R);
  }
  if (!left) return;
  negate(R);
  series.setPi(W);
  addWide(W, R, R);
}

const LOGARITHM: u32 = 0;
const LOGARITHM_OF_ONE_PLUS: u32 = 1;

/** Two operands; the result replaces ST(1), and ST(0) is popped. */
function popping(op: usize, what: u32): void {
  if (!ready()) return;
  start();
  if (isEmpty(0) || isEmpty(1)) {
    underflow();
    setIndefinite(R);
  } else {
    fetch(A, 0);
    fetch(B, 1);
    if (!binaryNan()) {
      if (what == LOGARITHM) logarithmTimes();
      else if (what == LOGARITHM_OF_ONE_PLUS) logarithmOfOnePlusTimes();
      else arctangentOfRatio();
    }
  }
  if (!stopped()) {
    deliver(R, 1);
    pop();
  }
  settle(op);
}

export function fyl2x(op: usize): void { popping(op, LOGARITHM); }
export function fyl2xp1(op: usize): void { popping(op, LOGARITHM_OF_ONE_PLUS); }
export function fpatan(op: usize): void { popping(op, 2); }
