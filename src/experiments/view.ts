/**
 * Plain data that pages, the command line and tests see of a running machine. Everything here survives a structured
 * clone.
 */

import type { MemoryMode as HardwareMemoryMode } from "../hypervisor/parts.js";
import type { Ring } from "../trace/events.js";

export type { Ring, RingSpan, TraceEvent, TraceKind } from "../trace/events.js";

export type CpuMode = "native" | "vtx" | "bt" | "pv";
/** How the memory of a VM is virtualised: by nested or shadow paging, or not at all, but looked at (paravirtualisation). */
export type MemoryMode = HardwareMemoryMode | "direct";

/** How a run ended, and the exit status of `ring1 run`. */
export interface Ending {
  kind:
    | "power-off"
    | "reset"
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
  /**
   * Steps since reset: guest instructions, exits, handled exits and waits. It tells an exit that waits for its handler
   * from the guest that follows it. Without it, a moment is the first state with these counts.
   */
  position?: number;
}

/** The machine as it stands now. */
export interface MachineView {
  cpuMode: CpuMode;
  /** Of a VM, how its memory is virtualised; null in native mode. */
  memoryMode: MemoryMode | null;
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
  exit: {
    number: number;
    reason: number;
    name: string;
    qualification: bigint;
    instructionLength: number;
  } | null;
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

/**
 * What became of an instruction in the translation: the same bytes · the same with another address · a jump, call or return
 * that goes on in the cache · a few instructions on the guest's copy of the state · a call of the monitor · the way out of a
 * conditional jump that the block goes past.
 */
export type TranslationKind = "identical" | "relocated" | "jump" | "emulated" | "call-out" | "exit";

/** One instruction of the guest and what it became. */
export interface TranslatedRow {
  /** Linear address in the guest; null behind the last, where the exits of conditional jumps are. */
  address: bigint | null;
  guest: string;
  kind: TranslationKind;
  /** Offset in the cache, and what the monitor is called for, if it is. Addresses in the cache stand there by name. */
  code: { offset: number; text: string; callOut: string | null }[];
}

/** A stretch of guest code and its translation. */
export interface TranslatedBlock {
  /** From 1, in the order of making. */
  number: number;
  address: bigint;
  bits: 32 | 64;
  /** Of the translation, in the cache. */
  offset: number;
  bytes: number;
  /** False: its guest code has changed, and nothing leads here any more. */
  alive: boolean;
  /** Indirect jumps find it by the table. */
  inTable: boolean;
  rows: TranslatedRow[];
  /** Ways out by direct jumps: `to` is the number of the block that the exit is chained to, or null. */
  exits: { offset: number; target: bigint; conditional: boolean; to: number | null }[];
}

/** The translation cache of a VM under binary translation. */
export interface TranslationsView {
  blocks: TranslatedBlock[];
  /** Offset in the cache at which the processor stands, or stood when it left; −1: elsewhere. */
  at: number;
  /** Number of the block there. */
  current: number | null;
  /** Blocks that have lost their guest code so far. */
  dropped: number;
}
