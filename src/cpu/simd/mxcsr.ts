/**
 * MXCSR and SIMD floating-point exceptions (SDM Vol. 1, 10.2.3, 11.5).
 */
import { CR4, MXCSR } from '../../spec/cpu-state';
import { CR4_OSXMMEXCPT } from '../../spec/control-bits';
import {
  FLOAT_DENORMAL, FLOAT_EXCEPTIONS, FLOAT_INVALID, FLOAT_PRECISION, FLOAT_ZERO_DIVIDE, MXCSR_DAZ, MXCSR_DEFINED, MXCSR_FTZ,
  MXCSR_MASKS_SHIFT, MXCSR_ROUNDING_SHIFT,
} from '../../spec/float-bits';
import { GENERAL_PROTECTION, INVALID_OPCODE, SIMD_ERROR } from '../../spec/vectors';
import { faultPending, NONE, raise } from '../fault';
import { begin, found, masks } from '../float/environment';
import { readOperand, writeOperand } from '../operands';
import { sseReady } from './access';

/** Found before anything is computed; an unmasked one keeps the others from being looked for (11.5.3.2). */
const BEFORE: u32 = FLOAT_INVALID | FLOAT_DENORMAL | FLOAT_ZERO_DIVIDE;
const ALL_MASKED: u32 = FLOAT_EXCEPTIONS << MXCSR_MASKS_SHIFT;
const ROUNDING: u32 = 3 << MXCSR_ROUNDING_SHIFT;

/** All masked, rounding to nearest, the precision flag set already: an inexact result changes nothing. */
@inline
export function unobserved(): bool {
  return (load<u32>(MXCSR) & (ALL_MASKED | ROUNDING | FLOAT_PRECISION)) == (ALL_MASKED | FLOAT_PRECISION);
}

export function beginSimd(): void {
  const word = load<u32>(MXCSR);
  begin((word >> MXCSR_ROUNDING_SHIFT) & 3, (word >> MXCSR_MASKS_SHIFT) & FLOAT_EXCEPTIONS, (word & MXCSR_FTZ) != 0, (word & MXCSR_DAZ) != 0);
}

/** Nothing more is to be computed: an operand has an unmasked exception. */
@inline export function stopped(): bool { return (found & ~masks & BEFORE) != 0; }

/** What was found goes into MXCSR; false with #XM, or #UD where CR4.OSXMMEXCPT is clear. */
export function settle(): bool {
  if (found == 0) return true;
  const unmasked = found & ~masks;
  store<u32>(MXCSR, load<u32>(MXCSR) | (unmasked & BEFORE ? found & BEFORE : found));
  if (unmasked == 0) return true;
  raise((load<u32>(CR4) & CR4_OSXMMEXCPT) != 0 ? SIMD_ERROR : INVALID_OPCODE);
  return false;
}

export function ldmxcsr(op: usize): void {
  if (!sseReady()) return;
  const word = <u32>readOperand(op, 4);
  if (faultPending != NONE) return;
  if (word & ~MXCSR_DEFINED) return raise(GENERAL_PROTECTION, 0);
  store<u32>(MXCSR, word);
}

export function stmxcsr(op: usize): void {
  if (sseReady()) writeOperand(op, 4, load<u32>(MXCSR));
}
