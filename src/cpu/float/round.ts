/**
 * Rounding (SDM Vol. 1, 4.8.4), with overflow, underflow (tininess is detected after rounding) and inexact results (4.9.1).
 */
import {
  FLOAT_OVERFLOW, FLOAT_PRECISION, FLOAT_UNDERFLOW, ROUND_NEAREST,
} from '../../spec/float-bits';
import { flushToZero, masks, rounding, roundsAway, signal } from './environment';
import { exponent, negative, rest, set, setInfinite, setZero, significand, classOf, FINITE } from './number';

const TOP: u64 = 1 << 63;

/** The last rounding went away from zero: C1 of the x87. */
export let roundedUp: bool = false;
export function setRoundedUp(up: bool): void { roundedUp = up; }

/** Keeps `precision` bits of a FINITE record; true when something was lost. */
export function roundSignificand(n: usize, precision: u64): bool {
  const sig = significand(n);
  const low = rest(n);
  const drop: u64 = 64 - precision;
  const tail: u64 = drop != 0 ? (sig << precision) | <u64>(low != 0) : low;
  const kept = drop != 0 ? (sig >> drop) << drop : sig;
  roundedUp = false;
  if (tail != 0) {
    const unit: u64 = <u64>1 << drop;
    roundedUp = rounding == ROUND_NEAREST ? tail > TOP || (tail == TOP && (kept & unit) != 0) : roundsAway(negative(n));
    if (roundedUp) {
      const next = kept + unit;
      if (next == 0) set(n, FINITE, negative(n), exponent(n) + 1, TOP);
      else set(n, FINITE, negative(n), exponent(n), next);
      return true;
    }
  }
  set(n, FINITE, negative(n), exponent(n), kept);
  return tail != 0;
}

/** Shifts significand and rest right; what falls out stays as the lowest bit. */
export function shiftRight(n: usize, count: u32): void {
  let sig = significand(n);
  let low = rest(n);
  if (count >= 64) {
    low = count >= 128 ? <u64>((sig | low) != 0) : shifted(sig, low, count - 64);
    sig = 0;
  } else if (count != 0) {
    const lost = (low << (64 - count)) != 0;
    low = (low >> count) | (sig << (64 - count)) | <u64>lost;
    sig >>= count;
  }
  store<u64>(n, sig);
  store<u64>(n, low, 8);
}

function shifted(sig: u64, low: u64, count: u32): u64 {
  if (count == 0) return sig | <u64>(low != 0);
  return (sig >> count) | <u64>(((sig << (64 - count)) | low) != 0);
}

/**
 * Rounds a result to `precision` bits and to exponents from `least` to `greatest`. `bias`: what is added to the exponent
 * on an unmasked underflow, and subtracted on an unmasked overflow, of the x87 (8.5.4, 8.5.5); 0 for SSE, which gives no
 * result then.
 */
export function round(n: usize, precision: u64, least: i32, greatest: i32, bias: i32): void {
  roundedUp = false;
  if (classOf(n) != FINITE) return;
  const sig = significand(n);
  const low = rest(n);
  const exp = exponent(n);
  let lost = roundSignificand(n, precision);
  if (exponent(n) < least) {
    if (masks & FLOAT_UNDERFLOW) {
      set(n, FINITE, negative(n), exp, sig, low);
      return denormalize(n, precision, least);
    }
    signal(FLOAT_UNDERFLOW);
    store<i32>(n, exponent(n) + bias, 16);
    if (bias != 0 && exponent(n) < least) lost = beyondBias(n, false);
  } else if (exponent(n) > greatest) {
    signal(FLOAT_OVERFLOW);
    if (masks & FLOAT_OVERFLOW) {
      lost = true;
      overflow(n, precision, greatest);
    } else {
      store<i32>(n, exponent(n) - bias, 16);
      if (bias != 0 && exponent(n) > greatest) lost = beyondBias(n, true);
    }
  }
  if (lost) signal(FLOAT_PRECISION);
}

/** Massive underflow or overflow: zero or infinite after all. */
function beyondBias(n: usize, infinite: bool): bool {
  if (infinite) setInfinite(n, negative(n));
  else setZero(n, negative(n));
  roundedUp = infinite;
  return true;
}

function denormalize(n: usize, precision: u64, least: i32): void {
  if (flushToZero) {
    setZero(n, negative(n));
    return signal(FLOAT_UNDERFLOW | FLOAT_PRECISION);
  }
  shiftRight(n, least - exponent(n));
  store<i32>(n, least, 16);
  if (roundSignificand(n, precision)) signal(FLOAT_UNDERFLOW | FLOAT_PRECISION);
  if (significand(n) == 0) setZero(n, negative(n));
}

/** Table 4-11. */
function overflow(n: usize, precision: u64, greatest: i32): void {
  const drop: u64 = 64 - precision;
  roundedUp = rounding == ROUND_NEAREST || roundsAway(negative(n));
  if (roundedUp) setInfinite(n, negative(n));
  else set(n, FINITE, negative(n), greatest, (u64.MAX_VALUE >> drop) << drop);
}

export function roundSingle(n: usize): void { round(n, 24, -126, 127, 0); }
export function roundDouble(n: usize): void { round(n, 53, -1022, 1023, 0); }
/** To the precision that the x87 control word asks for. */
export function roundExtended(n: usize, precision: u64): void { round(n, precision, -16382, 16383, 24576); }
