/**
 * Power-on state (SDM Vol. 3, 10.1.1, table 10-1), and what must follow when the state window was replaced.
 */
import {
  ACTIVITY, CPU_STATE, CR0, CR2, CS, CURRENT_VMCS, DEADLINE, DR6, DR7, ES, GDTR_BASE, GDTR_LIMIT, GPR, IDTR_BASE, IDTR_LIMIT,
  INTERRUPTIBILITY, LDTR, MODE_STATE, MODE_STATE_BYTES, MSR_EFER, MSR_FEATURE_CONTROL, MSR_PAT, NMI_PENDING, RFLAGS, RIP,
  SEGMENTS, TR, VMX_NON_ROOT, VMX_OPERATION, VMXON_POINTER, COST_VM_ENTRY, CPL, MSR_MISC_ENABLE, MSR_APIC_BASE, X87_CONTROL,
  X87_TAGS, MXCSR, XCR0, EXTENDED_STATE_END,
} from '../spec/cpu-state';
import { CR0_CD, CR0_ET, CR0_NW, FLAG_FIXED } from '../spec/control-bits';
import { ACTIVITY_ACTIVE } from '../spec/vmx-controls';
import { clearStop, shadowLoaded } from './events';
import { clearFault } from './fault';
import { setFlags } from './flags';
import { modeChanged } from './mode';
import { NO_ADDRESS } from './physical';
import { writeSegment } from './segments';
import { dropControls, loadControls } from './vmx/controls';
import { reenterGuestTlb } from './vmx/tagging';
import { flushAllContexts } from './tlb-contexts';
import { vmcsChanged } from './vmx/vmcs';

/** RDX at reset: family, model, stepping. */
const SIGNATURE: u64 = 0x506e3;
const PAT_AT_RESET: u64 = 0x0007_0406_0007_0406;

/** Costs and trace settings belong to the board and stay. */
export function resetState(): void {
  memory.fill(CPU_STATE, 0, COST_VM_ENTRY - CPU_STATE);
  memory.fill(X87_CONTROL, 0, EXTENDED_STATE_END - X87_CONTROL);
  store<u16>(X87_CONTROL, 0x40);
  store<u8>(X87_TAGS, 0xff);
  store<u32>(MXCSR, 0x1f80);
  store<u64>(XCR0, 1);
  store<u64>(CR0, CR0_CD | CR0_NW);
  store<u64>(MSR_PAT, PAT_AT_RESET);
  store<u64>(MSR_APIC_BASE, 0xfee0_0900);
  store<u64>(MSR_MISC_ENABLE, 1);
  store<u64>(MSR_FEATURE_CONTROL, 5);
  store<u64>(VMXON_POINTER, NO_ADDRESS);
  store<u64>(CURRENT_VMCS, NO_ADDRESS);
  store<u64>(DEADLINE, u64.MAX_VALUE);
  dropControls();
  initialise();
}

/** INIT: what power-up does but for caches, the time-stamp counter and most MSRs, which stay (table 10-1). */
export function initialise(): void {
  memory.fill(GPR, 0, RFLAGS - GPR);
  store<u64>(GPR + 16, SIGNATURE);
  store<u64>(RIP, 0xfff0);
  store<u64>(CR0, (load<u64>(CR0) & (CR0_CD | CR0_NW)) | CR0_ET);
  memory.fill(CR2, 0, SEGMENTS - CR2);
  memory.fill(MODE_STATE, 0, MODE_STATE_BYTES);
  store<u64>(DR6, 0xffff_0ff0);
  store<u64>(DR7, 0x400);
  for (let i: u32 = ES; i < <u32>LDTR; i++) writeSegment(i, 0, 0, 0xffff, 0x93);
  writeSegment(CS, 0xf000, 0xffff_0000, 0xffff, 0x9b);
  writeSegment(LDTR, 0, 0, 0xffff, 0x82);
  writeSegment(TR, 0, 0, 0xffff, 0x8b);
  store<u64>(GDTR_BASE, 0);
  store<u32>(GDTR_LIMIT, 0xffff);
  store<u64>(IDTR_BASE, 0);
  store<u32>(IDTR_LIMIT, 0xffff);
  store<u64>(MSR_EFER, 0);
  store<u32>(ACTIVITY, ACTIVITY_ACTIVE);
  store<u32>(INTERRUPTIBILITY, 0);
  store<u32>(NMI_PENDING, 0);
  store<u32>(CPL, 0);
  setFlags(FLAG_FIXED);
  stateReplaced();
}

/** The window was written from outside (snapshot, another processor, a test): everything derived from it is made anew. */
export function stateReplaced(): void {
  clearFault();
  clearStop();
  vmcsChanged();
  flushAllContexts();
  if (load<u32>(VMX_OPERATION) == VMX_NON_ROOT) loadControls();
  else dropControls();
  reenterGuestTlb();
  modeChanged();
  shadowLoaded();
}
