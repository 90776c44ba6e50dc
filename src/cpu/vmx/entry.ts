/**
 * VM entries (SDM Vol. 3, chapter 27): checks, loading of the guest, injection of an event.
 */
import * as check from '../../spec/entry-checks';
import * as error from '../../spec/vm-instruction-errors';
import * as field from '../../spec/vmcs-fields';
import {
  ENTRY_CHECK, VMX_OPERATION, VMX_NON_ROOT, CYCLES, DR7, RIP, COST_VM_ENTRY, INTERRUPTIBILITY, ACTIVITY, PAUSE_LAST,
} from '../../spec/cpu-state';
import { FLAG_RF } from '../../spec/control-bits';
import { ENTRY_FAILURE_GUEST_STATE, ENTRY_FAILURE_MSR_LOADING } from '../../spec/exit-reasons';
import {
  ACTIVITY_ACTIVE, BLOCKING_BY_MOV_SS, BLOCKING_BY_NMI, BLOCKING_BY_STI, INTERRUPTION_ERROR_CODE_VALID, INTERRUPTION_NMI,
  INTERRUPTION_TYPE_SHIFT, INTERRUPTION_VALID, PRIMARY_MONITOR_TRAP_FLAG,
} from '../../spec/vmx-controls';
import { VMCS_CLEAR, VMCS_LAUNCHED } from '../../spec/vmcs-layout';
import { VM_ENTRY } from '../../spec/trace-records';
import { deliverEvent, deliverPending, refreshAttention, shadowLoaded } from '../events';
import { NONE, faultPending } from '../fault';
import { getFlags, setFlags } from '../flags';
import { modeChanged } from '../mode';
import { traceRecord } from '../trace';
import { checkEntryControls, checkExecutionControls, checkExitControls } from './check-controls';
import {
  checkGuestFlow, checkGuestNonRegister, checkGuestPdptes, checkGuestRegisters, checkGuestTables, checkLinkPointer,
} from './check-guest';
import { checkAddressSpaceSize, checkHostRegisters, checkHostSegments } from './check-host';
import { checkGuestSegments } from './check-segments';
import { armMonitorTrap, loadControls, primaryControls, startPreemptionTimer } from './controls';
import { failEntry } from './exit';
import { loadGuestState } from './guest-state';
import { loadMsrList } from './msr-lists';
import { enterGuestTlb } from './tagging';
import { launchState, readField, readField32, setLaunchState, vmcsRegion, writeField } from './vmcs';

/** Outcomes of an entry and of every other VMX instruction (31.2). */
export const SUCCEEDED: i32 = 0;
export const FAILED_INVALID: i32 = 1;
export const FAILED_VALID: i32 = 2;
/** The entry ended in a VM exit: it failed in the guest state, or the injection of its event exited. */
export const EXITED: i32 = 3;

/** VMfail: with a current VMCS the error goes into it. */
export function fail(number: u32): i32 {
  if (vmcsRegion == 0) return FAILED_INVALID;
  writeField(field.VM_INSTRUCTION_ERROR, number);
  return FAILED_VALID;
}

/** Type 7 of entry interruption information, vector 0: a pending exit by the monitor trap flag (27.6.2). */
const INJECT_MONITOR_TRAP: u32 = 7;

/** Without breakpoints RF does nothing but end with the next instruction (18.3.1.1). */
const DR7_ENABLED: u64 = 0xff;

function broke(rule: u32): void { store<u32>(ENTRY_CHECK, rule); }

/** VMLAUNCH or VMRESUME; privilege and operation have been checked. */
export function enter(launch: bool): i32 {
  broke(check.ENTRY_CHECK_PASSED);
  const refused = checkBasics(launch);
  if (refused != SUCCEEDED) return refused;
  let rule = checkExecutionControls();
  if (rule == 0) rule = checkExitControls();
  if (rule == 0) rule = checkEntryControls();
  if (rule != 0) return failWith(rule, error.ENTRY_INVALID_CONTROL_FIELDS);
  rule = checkHostRegisters();
  if (rule == 0) rule = checkHostSegments();
  if (rule == 0) rule = checkAddressSpaceSize();
  if (rule != 0) return failWith(rule, error.ENTRY_INVALID_HOST_STATE);
  store<u64>(CYCLES, load<u64>(CYCLES) + load<u32>(COST_VM_ENTRY));
  rule = checkGuest();
  if (rule != 0) {
    broke(rule);
    failEntry(ENTRY_FAILURE_GUEST_STATE, failureQualification(rule));
    return EXITED;
  }
  return loadGuest(launch);
}

function failWith(rule: u32, number: u32): i32 {
  broke(rule);
  return fail(number);
}

/** 27.1. */
function checkBasics(launch: bool): i32 {
  if (vmcsRegion == 0) return failWith(check.NO_CURRENT_VMCS, 0);
  if (load<u32>(INTERRUPTIBILITY) & BLOCKING_BY_MOV_SS) return failWith(check.BLOCKED_BY_MOV_SS, error.ENTRY_EVENTS_BLOCKED_BY_MOV_SS);
  if (launch) {
    return launchState() == VMCS_CLEAR ? SUCCEEDED : failWith(check.VMLAUNCH_NOT_CLEAR, error.VMLAUNCH_NON_CLEAR_VMCS);
  }
  return launchState() == VMCS_LAUNCHED ? SUCCEEDED : failWith(check.VMRESUME_NOT_LAUNCHED, error.VMRESUME_NON_LAUNCHED_VMCS);
}

/** 27.3.1. */
function checkGuest(): u32 {
  let rule = checkGuestRegisters();
  if (rule == 0) rule = checkGuestSegments();
  if (rule == 0) rule = checkGuestTables();
  if (rule == 0) rule = checkGuestFlow();
  if (rule == 0) rule = checkGuestNonRegister();
  if (rule == 0) rule = checkLinkPointer();
  return rule != 0 ? rule : checkGuestPdptes();
}

/** 27.8. */
function failureQualification(rule: u32): u64 {
  if (rule == check.GUEST_PDPTES) return 2;
  return rule == check.VMCS_LINK ? 4 : 0;
}

/** 27.3.2–27.6: from here a failure can only be one of the MSR list. */
function loadGuest(launch: bool): i32 {
  loadControls();
  loadGuestState();
  enterGuestTlb();
  modeChanged();
  const failed = loadMsrList(readField(field.ENTRY_MSR_LOAD_ADDRESS), readField32(field.ENTRY_MSR_LOAD_COUNT));
  if (failed != 0) {
    broke(check.MSR_LOAD);
    failEntry(ENTRY_FAILURE_MSR_LOADING, failed);
    return EXITED;
  }
  if (launch) setLaunchState(VMCS_LAUNCHED);
  store<u32>(VMX_OPERATION, VMX_NON_ROOT);
  modeChanged();
  const information = readField32(field.ENTRY_INTERRUPTION_INFORMATION);
  traceRecord(VM_ENTRY, load<u64>(RIP), information & <u32>INTERRUPTION_VALID ? information : 0, 0, 0);
  startPreemptionTimer();
  store<u64>(PAUSE_LAST, 0);
  shadowLoaded();
  const injecting = (information & <u32>INTERRUPTION_VALID) != 0;
  if (primaryControls & PRIMARY_MONITOR_TRAP_FLAG) armMonitorTrap(injecting ? 0 : 1);
  if (injecting) inject(information);
  else if ((load<u64>(DR7) & DR7_ENABLED) == 0) setFlags(getFlags() & ~<u64>FLAG_RF);
  refreshAttention();
  return load<u32>(VMX_OPERATION) == VMX_NON_ROOT ? SUCCEEDED : EXITED;
}

/** 27.6: the event of the VM-entry interruption information. */
export function inject(information: u32): void {
  const type = (information >> INTERRUPTION_TYPE_SHIFT) & 7;
  if (type == INJECT_MONITOR_TRAP) {
    armMonitorTrap(0);
    return;
  }
  const errorCode: i64 = information & INTERRUPTION_ERROR_CODE_VALID ? <i64>readField32(field.ENTRY_EXCEPTION_ERROR_CODE) : -1;
  const blocking = load<u32>(INTERRUPTIBILITY) & ~(BLOCKING_BY_STI | BLOCKING_BY_MOV_SS);
  store<u32>(INTERRUPTIBILITY, blocking);
  store<u32>(ACTIVITY, ACTIVITY_ACTIVE);
  deliverEvent(information & 0xff, type, errorCode, readField32(field.ENTRY_INSTRUCTION_LENGTH));
  if (faultPending == NONE && type == INTERRUPTION_NMI) store<u32>(INTERRUPTIBILITY, blocking | BLOCKING_BY_NMI);
  if (faultPending != NONE) deliverPending();
}
