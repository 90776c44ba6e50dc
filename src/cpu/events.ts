/**
 * Exceptions and interrupts at instruction boundaries: VM exits they cause (SDM Vol. 3, 26.2), their delivery, double
 * and triple faults (6.15), and what a processor that waits is woken by.
 */
import {
  CR2, RIP, RFLAGS, CYCLES, INSTRUCTIONS, PENDING_DEBUG, ACTIVITY, INTERRUPTIBILITY, INTR_LINE, STOP_REQUEST, NMI_PENDING,
  COST_DELIVERY, COST_GUEST_CONTROL, TRACE_MASK, UNFINISHED, SIGNALS, MONITOR, VMX_OPERATION, VMX_OFF,
} from '../spec/cpu-state';
import { DR6_BS, FLAG_IF, FLAG_RF, FLAG_TF } from '../spec/control-bits';
import { STOP_HALTED, STOP_MONITOR, STOP_REQUESTED, STOP_SHUTDOWN } from '../spec/stops';
import { DEBUG, NMI, DOUBLE_FAULT, PAGE_FAULT } from '../spec/vectors';
import * as record from '../spec/trace-records';
import * as reason from '../spec/exit-reasons';
import {
  PIN_EXTERNAL_INTERRUPT_EXITING, PIN_NMI_EXITING, PRIMARY_INTERRUPT_WINDOW_EXITING, PRIMARY_NMI_WINDOW_EXITING,
  EXIT_ACKNOWLEDGE_INTERRUPT, INTERRUPTION_NMI_UNBLOCKING,
  INTERRUPTION_EXTERNAL, INTERRUPTION_NMI, INTERRUPTION_HARDWARE_EXCEPTION, INTERRUPTION_SOFTWARE_INTERRUPT,
  INTERRUPTION_ERROR_CODE_VALID, INTERRUPTION_VALID, INTERRUPTION_TYPE_SHIFT,
  BLOCKING_BY_STI, BLOCKING_BY_MOV_SS, BLOCKING_BY_NMI, ACTIVITY_ACTIVE, ACTIVITY_SHUTDOWN,
} from '../spec/vmx-controls';
import { acknowledgeInterrupt } from './board';
import {
  armStep, debugConditions, discardTraps, executionConditions, executionWatched, raiseDebug, reportDebug, stepArmed, stepDue,
} from './debug';
import { contextDirty, refreshContext, repetitionsToCome } from './context';
import { linearOf } from './transitions';
import {
  NONE, EXCEPTION, EXIT, faultPending, faultVector, faultErrorCode, faultAddress, exitReason, exitQualification,
  clearFault, raiseExit, runningAlone, setRunningAlone,
} from './fault';
import { deliverThroughIdt } from './idt';
import { currentLevel, inNonRoot, inProtectedMode } from './mode';
import { takeSignal } from './start-up';
import { traceDelivered, traceRecord } from './trace';
import { performExit } from './vmx/exit';
import { clearExitDetails, setInstructionLength, setInterruption, setIdtVectoring } from './vmx/exit-details';
import {
  pinControls, primaryControls, exitControls, interceptsException, armMonitorTrap, monitorTrapArmed, monitorTrapDue,
  preemptionTimerExpired, virtualNmis, iretKeepsBlocking,
} from './vmx/controls';
import { tprBelowThreshold } from './vmx/virtual-apic';

/** Something may have to happen at the next instruction boundary: {@link takeInterrupt} is to be called there. */
export let attention: bool = false;
/** Why `run` is to return at this boundary; -1: it goes on. */
export let stopReason: i32 = -1;
export function stop(why: i32): void { stopReason = why; attention = true; }
export function clearStop(): void { stopReason = -1; }

/** INSTRUCTIONS from which blocking by STI or MOV SS has ended. */
let shadowEnd: u64 = 0;

/** The event in delivery, in the format of IDT-vectoring information (25.9.3); 0 = none. */
let vectoring: u32 = 0;
let vectoringErrorCode: u32 = 0;
let vectoringLength: u32 = 0;

const BLOCKING_SHADOW: u32 = BLOCKING_BY_STI | BLOCKING_BY_MOV_SS;

/** The instruction that runs now blocks interrupts until the boundary after the next one. */
export function blockForOneInstruction(how: u32): void {
  store<u32>(INTERRUPTIBILITY, load<u32>(INTERRUPTIBILITY) | how);
  shadowEnd = load<u64>(INSTRUCTIONS) + 2;
  attention = true;
}

/** A loaded state (VM entry, snapshot) blocks interrupts until the boundary after its first instruction. */
export function shadowLoaded(): void {
  shadowEnd = load<u64>(INSTRUCTIONS) + 1;
  refreshAttention();
}

/** Before the processor's state is saved: blocking whose instruction has been executed is over. */
export function settleShadow(): void {
  if ((load<u32>(INTERRUPTIBILITY) & BLOCKING_SHADOW) != 0 && load<u64>(INSTRUCTIONS) >= shadowEnd) endShadow();
}

function endShadow(): void {
  store<u32>(INTERRUPTIBILITY, load<u32>(INTERRUPTIBILITY) & ~BLOCKING_SHADOW);
}

/** The virtual task priority may have fallen below its threshold. */
export function lookAtBoundary(): void { attention = true; }

@inline export function eventInDelivery(): bool { return vectoring != 0; }

/** IRET has ended blocking by NMI, and is not done (exit qualification and interruption information, bit 12). */
let nmiUnblocked: bool = false;

/** IRET begins: blocking by NMI ends even if it faults (6.7.1, 26.3). */
export function beginIret(): void {
  if (inNonRoot() && iretKeepsBlocking()) return;
  nmiUnblocked = (load<u32>(INTERRUPTIBILITY) & BLOCKING_BY_NMI) != 0;
  store<u32>(INTERRUPTIBILITY, load<u32>(INTERRUPTIBILITY) & ~BLOCKING_BY_NMI);
}

export function endIret(): void { nmiUnblocked = false; }

/** The instruction will be executed again, alone. */
export function restoreNmiBlocking(): void {
  if (nmiUnblocked) store<u32>(INTERRUPTIBILITY, load<u32>(INTERRUPTIBILITY) | BLOCKING_BY_NMI);
  nmiUnblocked = false;
}

/** A device was called: lines may have changed. */
export function boardWasCalled(): void { refreshAttention(); }

@inline
function stepping(): bool { return (load<u64>(RFLAGS) & FLAG_TF) != 0; }

/** Something may be due at every instruction boundary; RF ends with the next instruction (18.3.1.1). */
@inline
function watching(): bool { return executionWatched || (load<u64>(RFLAGS) & (FLAG_TF | FLAG_RF)) != 0; }

@inline
function interruptsEnabled(): bool { return (load<u64>(RFLAGS) & FLAG_IF) != 0; }

/** To be called whenever what {@link takeInterrupt} looks at may have changed. */
export function refreshAttention(): void {
  attention = stopReason >= 0 || watching() || load<u64>(PENDING_DEBUG) != 0 || stepArmed() || load<u32>(STOP_REQUEST) != 0
    || load<u32>(ACTIVITY) != ACTIVITY_ACTIVE
    || (load<u32>(INTERRUPTIBILITY) & BLOCKING_SHADOW) != 0 || load<u32>(NMI_PENDING) != 0 || load<u32>(SIGNALS) != 0
    || (load<u32>(INTR_LINE) != 0 && (interruptsEnabled() || externalInterruptsExit()))
    || (inNonRoot() && nonRootAttention());
}

/** Something is due after exactly one more instruction: the executor is to run it in a block of its own. */
export function singleStep(): bool {
  return (load<u32>(INTERRUPTIBILITY) & BLOCKING_SHADOW) != 0 || watching() || (inNonRoot() && monitorTrapArmed());
}

function nonRootAttention(): bool {
  return monitorTrapArmed() || ((primaryControls & PRIMARY_INTERRUPT_WINDOW_EXITING) != 0 && interruptsEnabled())
    || nmiWindowIsOpen() || tprBelowThreshold();
}

/** But for blocking by STI and MOV SS. */
function nmiWindowIsOpen(): bool {
  return (primaryControls & PRIMARY_NMI_WINDOW_EXITING) != 0 && (load<u32>(INTERRUPTIBILITY) & BLOCKING_BY_NMI) == 0;
}

/** With virtual NMIs the blocking is that of virtual ones: a physical one exits at any time (25.6.1). */
function nmisBlocked(): bool {
  return (load<u32>(INTERRUPTIBILITY) & BLOCKING_BY_NMI) != 0 && !(inNonRoot() && virtualNmis());
}

@inline
function externalInterruptsExit(): bool { return inNonRoot() && (pinControls & PIN_EXTERNAL_INTERRUPT_EXITING) != 0; }

/**
 * At an instruction boundary with `attention`: takes what is due, in the order of SDM 6.9. True when RIP or the mode may
 * have changed; {@link stopReason} may be set.
 */
export function takeInterrupt(): bool {
  if (load<u32>(STOP_REQUEST) != 0) {
    store<u32>(STOP_REQUEST, 0);
    stop(STOP_REQUESTED);
  }
  if (stopReason >= 0) return false;
  settleShadow();
  const taken = takeEvent();
  if (!taken && stopReason < 0 && load<u32>(ACTIVITY) != ACTIVITY_ACTIVE) {
    stop(load<u32>(ACTIVITY) == ACTIVITY_SHUTDOWN ? STOP_SHUTDOWN : STOP_HALTED);
  }
  if (stopReason < 0) refreshAttention();
  return taken;
}

function takeEvent(): bool {
  if (load<u32>(SIGNALS) != 0 && takeSignal()) return true;
  if (load<u32>(ACTIVITY) >= <u32>ACTIVITY_SHUTDOWN) return false;
  const nonRoot = inNonRoot();
  if (nonRoot && tprBelowThreshold()) return exitWith(reason.TPR_BELOW_THRESHOLD);
  if (nonRoot && monitorTrapDue()) return exitWith(reason.MONITOR_TRAP_FLAG);
  const blocked = (load<u32>(INTERRUPTIBILITY) & BLOCKING_SHADOW) != 0;
  if (trapIsDue()) return takeTrap();
  if (nonRoot && preemptionTimerExpired()) return exitWith(reason.PREEMPTION_TIMER);
  if (nonRoot && !blocked && nmiWindowIsOpen()) return exitWith(reason.NMI_WINDOW);
  if (load<u32>(NMI_PENDING) != 0 && !blocked && !nmisBlocked()) return takeNmi();
  if (!blocked && takeMaskable(nonRoot)) return true;
  return executionWatched && takeBreakpoint();
}

/** Interrupts, and their window. */
function takeMaskable(nonRoot: bool): bool {
  if (nonRoot && (primaryControls & PRIMARY_INTERRUPT_WINDOW_EXITING) != 0 && interruptsEnabled()) {
    return exitWith(reason.INTERRUPT_WINDOW);
  }
  if (load<u32>(INTR_LINE) == 0) return false;
  if (externalInterruptsExit()) return exitForExternalInterrupt();
  if (!interruptsEnabled()) return false;
  const vector = <u32>acknowledgeInterrupt() & 0xff;
  store<u32>(ACTIVITY, ACTIVITY_ACTIVE);
  traceRecord(record.INTERRUPT, vector, 0, 0, 0);
  deliverEvent(vector, INTERRUPTION_EXTERNAL, -1, 0);
  deliverPending();
  return true;
}

/** Traps of the instruction before: breakpoints on data and ports, and single step, but not after MOV to SS (6.8.3). */
function trapIsDue(): bool {
  const held = (load<u32>(INTERRUPTIBILITY) & BLOCKING_BY_MOV_SS) != 0;
  const due = !held && (stepDue() || load<u64>(PENDING_DEBUG) != 0);
  if (!due && !stepArmed() && stepping()) armStep(1);
  return due;
}

function takeTrap(): bool {
  const conditions = load<u64>(PENDING_DEBUG) | (stepDue() ? <u64>DR6_BS : 0);
  discardTraps();
  store<u32>(ACTIVITY, ACTIVITY_ACTIVE);
  raiseDebug(conditions);
  deliverPending();
  return true;
}

/** A breakpoint on the instruction to come: a fault, which RF and MOV to SS before it suppress (18.3.1.1). */
function takeBreakpoint(): bool {
  const suppressed = (load<u64>(RFLAGS) & FLAG_RF) != 0 || (load<u32>(INTERRUPTIBILITY) & BLOCKING_BY_MOV_SS) != 0
    || load<u32>(ACTIVITY) != ACTIVITY_ACTIVE || repetitionsToCome();
  if (suppressed) return false;
  if (contextDirty) refreshContext();
  const conditions = executionConditions(linearOf(load<u64>(RIP)));
  if (conditions == 0) return false;
  raiseDebug(conditions);
  deliverPending();
  return true;
}

function takeNmi(): bool {
  store<u32>(NMI_PENDING, 0);
  if (inNonRoot() && (pinControls & PIN_NMI_EXITING) != 0) {
    clearExitDetails();
    setInterruption(INTERRUPTION_VALID | (INTERRUPTION_NMI << INTERRUPTION_TYPE_SHIFT) | NMI, 0);
    exit(reason.EXCEPTION_OR_NMI, 0);
    store<u32>(INTERRUPTIBILITY, load<u32>(INTERRUPTIBILITY) | BLOCKING_BY_NMI);
    return true;
  }
  store<u32>(ACTIVITY, ACTIVITY_ACTIVE);
  deliverEvent(NMI, INTERRUPTION_NMI, -1, 0);
  if (faultPending == NONE) store<u32>(INTERRUPTIBILITY, load<u32>(INTERRUPTIBILITY) | BLOCKING_BY_NMI);
  deliverPending();
  return true;
}

function exit(why: u32, qualification: u64): void {
  discardTraps();
  performExit(why, qualification);
}

/** At an instruction boundary: what is pending there stays so in the guest's state. */
function exitWith(why: u32): bool {
  clearExitDetails();
  performExit(why, 0);
  return true;
}

function exitForExternalInterrupt(): bool {
  clearExitDetails();
  if (exitControls & EXIT_ACKNOWLEDGE_INTERRUPT) {
    const vector = <u32>acknowledgeInterrupt() & 0xff;
    setInterruption(<u32>INTERRUPTION_VALID | (INTERRUPTION_EXTERNAL << INTERRUPTION_TYPE_SHIFT) | vector, 0);
  }
  exit(reason.EXTERNAL_INTERRUPT, 0);
  return true;
}

/** Delivers what fault.ts holds, with everything that follows from it. */
export function deliverPending(): void {
  const wasAlone = runningAlone;
  setRunningAlone(true);
  while (faultPending == EXCEPTION) dispatchException();
  if (faultPending == EXIT) {
    clearFault();
    if (vectoring != 0) setIdtVectoring(vectoring, vectoringErrorCode, vectoringLength);
    const unblocking = nmiUnblocked && vectoring == 0 && exitReason == reason.EPT_VIOLATION;
    exit(exitReason, unblocking ? exitQualification | INTERRUPTION_NMI_UNBLOCKING : exitQualification);
  }
  nmiUnblocked = false;
  vectoring = 0;
  setRunningAlone(wasAlone);
}

function dispatchException(): void {
  const vector = faultVector;
  const errorCode = faultErrorCode;
  clearFault();
  if (inNonRoot()) store<u64>(CYCLES, load<u64>(CYCLES) + load<u32>(COST_GUEST_CONTROL));
  if (inNonRoot() && interceptsException(vector, errorCode)) {
    exitForException(vector, errorCode, vector == PAGE_FAULT ? faultAddress : 0, true);
    return;
  }
  if (vector == PAGE_FAULT) store<u64>(CR2, faultAddress);
  if (vector == DEBUG) reportDebug();
  const combined = vectoring == 0 ? SERIAL : combine(vector);
  if (combined == TRIPLE) shutDown();
  else if (combined == SERIAL) deliverException(vector, errorCode);
  else if (inNonRoot() && interceptsException(DOUBLE_FAULT, 0)) exitForException(DOUBLE_FAULT, 0, 0, false);
  else deliverException(DOUBLE_FAULT, 0);
}

function deliverException(vector: u32, errorCode: i64): void {
  traceRecord(record.EXCEPTION, vector, errorCode < 0 ? 0 : <u64>errorCode, load<u64>(CR2), 0);
  deliverEvent(vector, INTERRUPTION_HARDWARE_EXCEPTION, errorCode, 0);
}

const SERIAL: i32 = 0;
const DOUBLE: i32 = 1;
const TRIPLE: i32 = 2;

/** #DE, #TS, #NP, #SS, #GP (SDM table 6-4). */
@inline
function contributory(vector: u32): bool { return vector == 0 || (vector >= 10 && vector <= 13); }

/** What an exception during the delivery of another event amounts to (SDM table 6-5). */
function combine(second: u32): i32 {
  const type = (vectoring >> INTERRUPTION_TYPE_SHIFT) & 7;
  const first = vectoring & 0xff;
  if (type != INTERRUPTION_HARDWARE_EXCEPTION) return SERIAL;
  const secondCounts = contributory(second) || second == PAGE_FAULT;
  if (first == DOUBLE_FAULT) return secondCounts ? TRIPLE : SERIAL;
  if (contributory(first)) return contributory(second) ? DOUBLE : SERIAL;
  if (first == PAGE_FAULT) return secondCounts ? DOUBLE : SERIAL;
  return SERIAL;
}

function shutDown(): void {
  vectoring = 0;
  if (inNonRoot()) {
    exitWith(reason.TRIPLE_FAULT);
    return;
  }
  store<u32>(ACTIVITY, ACTIVITY_SHUTDOWN);
  stop(STOP_SHUTDOWN);
}

/** `duringDelivery`: false for a double fault, which is not a fault in the delivery of the first event (28.2.4). */
function exitForException(vector: u32, errorCode: i64, qualification: u64, duringDelivery: bool): void {
  clearExitDetails();
  let information: u32 = <u32>INTERRUPTION_VALID | (INTERRUPTION_HARDWARE_EXCEPTION << INTERRUPTION_TYPE_SHIFT) | vector;
  if (errorCode >= 0 && inProtectedMode()) information |= INTERRUPTION_ERROR_CODE_VALID;
  if (nmiUnblocked && vectoring == 0 && vector != DOUBLE_FAULT) information |= INTERRUPTION_NMI_UNBLOCKING;
  setInterruption(information, errorCode >= 0 ? <u32>errorCode : 0);
  if (duringDelivery && vectoring != 0) setIdtVectoring(vectoring, vectoringErrorCode, vectoringLength);
  vectoring = 0;
  exit(reason.EXCEPTION_OR_NMI, vector == DEBUG ? debugConditions : qualification);
}

/**
 * Delivers an event through the IDT. `type` as in interruption information, `errorCode` -1 for none, `length` of the
 * instruction for software events. A fault in the delivery is left pending, with the event remembered for it.
 */
export function deliverEvent(vector: u32, type: u32, errorCode: i64, length: u32): void {
  vectoring = <u32>INTERRUPTION_VALID | (type << INTERRUPTION_TYPE_SHIFT) | vector;
  if (errorCode >= 0 && inProtectedMode()) vectoring |= INTERRUPTION_ERROR_CODE_VALID;
  vectoringErrorCode = errorCode >= 0 ? <u32>errorCode : 0;
  vectoringLength = type >= <u32>INTERRUPTION_SOFTWARE_INTERRUPT ? length : 0;
  const wasAlone = runningAlone;
  setRunningAlone(true);
  discardTraps();
  deliverThroughIdt(vector, type, errorCode, load<u64>(RIP) + vectoringLength);
  setRunningAlone(wasAlone);
  store<u64>(CYCLES, load<u64>(CYCLES) + load<u32>(COST_DELIVERY));
  if (faultPending != NONE) return;
  vectoring = 0;
  if (inNonRoot() && monitorTrapArmed()) armMonitorTrap(0);
  store<u64>(UNFINISHED, 0);
  if (load<u32>(TRACE_MASK) != 0) traceDelivered();
  endShadow();
  refreshAttention();
  arriveAtMonitor();
}

/** The program may have come to ring 0: a monitor outside simulated memory goes on from there. */
export function arriveAtMonitor(): void {
  if (load<u32>(MONITOR) != 0 && load<u32>(VMX_OPERATION) == VMX_OFF && currentLevel() == 0) stop(STOP_MONITOR);
}

/** INT n, INT3, INTO and INT1, including their interception through the exception bitmap. */
export function deliverSoftwareEvent(vector: u32, type: u32, length: u32): void {
  const exceptional = type != INTERRUPTION_SOFTWARE_INTERRUPT;
  if (exceptional && inNonRoot() && interceptsException(vector, -1)) {
    clearExitDetails();
    setInterruption(<u32>INTERRUPTION_VALID | (type << INTERRUPTION_TYPE_SHIFT) | vector, 0);
    setInstructionLength(length);
    raiseExit(reason.EXCEPTION_OR_NMI, 0);
    return;
  }
  traceRecord(record.SOFTWARE_INTERRUPT, vector, 0, 0, 0);
  deliverEvent(vector, type, -1, length);
}
