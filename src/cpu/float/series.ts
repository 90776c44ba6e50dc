/**
 * Elementary functions of wide numbers, by their power series, within a few units of the 128th bit.
 */
import { addWide, divideSmall, divideWideNumbers, multiplyWide, negate } from './wide';
import { copy, exponent, FINITE, isZero, rest, set, setNegative, setNormalized, setZero, significand } from './number';

const TERM: usize = memory.data(32, 16);
const SQUARE: usize = memory.data(32, 16);
const PART: usize = memory.data(32, 16);
const X: usize = memory.data(32, 16);
const Y: usize = memory.data(32, 16);

/** Terms below this are less than the last place of the sum. */
const ENOUGH: i32 = 130;

export function setOne(n: usize): void { set(n, FINITE, false, 0, (<u64>1) << 63); }
export function setHalfPi(n: usize): void { set(n, FINITE, false, 0, 0xc90f_daa2_2168_c234, 0xc4c6_628b_80dc_1cd1); }
export function setPi(n: usize): void { set(n, FINITE, false, 1, 0xc90f_daa2_2168_c234, 0xc4c6_628b_80dc_1cd1); }
export function setQuarterPi(n: usize): void { set(n, FINITE, false, -1, 0xc90f_daa2_2168_c234, 0xc4c6_628b_80dc_1cd1); }
function setLn2(n: usize): void { set(n, FINITE, false, -1, 0xb172_17f7_d1cf_79ab, 0xc9e3_b398_03f2_f6af); }
function setLog2E(n: usize): void { set(n, FINITE, false, 0, 0xb8aa_3b29_5c17_f0bb, 0xbe87_fed0_691d_3e88); }
function setArctanHalf(n: usize): void { set(n, FINITE, false, -2, 0xed63_382b_0dda_7b45, 0x6fe4_45ec_bc3a_8d03); }

@inline function negligible(sum: usize): bool { return isZero(TERM) || exponent(TERM) < exponent(sum) - ENOUGH; }

/** First term in TERM; each next one is −x² / (k(k + 1)) times the last. */
function alternating(x: usize, k: u64, r: usize): void {
  multiplyWide(x, x, SQUARE);
  copy(r, TERM);
  do {
    multiplyWide(TERM, SQUARE, TERM);
    divideSmall(TERM, k * (k + 1), TERM);
    negate(TERM);
    addWide(r, TERM, r);
    k += 2;
  } while (!negligible(r));
}

/** |x| up to π/4. */
export function sine(x: usize, r: usize): void {
  copy(X, x);
  copy(TERM, x);
  alternating(X, 2, r);
}

export function cosine(x: usize, r: usize): void {
  copy(X, x);
  setOne(TERM);
  alternating(X, 1, r);
}

/** 2^x − 1, |x| up to 1. */
export function exponential(x: usize, r: usize): void {
  setLn2(TERM);
  multiplyWide(x, TERM, X);
  copy(TERM, X);
  copy(r, X);
  for (let k: u64 = 2; ; k++) {
    multiplyWide(TERM, X, TERM);
    divideSmall(TERM, k, TERM);
    addWide(r, TERM, r);
    if (negligible(r)) return;
  }
}

/** t − t³/3 + t⁵/5 …, or with all signs positive. */
function odd(t: usize, alternates: bool, r: usize): void {
  multiplyWide(t, t, SQUARE);
  copy(TERM, t);
  copy(r, t);
  for (let k: u64 = 3; ; k += 2) {
    multiplyWide(TERM, SQUARE, TERM);
    if (alternates) negate(TERM);
    divideSmall(TERM, k, PART);
    addWide(r, PART, r);
    if (negligible(r)) return;
  }
}

/** log2 ((1 + t) / (1 − t)) = 2·artanh(t)·log2 e, from t in r. */
function logarithmOf(r: usize): void {
  copy(X, r);
  odd(X, false, r);
  if (isZero(r)) return;
  store<i32>(r, exponent(r) + 1, 16);
  setLog2E(Y);
  multiplyWide(r, Y, r);
}

/** log2 x, x positive. */
export function logarithm(x: usize, r: usize): void {
  copy(X, x);
  let power = exponent(x);
  let exp: i32 = 0;
  // The significand between the roots of 1/2 and 2.
  if (significand(x) > 0xb504_f333_f9de_6484) {
    power++;
    exp = -1;
  }
  set(X, FINITE, false, exp, significand(x), rest(x));
  setOne(Y);
  addWide(X, Y, r);
  setNegative(Y, true);
  addWide(X, Y, X);
  divideWideNumbers(X, r, r);
  logarithmOf(r);
  if (power == 0) return;
  const magnitude: u64 = power < 0 ? -power : power;
  set(Y, FINITE, power < 0, 63 - <i32>clz<u64>(magnitude), magnitude << clz<u64>(magnitude));
  addWide(r, Y, r);
}

/** log2 (1 + x), |x| less than 1 − √½. */
export function logarithmOfOnePlus(x: usize, r: usize): void {
  set(Y, FINITE, false, 1, (<u64>1) << 63);
  addWide(x, Y, Y);
  divideWideNumbers(x, Y, r);
  logarithmOf(r);
}

/** arctan of x from 0 to 1: less than 1/4 after taking arctan of 1/2 or 1 away. */
export function arctangent(x: usize, r: usize): void {
  copy(X, x);
  const quarters = exponent(x) < -2 ? 0 : exponent(x) == -2 ? 1 : exponent(x) == 0 ? 4 : significand(x) >> 62 == 2 ? 2 : 3;
  if (quarters == 0) return odd(X, true, r);
  const one = quarters >= 3;
  // (x − c) / (1 + c·x)
  copy(Y, X);
  if (!one) store<i32>(Y, exponent(Y) - 1, 16);
  setOne(PART);
  addWide(Y, PART, Y);
  set(PART, FINITE, true, one ? 0 : -1, (<u64>1) << 63);
  addWide(X, PART, X);
  divideWideNumbers(X, Y, X);
  if (isZero(X)) setZero(r, false);
  else odd(X, true, r);
  if (one) setQuarterPi(Y);
  else setArctanHalf(Y);
  addWide(r, Y, r);
}

/** π/2 as the processor's argument reduction knows it: 66 bits (SDM Vol. 1, 8.3.8). */
const PI_LOW: u64 = 0xc000_0000_0000_0000;

/** |x| modulo π/2, from −π/4 to π/4, into r; returns the number of the quadrant. |x| is less than 2^63. */
export function reduce(x: usize, r: usize): u32 {
  if (exponent(x) < -1) {
    set(r, FINITE, false, exponent(x), significand(x));
    return 0;
  }
  const dh: u64 = 0xc90f_daa2_2168_c234;
  let high = significand(x);
  let low: u64 = 0;
  let over: bool = false;
  let quadrant: u32 = 0;
  for (let left = exponent(x); left >= 0; left--) {
    quadrant <<= 1;
    if (over || high > dh || (high == dh && low >= PI_LOW)) {
      high -= dh + <u64>(low < PI_LOW);
      low -= PI_LOW;
      quadrant |= 1;
    }
    if (left == 0) break;
    over = high >> 63 != 0;
    high = (high << 1) | (low >> 63);
    low <<= 1;
  }
  setNormalized(r, false, exponent(x) < 0 ? -1 : 0, high, low);
  if (isZero(r) || exponent(r) < -1 || (exponent(r) == -1 && significand(r) <= dh)) return quadrant;
  set(Y, FINITE, true, 0, dh, PI_LOW);
  addWide(r, Y, r);
  return quadrant + 1;
}
