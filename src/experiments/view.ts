/**
 * Plain data that pages, the command line and tests see of a running machine. Everything here survives a structured
 * clone.
 */

export type CpuMode = "native" | "vtx";

/** Who has the processor: user code, the guest kernel (or any ring 1–2), or the hypervisor at ring −1. */
export type Ring = -1 | 0 | 1 | 2 | 3;

/** How a run ended, and the exit status of `ring1 run`. */
export interface Ending {
  kind:
    | "power-off"
    | "debug-exit"
    | "halted"
    | "triple-fault"
    | "entry-failure"
    | "part-error"
    | "budget-exhausted";
  status: number;
  /** One or two sentences: what happened, the value, what to do next. */
  message: string;
}

export interface RegisterView {
  name: string;
  /** Unsigned. */
  value: bigint;
  /** Bits: 16, 32 or 64. */
  width: number;
}

export interface VmcsFieldView {
  encoding: number;
  /** Name as in spec/vmcs-fields. */
  name: string;
  group: "control" | "read-only" | "guest" | "host";
  value: bigint;
  /** Bits: 16, 32 or 64. */
  width: number;
}

export interface ExitCount {
  reason: number;
  name: string;
  count: number;
  /** Cycles from these exits to the entries that ended them. */
  cycles: number;
}

/** A moment of a run, reproducible: the machine is deterministic. */
export interface Moment {
  /** Guest instructions retired since reset. */
  instructions: number;
  /** VM exits since reset, the one being handled included. */
  exits: number;
}

/** The machine as it stands now. */
export interface MachineView {
  cpuMode: CpuMode;
  moment: Moment;
  /** Cycles of the simulated processor since reset. */
  cycles: number;
  ring: Ring;
  /**
   * ready: nothing ran yet · guest: paused between two guest instructions · hypervisor: an exit has happened and its
   * handler has not run yet · ended.
   */
  phase: "ready" | "guest" | "hypervisor" | "ended";
  /** The phase in words, e.g. "paused in the hypervisor, exit 17: HLT". */
  words: string;
  /** The exit that waits for its handler, in phase "hypervisor". */
  exit: { number: number; reason: number; name: string; qualification: bigint; instructionLength: number } | null;
  /** RAX … R15, RIP, RFLAGS, CR0, CR2, CR3, CR4, CR8, EFER. */
  registers: RegisterView[];
  segments: { name: string; selector: number; base: bigint; limit: number; rights: number }[];
  /** Null in native mode. */
  vmcs: VmcsFieldView[] | null;
  /** Whole console output so far. */
  console: string;
  exits: ExitCount[];
  /** Number of trace records written so far; records [max(0, n − 65536), n) can be read. */
  traceCount: number;
  ending: Ending | null;
}

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
