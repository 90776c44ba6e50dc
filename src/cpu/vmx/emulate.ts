/**
 * The hypervisor's instruction emulator: one instruction of the guest of the current VMCS, executed by software in root
 * operation. It is the processor's own decoder and instruction table, so that there is no second one; what makes it software is
 * that guest-physical addresses which EPT does not map are answered by the hypervisor's device models (board.ts,
 * emulatedRead and emulatedWrite) instead of by a VM exit, and that it costs the cycles of no VM entry or exit.
 *
 * For a guest without EPT the hypervisor hands over what it keeps of the guest elsewhere: its own paging registers, whose place in
 * the VMCS shadow paging takes, and a map of guest-physical memory in the form of EPT structures (EMULATED_MAP).
 */
import {
  CR0, CR3, CR4, EMULATED_CR0, EMULATED_CR3, EMULATED_CR4, EMULATED_EFER, EMULATED_MAP, EMULATED_PDPTES, INSTRUCTIONS,
  MONITOR, MSR_EFER, PDPTES, RFLAGS, VMX_NON_ROOT, VMX_OPERATION, VMX_ROOT,
} from '../../spec/cpu-state';
import { DR6_BS, FLAG_TF } from '../../spec/control-bits';
import * as field from '../../spec/vmcs-fields';
import { INTERRUPTION_VALID } from '../../spec/vmx-controls';
import { discardTraps } from '../debug';
import { setEmulating, setEptPointer } from '../ept';
import { deliverPending, refreshAttention, settleShadow, shadowLoaded } from '../events';
import { faultPending, NONE } from '../fault';
import { modeChanged } from '../mode';
import { runOne } from '../run';
import { flushEptContext } from '../tlb-contexts';
import { cr0Mask, cr4Mask, dropControls, emulateWithMap, loadControls } from './controls';
import { EXITED, FAILED_INVALID, inject, SUCCEEDED } from './entry';
import { loadGuestState, saveGuestState } from './guest-state';
import { loadHostState } from './host-state';
import { enterGuestTlb, leaveGuestTlb } from './tagging';
import { readField, readField32, vmcsRegion, writeField } from './vmcs';

// #region emulate-instruction
/**
 * An event that waits to be injected comes before the instruction, as at VM entry.
 *
 * SUCCEEDED when the guest's state is that after the instruction, or at the first of its exception's handler; EXITED when it caused a VM exit.
 */
export function emulateInstruction(): i32 {
  if (vmcsRegion == 0 || load<u32>(VMX_OPERATION) != VMX_ROOT || load<u32>(MONITOR) == 0) return FAILED_INVALID;
  const map = load<u64>(EMULATED_MAP);
  loadControls();
  if (map != 0) emulateWithMap(map);
  loadGuestState();
  if (map != 0) loadOwnPaging();
  enterGuestTlb();
  if (map != 0) flushEptContext(map);
  shadowLoaded();
  store<u32>(VMX_OPERATION, VMX_NON_ROOT);
  modeChanged();
  const before = load<u64>(INSTRUCTIONS);
  setEmulating(true);
  const information = readField32(field.ENTRY_INTERRUPTION_INFORMATION);
  if (information & <u32>INTERRUPTION_VALID) {
    writeField(field.ENTRY_INTERRUPTION_INFORMATION, information & ~<u32>INTERRUPTION_VALID);
    inject(information);
  } else runOne();
  if (map == 0) setEmulating(false);
  if (faultPending != NONE) deliverPending();
  setEmulating(false);
  if (load<u32>(VMX_OPERATION) != VMX_NON_ROOT) return EXITED;
  leave(load<u64>(INSTRUCTIONS) != before);
  return SUCCEEDED;
}
// #endregion

/** In place of those that the processor uses, and without what they would check. */
function loadOwnPaging(): void {
  store<u64>(CR0, load<u64>(EMULATED_CR0));
  store<u64>(CR3, load<u64>(EMULATED_CR3));
  store<u64>(CR4, load<u64>(EMULATED_CR4));
  store<u64>(MSR_EFER, load<u64>(EMULATED_EFER));
  memory.copy(PDPTES, EMULATED_PDPTES, 32);
}

/** The VMCS keeps its paging registers; bits of CR0 and CR4 that are the guest's alone may have changed. */
function leaveOwnPaging(): void {
  setEptPointer(0);
  store<u64>(CR0, (readField(field.GUEST_CR0) & cr0Mask) | (load<u64>(CR0) & ~cr0Mask));
  store<u64>(CR3, readField(field.GUEST_CR3));
  store<u64>(CR4, (readField(field.GUEST_CR4) & cr4Mask) | (load<u64>(CR4) & ~cr4Mask));
  store<u64>(MSR_EFER, readField(field.GUEST_IA32_EFER));
}

/** Back to the state of the hypervisor; `completed`: the instruction was, and what waits for its end is due. */
function leave(completed: bool): void {
  settleShadow();
  const stepping = completed && (load<u64>(RFLAGS) & FLAG_TF) != 0;
  if (load<u64>(EMULATED_MAP) != 0) leaveOwnPaging();
  saveGuestState(false);
  if (stepping) {
    writeField(field.GUEST_PENDING_DEBUG_EXCEPTIONS, readField(field.GUEST_PENDING_DEBUG_EXCEPTIONS) | DR6_BS);
  }
  discardTraps();
  dropControls();
  store<u32>(VMX_OPERATION, VMX_ROOT);
  loadHostState();
  leaveGuestTlb();
  refreshAttention();
}
