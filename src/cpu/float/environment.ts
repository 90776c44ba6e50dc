/**
 * What floating-point operations of either unit depend on and leave behind: rounding control, masks, what happens to
 * denormals; the exceptions found (SDM Vol. 1, 4.9).
 */
import { FLOAT_EXCEPTIONS, ROUND_DOWN, ROUND_NEAREST, ROUND_UP } from '../../spec/float-bits';

export let rounding: u32 = ROUND_NEAREST;
/** Bit set: the exception is masked. */
export let masks: u32 = FLOAT_EXCEPTIONS;
export let flushToZero: bool = false;
export let denormalsAreZeros: bool = false;
/** Exceptions since {@link begin}. */
export let found: u32 = 0;

export function begin(roundingControl: u32, exceptionMasks: u32, ftz: bool, daz: bool): void {
  rounding = roundingControl;
  masks = exceptionMasks;
  flushToZero = ftz;
  denormalsAreZeros = daz;
  found = 0;
}

export function signal(exceptions: u32): void { found |= exceptions; }
export function forget(exceptions: u32): void { found &= ~exceptions; }

/** Whether what is between two neighbours goes to the one of greater magnitude, given that it is no tie nor to nearest. */
@inline
export function roundsAway(negative: bool): bool { return negative ? rounding == ROUND_DOWN : rounding == ROUND_UP; }
