/**
 * The double extended format (SDM Vol. 1, 4.2.2, 8.2): significand u64 with its integer bit, then sign and exponent u16.
 */
import {
  classOf, DENORMAL, exponent, INFINITE, negative, QUIET, set, setInfinite, setNormalized, setZero, SIGNALING, significand,
  UNSUPPORTED, FINITE, ZERO,
} from './number';

const TOP: u64 = 1 << 63;
const QUIET_BIT: u64 = 1 << 62;
const BIAS: i32 = 16383;

export function unpackExtended(n: usize, at: usize): void {
  const sig = load<u64>(at);
  const biased = <i32>load<u16>(at, 8) & 0x7fff;
  const minus = load<i16>(at, 8) < 0;
  if (biased == 0) {
    if (sig == 0) return setZero(n, minus);
    setNormalized(n, minus, 1 - BIAS, sig, 0);
    store<u32>(n, DENORMAL, 24);
  } else if ((sig & TOP) == 0) set(n, UNSUPPORTED, minus, 0, sig);
  else if (biased != 0x7fff) set(n, FINITE, minus, biased - BIAS, sig);
  else if (sig == TOP) setInfinite(n, minus);
  else set(n, sig & QUIET_BIT ? QUIET : SIGNALING, minus, 0, sig);
}

/** A rounded number, or a NaN, which becomes quiet. */
export function packExtended(n: usize, at: usize): void {
  const sign: u16 = negative(n) ? 0x8000 : 0;
  let sig = significand(n);
  let biased: u16 = 0x7fff;
  switch (classOf(n)) {
    case ZERO: sig = 0; biased = 0; break;
    case INFINITE: sig = TOP; break;
    case QUIET:
    case SIGNALING: sig |= QUIET_BIT; break;
    default: biased = sig & TOP ? <u16>(exponent(n) + BIAS) : 0;
  }
  store<u64>(at, sig);
  store<u16>(at, sign | biased, 8);
}
