/**
 * Products and quotients of 128 bits.
 */
export function multiplyHigh(a: u64, b: u64): u64 {
  const al = a & 0xffff_ffff;
  const ah = a >> 32;
  const bl = b & 0xffff_ffff;
  const bh = b >> 32;
  const low = al * bl;
  const middle = ah * bl + (low >> 32);
  const other = al * bh + (middle & 0xffff_ffff);
  return ah * bh + (middle >> 32) + (other >> 32);
}

export function multiplyHighSigned(a: i64, b: i64): i64 {
  return <i64>multiplyHigh(a, b) - (a < 0 ? b : 0) - (b < 0 ? a : 0);
}

export let remainder: u64 = 0;

/** high:low / divisor, where high < divisor: the quotient fits. Leaves {@link remainder}. */
export function divideWide(high: u64, low: u64, divisor: u64): u64 {
  if (high == 0) {
    remainder = low % divisor;
    return low / divisor;
  }
  let rest = high;
  let quotient: u64 = 0;
  for (let bit = 63; bit >= 0; bit--) {
    const out = rest >> 63;
    rest = (rest << 1) | ((low >> <u64>bit) & 1);
    quotient <<= 1;
    if (out != 0 || rest >= divisor) {
      rest -= divisor;
      quotient |= 1;
    }
  }
  remainder = rest;
  return quotient;
}
