/**
 * Flags of results that do not fit the lazy kinds.
 */
import { carry, setBits } from '../flags';
import { multiplyHighSigned } from './wide';

/** After r = a + b + CF, before CF has changed. */
export function setAddWithCarry(a: i64, b: i64, r: i64): void {
  const carried = carry() ? <u64>r <= <u64>a : <u64>r < <u64>a;
  setBits(r, carried, ((a ^ r) & (b ^ r)) < 0, ((a ^ b ^ r) & 16) != 0);
}

/** After r = a - b - CF, before CF has changed. */
export function setSubWithBorrow(a: i64, b: i64, r: i64): void {
  const borrowed = carry() ? <u64>a <= <u64>b : <u64>a < <u64>b;
  setBits(r, borrowed, ((a ^ b) & (a ^ r)) < 0, ((a ^ b ^ r) & 16) != 0);
}

export function setShift(r: i64, carried: i64, overflowed: i64): void { setBits(r, carried != 0, overflowed != 0, false); }

/** MUL and IMUL: CF = OF = the upper half is significant. */
export function setProduct(r: i64, significant: bool): void { setBits(r, significant, significant, false); }

/** The 128-bit product of two signed numbers does not fit into 64 bits. */
export function signedProductOverflows(a: i64, b: i64): bool { return multiplyHighSigned(a, b) != (a * b) >> 63; }
