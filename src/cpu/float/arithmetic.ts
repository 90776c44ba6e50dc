/**
 * Sum, product, quotient and square root of unpacked numbers, exact but for the sticky bit: rounding comes after. NaNs are
 * the callers' business, since SSE and x87 choose differently among them. False: the operation is invalid, the result the
 * QNaN indefinite.
 */
import { FLOAT_INVALID, FLOAT_ZERO_DIVIDE, ROUND_DOWN } from '../../spec/float-bits';
import { divideWide, multiplyHigh, remainder } from '../integer/wide';
import { rounding, signal } from './environment';
import {
  exponent, isInfinite, isZero, negative, set, setIndefinite, setInfinite, setNormalized, setZero, significand, T, rest,
  FINITE,
} from './number';
import { shiftRight } from './round';

const TOP: u64 = 1 << 63;

function invalid(r: usize): void {
  signal(FLOAT_INVALID);
  setIndefinite(r);
}

/** a + b, or a − b. */
export function add(a: usize, b: usize, subtract: bool, r: usize): void {
  const minusB = negative(b) != subtract;
  if (isInfinite(a)) {
    if (isInfinite(b) && negative(a) != minusB) return invalid(r);
    return setInfinite(r, negative(a));
  }
  if (isInfinite(b)) return setInfinite(r, minusB);
  if (isZero(b)) {
    if (isZero(a)) return setZero(r, negative(a) == minusB ? minusB : rounding == ROUND_DOWN);
    return set(r, FINITE, negative(a), exponent(a), significand(a));
  }
  if (isZero(a)) return set(r, FINITE, minusB, exponent(b), significand(b));
  const aIsLarger = exponent(a) > exponent(b) || (exponent(a) == exponent(b) && significand(a) >= significand(b));
  if (aIsLarger) addOrdered(a, negative(a), b, minusB, r);
  else addOrdered(b, minusB, a, negative(a), r);
}

/** |a| >= |b|, neither zero. */
function addOrdered(a: usize, minusA: bool, b: usize, minusB: bool, r: usize): void {
  const exp = exponent(a);
  const sig = significand(a);
  set(T, FINITE, minusB, exponent(b), significand(b));
  shiftRight(T, exp - exponent(b));
  if (minusA == minusB) {
    const sum = sig + significand(T);
    const low = rest(T);
    if (sum >= sig) return set(r, FINITE, minusA, exp, sum, low);
    return set(r, FINITE, minusA, exp + 1, TOP | (sum >> 1), (sum << 63) | (low >> 1) | (low & 1));
  }
  const low = 0 - rest(T);
  const difference = sig - significand(T) - <u64>(rest(T) != 0);
  if ((difference | low) == 0) return setZero(r, rounding == ROUND_DOWN);
  setNormalized(r, minusA, exp, difference, low);
}

export function multiply(a: usize, b: usize, r: usize): void {
  const minus = negative(a) != negative(b);
  if (isInfinite(a) || isInfinite(b)) {
    if (isZero(a) || isZero(b)) return invalid(r);
    return setInfinite(r, minus);
  }
  if (isZero(a) || isZero(b)) return setZero(r, minus);
  const high = multiplyHigh(significand(a), significand(b));
  setNormalized(r, minus, exponent(a) + exponent(b) + 1, high, significand(a) * significand(b));
}

/** a / b. */
export function divide(a: usize, b: usize, r: usize): void {
  const minus = negative(a) != negative(b);
  if (isInfinite(a)) {
    if (isInfinite(b)) return invalid(r);
    return setInfinite(r, minus);
  }
  if (isInfinite(b)) return setZero(r, minus);
  if (isZero(b)) {
    if (isZero(a)) return invalid(r);
    signal(FLOAT_ZERO_DIVIDE);
    return setInfinite(r, minus);
  }
  if (isZero(a)) return setZero(r, minus);
  const divisor = significand(b);
  // Half the dividend is less than the divisor: the quotient's integer part is one bit at most.
  const high = divideWide(significand(a) >> 1, significand(a) << 63, divisor);
  const low = divideWide(remainder, 0, divisor);
  setNormalized(r, minus, exponent(a) - exponent(b), high, low | <u64>(remainder != 0));
}

export function squareRoot(a: usize, r: usize): void {
  if (isZero(a)) return setZero(r, negative(a));
  if (negative(a)) return invalid(r);
  if (isInfinite(a)) return setInfinite(r, false);
  const odd = (exponent(a) & 1) != 0;
  // The root of sig × 2^64, or half of it, has 64 bits.
  const high = odd ? significand(a) : significand(a) >> 1;
  const low = odd ? 0 : significand(a) << 63;
  let root: u64 = 0;
  // The remainder, at most twice the root: 65 bits in the end.
  let left: u64 = 0;
  let over: u64 = 0;
  for (let i: u64 = 0; i < 64; i++) {
    const pair = ((i < 32 ? high : low) >> (62 - ((i & 31) << 1))) & 3;
    over = left >> 62;
    left = (left << 2) | pair;
    const trial = (root << 2) | 1;
    const trialOver = root >> 62;
    root <<= 1;
    if (over > trialOver || (over == trialOver && left >= trial)) {
      over -= trialOver + <u64>(left < trial);
      left -= trial;
      root |= 1;
    }
  }
  const aboveHalf = over != 0 || left > root;
  set(r, FINITE, false, exponent(a) >> 1, root, aboveHalf ? TOP | 1 : <u64>(left != 0));
}
