/**
 * Between unpacked numbers and integers.
 */
import { FLOAT_INVALID, FLOAT_PRECISION, ROUND_NEAREST, ROUND_TO_ZERO } from '../../spec/float-bits';
import { rounding, roundsAway, signal } from './environment';
import {
  classOf, DENORMAL, exponent, FINITE, negative, rest, setNormalized, setZero, significand, copy, T, ZERO,
} from './number';
import { setRoundedUp, shiftRight } from './round';

const TOP: u64 = 1 << 63;

export function fromInteger(n: usize, value: i64): void {
  if (value == 0) setZero(n, false);
  else setNormalized(n, value < 0, 63, value < 0 ? 0 - value : value, 0);
}

/** The magnitude that {@link roundMagnitude} found; false where it does not fit 64 bits. */
let magnitude: u64 = 0;
let inexact: bool = false;

function roundMagnitude(n: usize, truncate: bool): bool {
  magnitude = 0;
  inexact = false;
  setRoundedUp(false);
  if (classOf(n) == ZERO) return true;
  if (exponent(n) > 63) return false;
  copy(T, n);
  shiftRight(T, 63 - exponent(n));
  magnitude = significand(T);
  const tail = rest(T);
  if (tail == 0) return true;
  inexact = true;
  const control = truncate ? ROUND_TO_ZERO : rounding;
  const up = control == ROUND_NEAREST ? tail > TOP || (tail == TOP && (magnitude & 1) != 0)
    : control != ROUND_TO_ZERO && roundsAway(negative(n));
  if (!up) return true;
  setRoundedUp(true);
  magnitude++;
  return magnitude != 0;
}

/**
 * The number as a signed integer of 16, 32 or 64 bits, rounded or truncated; the integer indefinite with an invalid
 * exception where there is none (SDM Vol. 1, 4.8.3.7; table 4-12).
 */
export function toInteger(n: usize, bits: u64, truncate: bool): i64 {
  const kind = classOf(n);
  const limit: u64 = <u64>1 << (bits - 1);
  if ((kind == FINITE || kind == DENORMAL || kind == ZERO) && roundMagnitude(n, truncate)) {
    if (magnitude < limit || (magnitude == limit && negative(n))) {
      if (inexact) signal(FLOAT_PRECISION);
      return negative(n) ? 0 - magnitude : magnitude;
    }
  }
  setRoundedUp(false);
  signal(FLOAT_INVALID);
  return <i64>-1 << (bits - 1);
}

/** The number rounded to an integer, as a number (FRNDINT). */
export function roundToInteger(n: usize): void {
  if (classOf(n) == ZERO || exponent(n) >= 63) return;
  const minus = negative(n);
  roundMagnitude(n, false);
  if (inexact) signal(FLOAT_PRECISION);
  if (magnitude == 0) setZero(n, minus);
  else setNormalized(n, minus, 63, magnitude, 0);
}
