/**
 * Every VMX control that the manual defines for this class of processor (SDM Vol. 3, 25.6–25.8), whether this processor
 * has it or not: that is what its capability MSRs say.
 * @module
 */
import * as msr from "./msrs.js";

/** The five vectors of controls, and the MSR whose bit 32 + n tells whether control n may be 1 (SDM appendix A). */
export const VMX_CONTROL_VECTORS = {
  "pin-based": {
    field: "PIN_BASED_CONTROLS",
    capability: msr.IA32_VMX_TRUE_PINBASED_CTLS,
    section: "25.6.1",
  },
  primary: { field: "PRIMARY_CONTROLS", capability: msr.IA32_VMX_TRUE_PROCBASED_CTLS, section: "25.6.2" },
  secondary: { field: "SECONDARY_CONTROLS", capability: msr.IA32_VMX_PROCBASED_CTLS2, section: "25.6.2" },
  exit: { field: "EXIT_CONTROLS", capability: msr.IA32_VMX_TRUE_EXIT_CTLS, section: "25.7.1" },
  entry: { field: "ENTRY_CONTROLS", capability: msr.IA32_VMX_TRUE_ENTRY_CTLS, section: "25.8.1" },
} as const;

export interface VmxControl {
  readonly vector: keyof typeof VMX_CONTROL_VECTORS;
  readonly bit: number;
  /** The manual's words. */
  readonly name: string;
}

function vector(name: VmxControl["vector"], controls: Readonly<Record<number, string>>): VmxControl[] {
  return Object.entries(controls).map(([bit, words]) => ({ vector: name, bit: Number(bit), name: words }));
}

export const VMX_CONTROLS: readonly VmxControl[] = [
  ...vector("pin-based", {
    0: "External-interrupt exiting",
    3: "NMI exiting",
    5: "Virtual NMIs",
    6: "Activate VMX-preemption timer",
    7: "Process posted interrupts",
  }),
  ...vector("primary", {
    2: "Interrupt-window exiting",
    3: "Use TSC offsetting",
    7: "HLT exiting",
    9: "INVLPG exiting",
    10: "MWAIT exiting",
    11: "RDPMC exiting",
    12: "RDTSC exiting",
    15: "CR3-load exiting",
    16: "CR3-store exiting",
    17: "Activate tertiary controls",
    19: "CR8-load exiting",
    20: "CR8-store exiting",
    21: "Use TPR shadow",
    22: "NMI-window exiting",
    23: "MOV-DR exiting",
    24: "Unconditional I/O exiting",
    25: "Use I/O bitmaps",
    27: "Monitor trap flag",
    28: "Use MSR bitmaps",
    29: "MONITOR exiting",
    30: "PAUSE exiting",
    31: "Activate secondary controls",
  }),
  ...vector("secondary", {
    0: "Virtualize APIC accesses",
    1: "Enable EPT",
    2: "Descriptor-table exiting",
    3: "Enable RDTSCP",
    4: "Virtualize x2APIC mode",
    5: "Enable VPID",
    6: "WBINVD exiting",
    7: "Unrestricted guest",
    8: "APIC-register virtualization",
    9: "Virtual-interrupt delivery",
    10: "PAUSE-loop exiting",
    11: "RDRAND exiting",
    12: "Enable INVPCID",
    13: "Enable VM functions",
    14: "VMCS shadowing",
    15: "Enable ENCLS exiting",
    16: "RDSEED exiting",
    17: "Enable PML",
    18: "EPT-violation #VE",
    19: "Conceal VMX from PT",
    20: "Enable XSAVES/XRSTORS",
    22: "Mode-based execute control for EPT",
    23: "Sub-page write permissions for EPT",
    24: "Intel PT uses guest physical addresses",
    25: "Use TSC scaling",
    26: "Enable user wait and pause",
    28: "Enable ENCLV exiting",
  }),
  ...vector("exit", {
    2: "Save debug controls",
    9: "Host address-space size",
    12: "Load IA32_PERF_GLOBAL_CTRL (at exit)",
    15: "Acknowledge interrupt on exit",
    18: "Save IA32_PAT",
    19: "Load IA32_PAT (at exit)",
    20: "Save IA32_EFER",
    21: "Load IA32_EFER (at exit)",
    22: "Save VMX-preemption timer value",
    23: "Clear IA32_BNDCFGS",
  }),
  ...vector("entry", {
    2: "Load debug controls",
    9: "IA-32e mode guest",
    10: "Entry to SMM",
    11: "Deactivate dual-monitor treatment",
    13: "Load IA32_PERF_GLOBAL_CTRL (at entry)",
    14: "Load IA32_PAT (at entry)",
    15: "Load IA32_EFER (at entry)",
    16: "Load IA32_BNDCFGS",
  }),
];
