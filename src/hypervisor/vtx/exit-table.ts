import * as R from "../../spec/exit-reasons.js";
import type { VmExitHandler } from "../vm-vcpu.js";
import { controlRegisterAccess } from "./exits/control-register.js";
import { cpuid } from "./exits/cpuid.js";
import { eptMisconfiguration, eptViolation } from "./exits/ept-violation.js";
import { externalInterrupt } from "./exits/external-interrupt.js";
import { hlt } from "./exits/hlt.js";
import { interruptWindow, priorityLowered } from "./exits/interrupt-window.js";
import { invlpg, invpcid } from "./exits/invalidation.js";
import { ioInstruction } from "./exits/io.js";
import { rdmsr, wrmsr } from "./exits/msr.js";
import { exceptionOrNmi } from "./exits/page-fault.js";
import { invalidOpcode, noOperation, tripleFault, unexpected } from "./exits/refused.js";
import { rdtsc, rdtscp } from "./exits/time.js";
import { xsetbv } from "./exits/xsetbv.js";

/** Name of a basic exit reason, as the manual's table writes it. */
export type ExitReasonName = keyof typeof R;
/** Number of a basic exit reason. */
export type ExitReasonNumber = (typeof R)[ExitReasonName];

// #region exit-table
/** One handler for every basic exit reason (SDM Vol. 3, Appendix C). The type makes a missing one a compile error. */
export const EXIT_TABLE = {
  [R.EXCEPTION_OR_NMI]: exceptionOrNmi,
  [R.EXTERNAL_INTERRUPT]: externalInterrupt,
  [R.TRIPLE_FAULT]: tripleFault,
  [R.INTERRUPT_WINDOW]: interruptWindow,
  [R.TPR_BELOW_THRESHOLD]: priorityLowered,
  [R.CPUID]: cpuid,
  [R.HLT]: hlt,
  [R.INVLPG]: invlpg,
  [R.RDTSC]: rdtsc,
  [R.CONTROL_REGISTER_ACCESS]: controlRegisterAccess,
  [R.IO_INSTRUCTION]: ioInstruction,
  [R.RDMSR]: rdmsr,
  [R.WRMSR]: wrmsr,
  [R.EPT_VIOLATION]: eptViolation,
  [R.EPT_MISCONFIGURATION]: eptMisconfiguration,
  [R.RDTSCP]: rdtscp,
  [R.INVPCID]: invpcid,
  [R.INVD]: noOperation,
  [R.WBINVD]: noOperation,
  [R.PAUSE]: noOperation,
  [R.XSETBV]: xsetbv,
  ...instructionsOfVmx(),
  ...neverAskedFor(),
} satisfies Record<ExitReasonNumber, VmExitHandler>;
// #endregion

/** The guest's CPUID shows neither VMX nor SMX: their instructions do not exist for it. */
function instructionsOfVmx() {
  return {
    [R.GETSEC]: invalidOpcode,
    [R.VMCALL]: invalidOpcode,
    [R.VMCLEAR]: invalidOpcode,
    [R.VMLAUNCH]: invalidOpcode,
    [R.VMPTRLD]: invalidOpcode,
    [R.VMPTRST]: invalidOpcode,
    [R.VMREAD]: invalidOpcode,
    [R.VMRESUME]: invalidOpcode,
    [R.VMWRITE]: invalidOpcode,
    [R.VMXOFF]: invalidOpcode,
    [R.VMXON]: invalidOpcode,
    [R.INVEPT]: invalidOpcode,
    [R.INVVPID]: invalidOpcode,
    [R.VMFUNC]: invalidOpcode,
  };
}

/** Exits that need a control or an event that this hypervisor does not use. */
function neverAskedFor() {
  return {
    [R.INIT_SIGNAL]: unexpected("INIT_SIGNAL", "an INIT signal, which this board does not send"),
    [R.STARTUP_IPI]: unexpected("STARTUP_IPI", "a second processor"),
    [R.IO_SMI]: unexpected("IO_SMI", "system-management mode"),
    [R.OTHER_SMI]: unexpected("OTHER_SMI", "system-management mode"),
    [R.NMI_WINDOW]: unexpected("NMI_WINDOW", "NMI-window exiting"),
    [R.TASK_SWITCH]: unexpected(
      "TASK_SWITCH",
      "the emulation of hardware task switches, which this hypervisor lacks",
    ),
    [R.RDPMC]: unexpected("RDPMC", "RDPMC exiting"),
    [R.RSM]: unexpected("RSM", "system-management mode"),
    [R.MOV_DR]: unexpected("MOV_DR", "MOV-DR exiting"),
    [R.ENTRY_FAILURE_GUEST_STATE]: unexpected(
      "ENTRY_FAILURE_GUEST_STATE",
      "a guest state that VM entry refuses",
    ),
    [R.ENTRY_FAILURE_MSR_LOADING]: unexpected("ENTRY_FAILURE_MSR_LOADING", "a VM-entry MSR-load area"),
    [R.MWAIT]: unexpected("MWAIT", "MWAIT exiting"),
    [R.MONITOR_TRAP_FLAG]: unexpected("MONITOR_TRAP_FLAG", "the monitor trap flag"),
    [R.MONITOR]: unexpected("MONITOR", "MONITOR exiting"),
    [R.ENTRY_FAILURE_MACHINE_CHECK]: unexpected("ENTRY_FAILURE_MACHINE_CHECK", "a machine check"),
    [R.APIC_ACCESS]: unexpected("APIC_ACCESS", "virtualized APIC accesses"),
    [R.VIRTUALIZED_EOI]: unexpected("VIRTUALIZED_EOI", "virtual-interrupt delivery"),
    [R.GDTR_IDTR_ACCESS]: unexpected("GDTR_IDTR_ACCESS", "descriptor-table exiting"),
    [R.LDTR_TR_ACCESS]: unexpected("LDTR_TR_ACCESS", "descriptor-table exiting"),
    [R.PREEMPTION_TIMER]: unexpected("PREEMPTION_TIMER", "the VMX-preemption timer"),
    [R.APIC_WRITE]: unexpected("APIC_WRITE", "APIC-register virtualization"),
    [R.RDRAND]: unexpected("RDRAND", "RDRAND exiting"),
    [R.ENCLS]: unexpected("ENCLS", "ENCLS exiting"),
    [R.RDSEED]: unexpected("RDSEED", "RDSEED exiting"),
    [R.PAGE_MODIFICATION_LOG_FULL]: unexpected("PAGE_MODIFICATION_LOG_FULL", "page-modification logging"),
    [R.XSAVES]: unexpected("XSAVES", "an XSS-exiting bitmap"),
    [R.XRSTORS]: unexpected("XRSTORS", "an XSS-exiting bitmap"),
  };
}
