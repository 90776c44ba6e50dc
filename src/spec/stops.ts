/**
 * Why the processor's `run` returned.
 * @module
 */
/** The instruction budget is used up. */
export const STOP_BUDGET = 0;
/** CYCLES reached DEADLINE. */
export const STOP_DEADLINE = 1;
/** HLT: nothing to do until an interrupt; the board advances time. */
export const STOP_HALTED = 2;
/** A VM exit to a monitor outside simulated memory. */
export const STOP_VM_EXIT = 3;
/** Triple fault outside VMX non-root operation. */
export const STOP_SHUTDOWN = 4;
/** A device asked (power-off, debug exit). */
export const STOP_REQUESTED = 5;
/** Arrival at ring 0, which belongs to a monitor outside simulated memory. */
export const STOP_MONITOR = 6;
