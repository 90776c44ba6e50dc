/**
 * Why a guest left for a monitor that owns ring 0. The numbers continue those of the basic VM-exit reasons
 * (spec/exit-reasons), so that one column of a report holds both.
 * @module
 */
/** + vector: an exception, an interrupt of the machine, or INT n, delivered through the monitor's IDT. */
export const MONITOR_VECTOR = 0x100;
export const MONITOR_SYSCALL = 0x200;
export const MONITOR_SYSENTER = 0x201;
/** + number: a hypercall (spec/hypercalls). Between lie the call-outs of spec/call-outs. */
export const MONITOR_HYPERCALL = 0x400;
/** A hypercall of a number that there is not. */
export const MONITOR_UNKNOWN_HYPERCALL = 0x4ff;
