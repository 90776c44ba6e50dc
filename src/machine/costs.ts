import * as S from "../spec/cpu-state.js";
import type { Processor } from "./processor.js";

/**
 * What the processor charges for an event, in cycles. Each number says where it comes from: a published measurement,
 * something derived from one, or an assumption.
 */
export interface Costs {
  vmEntry: number;
  vmExit: number;
  /** One memory reference of a page walk, either dimension. */
  walkReference: number;
  /** Delivery of an exception or interrupt through the IDT. */
  delivery: number;
  /** One VMREAD or VMWRITE. */
  vmcsAccess: number;
  /** SYSCALL or SYSRET. */
  syscall: number;
  iret: number;
  /** A port read or write that reaches the board. */
  port: number;
}

/** What instructions take beside their cycles, on a processor that does nothing else meanwhile. */
export interface Stalls {
  /** What reading memory adds to a general-purpose instruction. */
  load: number;
  /** What CALL, RET, LOOP, JCXZ and an indirect JMP take beside. */
  transfer: number;
  /** MOV to CR8, beside the instruction. */
  taskPriority: number;
  /** MFENCE, beside the instruction. */
  fence: number;
  /** A look at what the VMCS says of an exception, or at the virtual-APIC page for MOV to CR8, by a processor that keeps neither. */
  guestControl: number;
}

export interface Preset {
  /** Model in words. */
  title: string;
  /** Cycles per second, Hz. */
  frequency: number;
  /** It has extended page tables (from Nehalem on, 2008): experiments do not put nested paging on one without. */
  nestedPaging: boolean;
  /**
   * Cycles that a large program takes for the same work, as a multiple of Skylake's: what one cycle for each instruction leaves out,
   * such as mispredicted branches and misses of the caches. It counts for a hypervisor's own code, which is not simulated.
   */
  pace: number;
  costs: Costs;
  stalls: Stalls;
}

/**
 * A legacy port takes as long as its bus, whatever the core's clock: 3209 cycles at 3.8 GHz (IN from port 0x80, Adams &
 * Agesen, ASPLOS 2006, figure 4), which is 844 ns.
 */
const PORT_SECONDS = 3209 / 3.8e9;
const portCycles = (frequency: number): number => Math.round(PORT_SECONDS * frequency);

/**
 * Assumption: a processor that executes other instructions meanwhile hides its loads and transfers, and one cycle for each
 * instruction is what remains.
 */
const OUT_OF_ORDER: Stalls = { load: 0, transfer: 0, taskPriority: 0, fence: 0, guestControl: 0 };

export const PRESETS = {
  skylake: {
    title: "Skylake server, 3.0 GHz",
    frequency: 3_000_000_000,
    nestedPaging: true,
    pace: 1,
    costs: {
      // VMCALL under KVM takes 1529–1559 cycles, its handler included (KVM mailing list, 2020). The middle, 1544, less
      // ten VMCS accesses of the handler (Adams & Agesen, 7.1), is shared out evenly: the halves are an assumption.
      vmEntry: 672,
      vmExit: 672,
      // Assumption: between an L1 hit (4) and an L2 hit (14).
      walkReference: 10,
      // Assumption: a fault and its IRET take about 400 cycles together.
      delivery: 250,
      // Assumption: VMREAD and VMWRITE became about as cheap as an L2 hit with VMCS caching.
      vmcsAccess: 20,
      // Assumption: SYSCALL and SYSRET take about 90 cycles together, without mitigations.
      syscall: 45,
      // Assumption: see delivery.
      iret: 150,
      // Derived: see portCycles.
      port: portCycles(3_000_000_000),
    },
    stalls: OUT_OF_ORDER,
  },
  nehalem: {
    title: "Nehalem server, 2.93 GHz",
    frequency: 2_930_000_000,
    nestedPaging: true,
    // Assumption: between Core 2 and Skylake.
    pace: 1.2,
    costs: {
      // Round trip 1009 (Agesen et al., USENIX ATC 2012, from memory), shared out evenly: the halves are an assumption.
      vmEntry: 505,
      vmExit: 504,
      // Assumption: an L1 or L2 hit.
      walkReference: 10,
      // Assumption: between Core 2 and Skylake, as what follows but the port.
      delivery: 300,
      vmcsAccess: 35,
      syscall: 50,
      iret: 170,
      // Derived: see portCycles.
      port: portCycles(2_930_000_000),
    },
    stalls: OUT_OF_ORDER,
  },
  "core2-duo": {
    title: "Core 2 Duo, 2.66 GHz",
    frequency: 2_660_000_000,
    nestedPaging: false,
    // Assumption: between the Pentium 4 and Skylake, nearer to this one, whose line it began.
    pace: 1.5,
    costs: {
      // Adams & Agesen, table 1: VM entry, page-fault exit.
      vmEntry: 937,
      vmExit: 1186,
      // Assumption: an L1 or L2 hit.
      walkReference: 10,
      // Assumption.
      delivery: 350,
      // Adams & Agesen, table 1: middle of VMCS read 52 and write 44.
      vmcsAccess: 48,
      // Assumption.
      syscall: 60,
      // Assumption.
      iret: 200,
      // Derived: see portCycles.
      port: portCycles(2_660_000_000),
    },
    stalls: OUT_OF_ORDER,
  },
  "pentium4-672": {
    title: "Pentium 4 672, 3.8 GHz",
    frequency: 3_800_000_000,
    nestedPaging: false,
    // Derived: under VT-x a store to a page-table entry takes 12 733 cycles (Adams & Agesen, figure 4), of which exit, entry and
    // VMCS accesses leave 4.6 times the 1250 that a page fault's handler and an emulated instruction are taken for on Skylake.
    pace: 4.6,
    costs: {
      // Adams & Agesen, table 1: VM entry, page-fault exit.
      vmEntry: 2409,
      vmExit: 1931,
      // Assumption: a 1.8 ns L2 hit.
      walkReference: 27,
      // Derived: divzero takes 889 native cycles (figure 4), shared between delivery and IRET.
      delivery: 500,
      // Adams & Agesen, table 1: middle of VMCS read 178 and write 171.
      vmcsAccess: 175,
      // Adams & Agesen, figure 4: half of 242 for both.
      syscall: 121,
      // Derived: see delivery.
      iret: 389,
      // Adams & Agesen, figure 4: IN from port 0x80.
      port: 3209,
    },
    stalls: {
      // Assumption: a value that has just been stored comes back after so long.
      load: 6,
      // Derived: CALL and RET take 11 cycles together (figure 4), of which 3 are theirs and 6 the load of RET.
      transfer: 1,
      // Derived: MOV to CR8 takes 150 cycles (figure 4), of which 40 are any control register's.
      taskPriority: 110,
      // Derived: a translated IN takes 216 cycles (figure 4), of which the rest are a load and MFENCE's own.
      fence: 189,
      // Assumption: one reference to memory.
      guestControl: 27,
    },
  },
} as const satisfies Record<string, Preset>;

export type PresetName = keyof typeof PRESETS;

const FIELDS = {
  vmEntry: S.COST_VM_ENTRY,
  vmExit: S.COST_VM_EXIT,
  walkReference: S.COST_WALK_REFERENCE,
  delivery: S.COST_DELIVERY,
  vmcsAccess: S.COST_VMCS_ACCESS,
  syscall: S.COST_SYSCALL,
  iret: S.COST_IRET,
  port: S.COST_PORT,
} as const satisfies Record<keyof Costs, number>;

const STALL_FIELDS = {
  load: S.COST_LOAD,
  transfer: S.COST_TRANSFER,
  taskPriority: S.COST_TASK_PRIORITY,
  fence: S.COST_FENCE,
  guestControl: S.COST_GUEST_CONTROL,
} as const satisfies Record<keyof Stalls, number>;

/** Fills the COST fields of the state window. */
export function applyCosts(processor: Pick<Processor, "write32">, costs: Costs): void {
  for (const name of Object.keys(FIELDS) as (keyof Costs)[]) processor.write32(FIELDS[name], costs[name]);
}

/** The same for stalls. */
export function applyStalls(processor: Pick<Processor, "write32">, stalls: Stalls): void {
  for (const name of Object.keys(STALL_FIELDS) as (keyof Stalls)[])
    processor.write32(STALL_FIELDS[name], stalls[name]);
}
