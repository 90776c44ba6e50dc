/**
 * Unpacked numbers: records in memory, {@link NUMBER_BYTES} each.
 *
 *     0  u64 significand  FINITE: bit 63 is set, and its weight is 2^exponent
 *                         NaN: bit 62 is the quiet bit, as in the double extended format
 *     8  u64 rest         what follows the significand; bit 0 stands for everything below
 *    16  i32 exponent
 *    20  u32 negative
 *    24  u32 class
 */
import { denormalsAreZeros } from './environment';

export const NUMBER_BYTES: usize = 32;

export const ZERO: u32 = 0;
export const FINITE: u32 = 1;
export const INFINITE: u32 = 2;
export const QUIET: u32 = 3;
export const SIGNALING: u32 = 4;
/** FINITE, less than the least normal number of its format. Only from unpack; operations see it as FINITE. */
export const DENORMAL: u32 = 5;
/** Encodings of the double extended format that are no numbers (SDM Vol. 1, 8.2.2). */
export const UNSUPPORTED: u32 = 6;

/** First and second operand, result, and one for intermediate values. */
export const A: usize = memory.data(32, 16);
export const B: usize = memory.data(32, 16);
export const R: usize = memory.data(32, 16);
export const T: usize = memory.data(32, 16);

const TOP: u64 = 1 << 63;

@inline export function significand(n: usize): u64 { return load<u64>(n); }
@inline export function rest(n: usize): u64 { return load<u64>(n, 8); }
@inline export function exponent(n: usize): i32 { return load<i32>(n, 16); }
@inline export function negative(n: usize): bool { return load<u32>(n, 20) != 0; }
@inline export function classOf(n: usize): u32 { return load<u32>(n, 24); }
@inline export function isNan(n: usize): bool { const kind = load<u32>(n, 24); return kind == QUIET || kind == SIGNALING; }
@inline export function isZero(n: usize): bool { return load<u32>(n, 24) == ZERO; }
@inline export function isInfinite(n: usize): bool { return load<u32>(n, 24) == INFINITE; }
@inline export function isDenormal(n: usize): bool { return load<u32>(n, 24) == DENORMAL; }

export function set(n: usize, kind: u32, isNegative: bool, exp: i32, sig: u64, low: u64 = 0): void {
  store<u64>(n, sig);
  store<u64>(n, low, 8);
  store<i32>(n, exp, 16);
  store<u32>(n, isNegative ? 1 : 0, 20);
  store<u32>(n, kind, 24);
}
export function setNegative(n: usize, isNegative: bool): void { store<u32>(n, isNegative ? 1 : 0, 20); }
export function setExponent(n: usize, exp: i32): void { store<i32>(n, exp, 16); }
export function copy(to: usize, from: usize): void { memory.copy(to, from, NUMBER_BYTES); }
export function setZero(n: usize, isNegative: bool): void { set(n, ZERO, isNegative, 0, 0); }
export function setInfinite(n: usize, isNegative: bool): void { set(n, INFINITE, isNegative, 0, TOP); }
/** The QNaN floating-point indefinite (SDM Vol. 1, 4.8.3.7). */
export function setIndefinite(n: usize): void { set(n, QUIET, true, 0, TOP | (TOP >> 1)); }

/** From a value sig × 2^(exp − 63) + rest that may have leading zeros. */
export function setNormalized(n: usize, isNegative: bool, exp: i32, sig: u64, low: u64): void {
  if (sig == 0) {
    if (low == 0) return setZero(n, isNegative);
    sig = low;
    low = 0;
    exp -= 64;
  }
  const shift: u64 = clz<u64>(sig);
  if (shift != 0) {
    sig = (sig << shift) | (low >> (64 - shift));
    low <<= shift;
  }
  set(n, FINITE, isNegative, exp - <i32>shift, sig, low);
}

/** The single or double format: `fraction` bits below the integer bit. */
function unpack(n: usize, bits: u64, isNegative: bool, biased: i32, fraction: u64, fractionBits: u64, bias: i32, top: i32): void {
  const sig = fraction << (63 - fractionBits);
  if (biased == top) {
    if (fraction == 0) setInfinite(n, isNegative);
    else set(n, sig & (TOP >> 1) ? QUIET : SIGNALING, isNegative, 0, sig | TOP);
  } else if (biased != 0) set(n, FINITE, isNegative, biased - bias, sig | TOP);
  else if (fraction == 0 || denormalsAreZeros) setZero(n, isNegative);
  else {
    setNormalized(n, isNegative, 1 - bias, sig, 0);
    store<u32>(n, DENORMAL, 24);
  }
}

export function unpackSingle(n: usize, bits: u32): void {
  unpack(n, bits, bits >> 31 != 0, (bits >> 23) & 0xff, bits & 0x7f_ffff, 23, 127, 0xff);
}

export function unpackDouble(n: usize, bits: u64): void {
  unpack(n, bits, bits >> 63 != 0, <i32>(bits >> 52) & 0x7ff, bits & 0xf_ffff_ffff_ffff, 52, 1023, 0x7ff);
}

/** A rounded number; a denormal has the least exponent and bit 63 clear. */
export function packSingle(n: usize): u32 {
  const sign: u32 = negative(n) ? 1 << 31 : 0;
  switch (classOf(n)) {
    case ZERO: return sign;
    case INFINITE: return sign | 0x7f80_0000;
    case QUIET: return sign | 0x7fc0_0000 | (<u32>(significand(n) >> 40) & 0x3f_ffff);
    default: {
      const sig = significand(n);
      const biased: u32 = sig >> 63 != 0 ? <u32>(exponent(n) + 127) : 0;
      return sign | (biased << 23) | (<u32>(sig >> 40) & 0x7f_ffff);
    }
  }
}

export function packDouble(n: usize): u64 {
  const sign: u64 = negative(n) ? 1 << 63 : 0;
  switch (classOf(n)) {
    case ZERO: return sign;
    case INFINITE: return sign | 0x7ff0_0000_0000_0000;
    case QUIET: return sign | 0x7ff8_0000_0000_0000 | ((significand(n) >> 11) & 0x7_ffff_ffff_ffff);
    default: {
      const sig = significand(n);
      const biased: u64 = sig >> 63 != 0 ? <u64>(exponent(n) + 1023) : 0;
      return sign | (biased << 52) | ((sig >> 11) & 0xf_ffff_ffff_ffff);
    }
  }
}
