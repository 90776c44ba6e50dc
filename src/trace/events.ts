/**
 * Plain data of a trace; survives a structured clone.
 * @module
 */

/** Who has the processor: user code, the guest kernel (or any ring 1–2), or the hypervisor at ring −1. */
export type Ring = -1 | 0 | 1 | 2 | 3;

/** Names of the trace-record kinds in spec/trace-records. */
export type TraceKind =
  | "VM_ENTRY"
  | "VM_EXIT"
  | "EXCEPTION"
  | "INTERRUPT"
  | "SYSCALL"
  | "SYSRET"
  | "IRET"
  | "CR_WRITE"
  | "PORT_READ"
  | "PORT_WRITE"
  | "HALT"
  | "UNIMPLEMENTED"
  | "SOFTWARE_INTERRUPT"
  | "FAR_TRANSFER"
  | "HANDLED"
  | "INJECTED"
  | "CONSOLE"
  | "TIMER";

export interface TraceEvent {
  /** Sequence number, from 0. */
  n: number;
  kind: TraceKind;
  processor: number;
  cycle: number;
  instructions: number;
  /** Ring after the event. */
  ring: Ring;
  /** Sequence number of the causing record. */
  cause: number;
  rip: bigint;
  /** Arguments by kind: see spec/trace-records. */
  a: bigint;
  b: bigint;
  c: bigint;
}

/** A stretch of time that one ring had the processor. */
export interface RingSpan {
  ring: Ring;
  /** Cycles, [start, end). */
  start: number;
  end: number;
  /** Sequence numbers of the records that opened and closed it; close is null for the running span. */
  open: number;
  close: number | null;
}
