import * as R from "../spec/exit-reasons.js";

/**
 * Cycles of the hypervisor's own code by kind of exit, beside what the processor charges for VM exit and entry, VMCS
 * accesses and ports; on Skylake, other processors take their pace times as many. All of them are assumptions: with the exit, the entry and about ten VMCS accesses, a CPUID comes
 * to about 1700 cycles, between the 1529–1559 of a VMCALL under KVM on Skylake (KVM mailing list, 2020) and the 2600 of
 * a CPUID under KVM in 2010 (Ben-Yehuda et al., "Turtles", OSDI 2010).
 */
const DISPATCH = 150;

/** By what the handler has to do: look something up, decide about a register, go through a device model, map memory. */
const BY_REASON: Readonly<Record<number, number>> = {
  [R.CPUID]: 100,
  [R.HLT]: 100,
  [R.RDMSR]: 100,
  [R.WRMSR]: 150,
  [R.CONTROL_REGISTER_ACCESS]: 300,
  // A device is found by its port and does its work. Where another process does it, such an exit takes 12 000 cycles, of which a
  // CPUID's are 2600 ("Turtles").
  [R.IO_INSTRUCTION]: 1000,
  [R.EXTERNAL_INTERRUPT]: 300,
  [R.INTERRUPT_WINDOW]: 100,
  [R.EPT_VIOLATION]: 600,
  [R.EXCEPTION_OR_NMI]: 600,
  [R.INVLPG]: 150,
};
const OTHER = 100;

/** Decoding and executing one instruction in software: an assumption, about fifty times what the processor takes. */
export const EMULATION_CYCLES = 500;

/** One entry of a page table looked at, and its shadow brought into step. Assumption: as long as a validated update, below. */
export const ENTRY_CYCLES = 60;

/** Cycles that handling one exit takes: saving and restoring registers, the table, the handler. */
export function handlerCycles(reason: number): number {
  return DISPATCH + (BY_REASON[reason] ?? OTHER);
}

/**
 * Of a hypercall, beside the gate, IRETQ and ports that the processor charges: finding and checking it, one request of a list,
 * and the entries of a page that becomes a table or stops being one. Assumptions too: a validated update takes about what the
 * 1.3 µs that a page fault costs more under Xen (Barham et al., SOSP 2003: 2.73 against 1.42 µs at 2.4 GHz) leave for one.
 */
export const HYPERCALL_CYCLES = 100;
export const REQUEST_CYCLES = ENTRY_CYCLES;
export const TABLE_CYCLES = 1500;
/** An exception or system call that is passed on to the kernel of the guest. */
export const BOUNCE_CYCLES = 150;
