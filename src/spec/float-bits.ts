/**
 * Bits of MXCSR (SDM Vol. 1, 10.2.3) and of the x87 status and control words (8.1.3, 8.1.5). The six exceptions have the
 * same places in MXCSR and in the status word; their masks are at bit 7 of MXCSR and bit 0 of the control word.
 * @module
 */
export const FLOAT_INVALID = 1 << 0;
export const FLOAT_DENORMAL = 1 << 1;
export const FLOAT_ZERO_DIVIDE = 1 << 2;
export const FLOAT_OVERFLOW = 1 << 3;
export const FLOAT_UNDERFLOW = 1 << 4;
export const FLOAT_PRECISION = 1 << 5;
export const FLOAT_EXCEPTIONS = 0x3f;

export const MXCSR_DAZ = 1 << 6;
export const MXCSR_MASKS_SHIFT = 7;
export const MXCSR_ROUNDING_SHIFT = 13;
export const MXCSR_FTZ = 1 << 15;
export const MXCSR_DEFINED = 0xffff;
export const MXCSR_DEFAULT = 0x1f80;

/** Rounding control: to nearest even, down, up, toward zero (4.8.4). */
export const ROUND_NEAREST = 0;
export const ROUND_DOWN = 1;
export const ROUND_UP = 2;
export const ROUND_TO_ZERO = 3;

export const STATUS_STACK_FAULT = 1 << 6;
export const STATUS_SUMMARY = 1 << 7;
export const STATUS_C0 = 1 << 8;
export const STATUS_C1 = 1 << 9;
export const STATUS_C2 = 1 << 10;
export const STATUS_TOP = 7 << 11;
export const STATUS_TOP_SHIFT = 11;
export const STATUS_C3 = 1 << 14;
export const STATUS_BUSY = 1 << 15;

export const CONTROL_PRECISION = 3 << 8;
export const CONTROL_PRECISION_SHIFT = 8;
export const CONTROL_ROUNDING_SHIFT = 10;
/** After FNINIT: everything masked, extended precision, to nearest. */
export const CONTROL_DEFAULT = 0x37f;
