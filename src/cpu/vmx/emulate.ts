/**
 * The hypervisor's instruction emulator: one instruction of the guest of the current VMCS, executed by software in root
 * operation. It is the processor's own decoder and instruction table, so that there is no second one; what makes it software is
 * that guest-physical addresses which EPT does not map are answered by the hypervisor's device models (board.ts,
 * emulatedRead and emulatedWrite) instead of by a VM exit, and that it costs the cycles of no VM entry or exit.
 */
import { INSTRUCTIONS, INTERRUPTIBILITY, MONITOR, RFLAGS, VMX_NON_ROOT, VMX_OPERATION, VMX_ROOT } from '../../spec/cpu-state';
import { DR6_BS, FLAG_TF } from '../../spec/control-bits';
import * as field from '../../spec/vmcs-fields';
import { BLOCKING_BY_MOV_SS, BLOCKING_BY_STI } from '../../spec/vmx-controls';
import { discardTraps } from '../debug';
import { setEmulating } from '../ept';
import { deliverPending, refreshAttention } from '../events';
import { faultPending, NONE } from '../fault';
import { modeChanged } from '../mode';
import { runOne } from '../run';
import { dropControls, loadControls } from './controls';
import { EXITED, FAILED_INVALID, SUCCEEDED } from './entry';
import { loadGuestState, saveGuestState } from './guest-state';
import { loadHostState } from './host-state';
import { enterGuestTlb, leaveGuestTlb } from './tagging';
import { readField, vmcsRegion, writeField } from './vmcs';

// #region emulate-instruction
/** SUCCEEDED when the guest's state is that after the instruction, or at the first of its exception's handler; EXITED when it caused a VM exit. */
export function emulateInstruction(): i32 {
  if (vmcsRegion == 0 || load<u32>(VMX_OPERATION) != VMX_ROOT || load<u32>(MONITOR) == 0) return FAILED_INVALID;
  loadControls();
  loadGuestState();
  enterGuestTlb();
  store<u32>(VMX_OPERATION, VMX_NON_ROOT);
  modeChanged();
  const before = load<u64>(INSTRUCTIONS);
  setEmulating(true);
  runOne();
  setEmulating(false);
  if (faultPending != NONE) deliverPending();
  if (load<u32>(VMX_OPERATION) != VMX_NON_ROOT) return EXITED;
  leave(load<u64>(INSTRUCTIONS) != before);
  return SUCCEEDED;
}
// #endregion

/** Back to the state of the hypervisor; `completed`: the instruction was, and what waits for its end is due. */
function leave(completed: bool): void {
  if (completed) {
    store<u32>(INTERRUPTIBILITY, load<u32>(INTERRUPTIBILITY) & ~(BLOCKING_BY_STI | BLOCKING_BY_MOV_SS));
  }
  const stepping = completed && (load<u64>(RFLAGS) & FLAG_TF) != 0;
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
