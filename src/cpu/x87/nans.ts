/**
 * Operands that are no numbers (SDM Vol. 1, 4.8.3.5, table 4-7 for the x87).
 */
import { FLOAT_DENORMAL, FLOAT_INVALID } from '../../spec/float-bits';
import { signal } from '../float/environment';
import {
  A, B, R, classOf, copy, isDenormal, isNan, negative, QUIET, setIndefinite, SIGNALING, significand, UNSUPPORTED,
} from '../float/number';

const QUIET_BIT: u64 = 1 << 62;

function quieted(from: usize): void {
  copy(R, from);
  store<u64>(R, significand(from) | QUIET_BIT);
  store<u32>(R, QUIET, 24);
}

/** True with the result in R when the one operand, A, is no number. */
export function unaryNan(): bool {
  const kind = classOf(A);
  if (kind == UNSUPPORTED) {
    signal(FLOAT_INVALID);
    setIndefinite(R);
    return true;
  }
  if (kind != QUIET && kind != SIGNALING) return false;
  if (kind == SIGNALING) signal(FLOAT_INVALID);
  quieted(A);
  return true;
}

/** True with the result in R when A or B is no number: of two NaNs a quiet one goes first, then the larger significand. */
export function binaryNan(): bool {
  if (classOf(A) == UNSUPPORTED || classOf(B) == UNSUPPORTED) {
    signal(FLOAT_INVALID);
    setIndefinite(R);
    return true;
  }
  if (!isNan(A) && !isNan(B)) return false;
  const signalingA = classOf(A) == SIGNALING;
  const signalingB = classOf(B) == SIGNALING;
  if (signalingA || signalingB) signal(FLOAT_INVALID);
  if (!isNan(B)) quieted(A);
  else if (!isNan(A)) quieted(B);
  else if (signalingA != signalingB) quieted(signalingA ? B : A);
  else quieted(largerIsA() ? A : B);
  return true;
}

function largerIsA(): bool {
  const a = significand(A) | QUIET_BIT;
  const b = significand(B) | QUIET_BIT;
  return a != b ? a > b : !negative(A);
}

export function noteDenormals(): void {
  if (isDenormal(A) || isDenormal(B)) signal(FLOAT_DENORMAL);
}
export function noteDenormal(): void {
  if (isDenormal(A)) signal(FLOAT_DENORMAL);
}
