import { startControl, startIdtLimit, startSegments, type StartState } from "../../machine/start-state.js";
import { CR0_NE, CR4_VMXE, FLAG_FIXED } from "../../spec/control-bits.js";
import * as F from "../../spec/vmcs-fields.js";
import { ACTIVITY_ACTIVE, ENTRY_IA32E_MODE_GUEST } from "../../spec/vmx-controls.js";
import type { VmxPort } from "./vmx-port.js";
import { REGISTER_NAMES } from "../vcpu.js";
import { CR0_OWNED } from "./exits/control-register.js";

const DR7_RESET = 0x400;
/** SDM 12.12.4, table 12-12. */
const PAT_RESET = 0x0007_0406_0007_0406n;
const NO_SHADOW_VMCS = 0xffff_ffff_ffff_ffffn;

// #region guest-start-state
/** Puts the start of an image into the guest-state area (SDM 25.4): what a boot loader would have left behind. */
export function writeGuestState(port: VmxPort, state: StartState): void {
  const { cr0, cr4, efer } = startControl(state.startMode);
  writeSegments(port, state);
  port.vmwrite(F.GUEST_CR0, BigInt((cr0 | CR0_NE) >>> 0));
  port.vmwrite(F.CR0_READ_SHADOW, BigInt(cr0));
  port.vmwrite(F.CR0_GUEST_HOST_MASK, BigInt(CR0_OWNED));
  port.vmwrite(F.GUEST_CR4, BigInt(cr4 | CR4_VMXE));
  port.vmwrite(F.CR4_READ_SHADOW, BigInt(cr4));
  port.vmwrite(F.CR4_GUEST_HOST_MASK, BigInt(CR4_VMXE));
  port.vmwrite(F.GUEST_CR3, BigInt(state.registers.cr3 ?? 0));
  port.vmwrite(F.GUEST_IA32_EFER, BigInt(efer));
  if (efer !== 0)
    port.vmwrite(F.ENTRY_CONTROLS, port.vmread(F.ENTRY_CONTROLS) | BigInt(ENTRY_IA32E_MODE_GUEST));
  port.vmwrite(F.GUEST_GDTR_BASE, BigInt(state.gdt?.base ?? 0));
  port.vmwrite(F.GUEST_GDTR_LIMIT, BigInt(state.gdt?.limit ?? 0));
  port.vmwrite(F.GUEST_IDTR_LIMIT, BigInt(startIdtLimit(state.startMode)));
  port.vmwrite(F.GUEST_IA32_PAT, PAT_RESET);
  port.vmwrite(F.GUEST_RFLAGS, BigInt(FLAG_FIXED));
  port.vmwrite(F.GUEST_DR7, BigInt(DR7_RESET));
  port.vmwrite(F.GUEST_ACTIVITY_STATE, BigInt(ACTIVITY_ACTIVE));
  port.vmwrite(F.GUEST_INTERRUPTIBILITY_STATE, 0n);
  port.vmwrite(F.GUEST_PENDING_DEBUG_EXCEPTIONS, 0n);
  port.vmwrite(F.ENTRY_INTERRUPTION_INFORMATION, 0n);
  port.vmwrite(F.VMCS_LINK_POINTER, NO_SHADOW_VMCS);
  port.vmwrite(F.GUEST_RIP, BigInt(state.entry));
  port.vmwrite(F.GUEST_RSP, BigInt(state.registers.rsp ?? 0));
}
// #endregion

/** The registers that VM entry does not load: they simply are the guest's. */
export function writeGuestRegisters(port: VmxPort, state: StartState): void {
  REGISTER_NAMES.forEach((name, number) => port.writeRegister(number, BigInt(state.registers[name] ?? 0)));
}

/** The fields of the eight segments lie 2 apart in the order of {@link startSegments}. */
function writeSegments(port: VmxPort, state: StartState): void {
  startSegments(state).forEach(({ selector, base, limit, rights }, i) => {
    port.vmwrite(F.GUEST_ES_SELECTOR + 2 * i, BigInt(selector));
    port.vmwrite(F.GUEST_ES_LIMIT + 2 * i, BigInt(limit));
    port.vmwrite(F.GUEST_ES_ACCESS_RIGHTS + 2 * i, BigInt(rights));
    port.vmwrite(F.GUEST_ES_BASE + 2 * i, BigInt(base));
  });
}
