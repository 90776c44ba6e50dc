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

export interface Preset {
  /** Model in words. */
  title: string;
  /** Cycles per second, Hz. */
  frequency: number;
  /** It has extended page tables (from Nehalem on, 2008): experiments do not put nested paging on one without. */
  nestedPaging: boolean;
  costs: Costs;
}

/**
 * A legacy port takes as long as its bus, whatever the core's clock: 3209 cycles at 3.8 GHz (IN from port 0x80, Adams &
 * Agesen, ASPLOS 2006, figure 4), which is 844 ns.
 */
const PORT_SECONDS = 3209 / 3.8e9;
const portCycles = (frequency: number): number => Math.round(PORT_SECONDS * frequency);

export const PRESETS = {
  skylake: {
    title: "Skylake server, 3.0 GHz",
    frequency: 3_000_000_000,
    nestedPaging: true,
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
  },
  nehalem: {
    title: "Nehalem server, 2.93 GHz",
    frequency: 2_930_000_000,
    nestedPaging: true,
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
  },
  "core2-duo": {
    title: "Core 2 Duo, 2.66 GHz",
    frequency: 2_660_000_000,
    nestedPaging: false,
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
  },
  "pentium4-672": {
    title: "Pentium 4 672, 3.8 GHz",
    frequency: 3_800_000_000,
    nestedPaging: false,
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

/** Fills the COST fields of the state window. */
export function applyCosts(processor: Pick<Processor, "write32">, costs: Costs): void {
  for (const name of Object.keys(FIELDS) as (keyof Costs)[]) processor.write32(FIELDS[name], costs[name]);
}
