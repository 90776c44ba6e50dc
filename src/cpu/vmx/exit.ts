/**
 * VM exits (SDM Vol. 3, chapter 28).
 */
import * as field from '../../spec/vmcs-fields';
import {
  VMX_OPERATION, VMX_ROOT, MONITOR, CYCLES, RIP, COST_VM_EXIT, ACTIVITY, INTERRUPTIBILITY,
} from '../../spec/cpu-state';
import { APIC_ACCESS, EPT_VIOLATION, EPT_MISCONFIGURATION, EXCEPTION_OR_NMI } from '../../spec/exit-reasons';
import { STOP_VM_EXIT, STOP_SHUTDOWN } from '../../spec/stops';
import {
  BLOCKING_BY_NMI, EXIT_REASON_ENTRY_FAILURE, INTERRUPTION_VALID, INTERRUPTION_TYPE_SHIFT, INTERRUPTION_HARDWARE_EXCEPTION, ACTIVITY_SHUTDOWN,
} from '../../spec/vmx-controls';
import { VM_EXIT, RECORD_RIP, RECORD_A, RECORD_B, RECORD_C } from '../../spec/trace-records';
import { TRACE_MASK } from '../../spec/cpu-state';
import { discardTraps } from '../debug';
import { exitGuestLinear, exitGuestPhysical } from '../fault';
import { isFault } from '../idt';
import { traceAppend } from '../trace';
import { refreshAttention, stop } from '../events';
import { dropControls, virtualNmis } from './controls';
import {
  clearExitDetails, idtVectoringErrorCode, idtVectoringInformation, instructionInformation, instructionLength,
  interruptionErrorCode, interruptionInformation, operandLinear,
} from './exit-details';
import { saveGuestState } from './guest-state';
import { loadHostState } from './host-state';
import { loadMsrList, storeMsrList } from './msr-lists';
import { leaveGuestTlb } from './tagging';
import { readField, readField32, setAbort, writeField } from './vmcs';

/** VMX-abort indicators (28.7). */
const ABORT_SAVING_MSRS: u32 = 1;
const ABORT_HOST_PDPTES: u32 = 2;
const ABORT_LOADING_MSRS: u32 = 4;

/** At RIP; what exit-details.ts and fault.ts hold goes into the VMCS. */
export function performExit(reason: u32, qualification: u64): void {
  const rip = load<u64>(RIP);
  const length = instructionLength;
  recordExit(reason, qualification);
  writeField(field.ENTRY_INTERRUPTION_INFORMATION, readField32(field.ENTRY_INTERRUPTION_INFORMATION) & ~<u32>INTERRUPTION_VALID);
  saveGuestState(resumes(reason));
  clearExitDetails();
  if (virtualNmis()) store<u32>(INTERRUPTIBILITY, load<u32>(INTERRUPTIBILITY) & ~BLOCKING_BY_NMI);
  if (!storeMsrList(readField(field.EXIT_MSR_STORE_ADDRESS), readField32(field.EXIT_MSR_STORE_COUNT))) {
    abort(ABORT_SAVING_MSRS);
    return;
  }
  leave();
  traceExit(rip, reason, qualification, length);
}

/** RF is saved as set, so that the instruction can be executed again (28.3.3): as by the fault, or the event in delivery. */
function resumes(reason: u32): bool {
  if (idtVectoringInformation != 0) return isFaultInformation(idtVectoringInformation);
  if (reason == EXCEPTION_OR_NMI) return isFaultInformation(interruptionInformation);
  return reason == EPT_VIOLATION || reason == EPT_MISCONFIGURATION || reason == APIC_ACCESS;
}

@inline
function isFaultInformation(information: u32): bool {
  return ((information >> INTERRUPTION_TYPE_SHIFT) & 7) == INTERRUPTION_HARDWARE_EXCEPTION && isFault(information & 0xff);
}

/** A VM entry that failed in or after the checks on the guest state (27.8): the guest-state area is left alone. */
export function failEntry(reason: u32, qualification: u64): void {
  const rip = load<u64>(RIP);
  writeField(field.EXIT_REASON, <u32>EXIT_REASON_ENTRY_FAILURE | reason);
  writeField(field.EXIT_QUALIFICATION, qualification);
  leave();
  traceExit(rip, <u32>EXIT_REASON_ENTRY_FAILURE | reason, qualification, 0);
}

/** 28.2. */
function recordExit(reason: u32, qualification: u64): void {
  writeField(field.EXIT_REASON, reason);
  writeField(field.EXIT_QUALIFICATION, qualification);
  writeField(field.EXIT_INTERRUPTION_INFORMATION, interruptionInformation);
  writeField(field.EXIT_INTERRUPTION_ERROR_CODE, interruptionErrorCode);
  writeField(field.IDT_VECTORING_INFORMATION, idtVectoringInformation);
  writeField(field.IDT_VECTORING_ERROR_CODE, idtVectoringErrorCode);
  writeField(field.EXIT_INSTRUCTION_LENGTH, instructionLength);
  writeField(field.EXIT_INSTRUCTION_INFORMATION, instructionInformation);
  const translation = reason == EPT_VIOLATION || reason == EPT_MISCONFIGURATION;
  if (translation) writeField(field.GUEST_PHYSICAL_ADDRESS, exitGuestPhysical);
  writeField(field.GUEST_LINEAR_ADDRESS, translation ? exitGuestLinear : operandLinear);
}

/** Host state, and the end of non-root operation. */
function leave(): void {
  dropControls();
  discardTraps();
  store<u32>(VMX_OPERATION, VMX_ROOT);
  const loaded = loadHostState();
  leaveGuestTlb();
  store<u64>(CYCLES, load<u64>(CYCLES) + load<u32>(COST_VM_EXIT));
  if (!loaded) {
    abort(ABORT_HOST_PDPTES);
    return;
  }
  if (loadMsrList(readField(field.EXIT_MSR_LOAD_ADDRESS), readField32(field.EXIT_MSR_LOAD_COUNT)) != 0) {
    abort(ABORT_LOADING_MSRS);
    return;
  }
  refreshAttention();
  if (load<u32>(MONITOR)) stop(STOP_VM_EXIT);
}

/** 28.7: the processor shuts down. */
function abort(indicator: u32): void {
  setAbort(indicator);
  dropControls();
  store<u32>(VMX_OPERATION, VMX_ROOT);
  store<u32>(ACTIVITY, ACTIVITY_SHUTDOWN);
  stop(STOP_SHUTDOWN);
}

function traceExit(rip: u64, reason: u32, qualification: u64, length: u32): void {
  if ((load<u32>(TRACE_MASK) & (1 << VM_EXIT)) == 0) return;
  const at = traceAppend(VM_EXIT);
  store<u64>(at + RECORD_RIP, rip);
  store<u64>(at + RECORD_A, reason);
  store<u64>(at + RECORD_B, qualification);
  store<u64>(at + RECORD_C, length);
}
