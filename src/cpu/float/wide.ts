/**
 * Numbers with significands of 128 bits, for functions whose result is rounded to 64: records of float/number that are
 * FINITE or ZERO, with `rest` as the low half of the significand. Results are off by a few units of the last place.
 */
import { exponent, FINITE, isZero, negative, rest, set, setNormalized, setZero, significand, copy } from './number';
import { multiplyHigh } from '../integer/wide';

const TOP: u64 = 1 << 63;

export function multiplyWide(a: usize, b: usize, r: usize): void {
  const minus = negative(a) != negative(b);
  if (isZero(a) || isZero(b)) return setZero(r, minus);
  const ah = significand(a);
  const bh = significand(b);
  const product = ah * bh;
  const q = ah * rest(b);
  const s = rest(a) * bh;
  const carried = <u64>(q + s < q);
  const first = product + multiplyHigh(ah, rest(b));
  const second = first + multiplyHigh(rest(a), bh);
  const low = second + carried;
  const high = multiplyHigh(ah, bh) + <u64>(first < product) + <u64>(second < first) + <u64>(low < second);
  setNormalized(r, minus, exponent(a) + exponent(b) + 1, high, low);
}

/** a + b; what is too small to be added still makes itself felt in the last place. */
export function addWide(a: usize, b: usize, r: usize): void {
  if (isZero(a)) return copy(r, b);
  if (isZero(b)) return copy(r, a);
  if (exponent(a) > exponent(b) || (exponent(a) == exponent(b) && larger(a, b))) addOrdered(a, b, r);
  else addOrdered(b, a, r);
}

function larger(a: usize, b: usize): bool {
  return significand(a) != significand(b) ? significand(a) > significand(b) : rest(a) >= rest(b);
}

function addOrdered(a: usize, b: usize, r: usize): void {
  const shift: u64 = min<i32>(exponent(a) - exponent(b), 128);
  let high = significand(b);
  let low = rest(b);
  if (shift >= 128) {
    high = 0;
    low = 1;
  } else if (shift >= 64) {
    low = high >> (shift - 64);
    high = 0;
  } else if (shift > 0) {
    low = (low >> shift) | (high << (64 - shift));
    high >>= shift;
  }
  const minus = negative(a);
  const exp = exponent(a);
  if (minus != negative(b)) {
    const borrow = <u64>(rest(a) < low);
    return setNormalized(r, minus, exp, significand(a) - high - borrow, rest(a) - low);
  }
  const sumLow = rest(a) + low;
  const carry = <u64>(sumLow < low);
  const sum = significand(a) + high + carry;
  if (sum > significand(a) || (sum == significand(a) && (high | carry) == 0)) return set(r, FINITE, minus, exp, sum, sumLow);
  set(r, FINITE, minus, exp + 1, TOP | (sum >> 1), (sum << 63) | (sumLow >> 1));
}

/** a / n, for n up to 2^32 − 1. */
export function divideSmall(a: usize, n: u64, r: usize): void {
  if (isZero(a)) return copy(r, a);
  const sig = significand(a);
  const low = rest(a);
  let left = sig >> 32;
  const q0 = left / n;
  left = ((left % n) << 32) | (sig & 0xffff_ffff);
  const q1 = left / n;
  left = ((left % n) << 32) | (low >> 32);
  const q2 = left / n;
  left = ((left % n) << 32) | (low & 0xffff_ffff);
  const q3 = left / n;
  const q4 = ((left % n) << 32) / n;
  const shift: u64 = clz<u64>((q0 << 32) | q1);
  // Five digits of 32 bits: up to 32 of their bits are leading zeros.
  const high = (q0 << 32) | q1;
  const middle = (q2 << 32) | q3;
  const last = q4 << 32;
  if (shift == 0) return set(r, FINITE, negative(a), exponent(a), high, middle);
  if (shift == 64) return set(r, FINITE, negative(a), exponent(a) - 64, middle, last);
  set(r, FINITE, negative(a), exponent(a) - <i32>shift, (high << shift) | (middle >> (64 - shift)), (middle << shift) | (last >> (64 - shift)));
}

/** a / b, by long division. */
export function divideWideNumbers(a: usize, b: usize, r: usize): void {
  const minus = negative(a) != negative(b);
  if (isZero(a)) return setZero(r, minus);
  const dh = significand(b);
  const dl = rest(b);
  let high = significand(a);
  let low = rest(a);
  let over: bool = false;
  let qh: u64 = 0;
  let ql: u64 = 0;
  for (let i = 0; i < 128; i++) {
    qh = (qh << 1) | (ql >> 63);
    ql <<= 1;
    if (over || high > dh || (high == dh && low >= dl)) {
      high -= dh + <u64>(low < dl);
      low -= dl;
      ql |= 1;
    }
    over = high >> 63 != 0;
    high = (high << 1) | (low >> 63);
    low <<= 1;
  }
  setNormalized(r, minus, exponent(a) - exponent(b), qh, ql);
}

export function negate(n: usize): void { store<u32>(n, negative(n) ? 0 : 1, 20); }
