/**
 * Exception vectors (SDM Vol. 3, 6.3.1, table 6-1).
 * @module
 */
export const DIVIDE_ERROR = 0;
export const DEBUG = 1;
export const NMI = 2;
export const BREAKPOINT = 3;
export const OVERFLOW = 4;
export const BOUND_RANGE = 5;
export const INVALID_OPCODE = 6;
export const DEVICE_NOT_AVAILABLE = 7;
export const DOUBLE_FAULT = 8;
export const INVALID_TSS = 10;
export const SEGMENT_NOT_PRESENT = 11;
export const STACK_FAULT = 12;
export const GENERAL_PROTECTION = 13;
export const PAGE_FAULT = 14;
export const X87_ERROR = 16;
export const ALIGNMENT_CHECK = 17;
export const MACHINE_CHECK = 18;
export const SIMD_ERROR = 19;
