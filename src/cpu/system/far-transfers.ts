/**
 * Far JMP, CALL and RET (SDM Vol. 3, 5.8): within a segment, through call gates, and to tasks.
 */
import { CS, SEGMENT_LIMIT, SEGMENT_SELECTOR, SS } from '../../spec/cpu-state';
import { FAR_TRANSFER } from '../../spec/trace-records';
import { GENERAL_PROTECTION, SEGMENT_NOT_PRESENT } from '../../spec/vectors';
import { jumpTo } from '../context';
import { faultPending, NONE } from '../fault';
import { getFlags } from '../flags';
import { canonical, readMemory } from '../memory';
import {
  currentLevel, inLongMode, inProtectedMode, inVirtual8086, modeChanged, RIGHTS_CODE_OR_DATA, RIGHTS_LONG,
  RIGHTS_PRESENT, RIGHTS_TYPE, segment, setLevel,
} from '../mode';
import { opImm, opSegment, opSize } from '../op';
import { effectiveOffset, linearAddress } from '../operands';
import {
  checkStackSegment, descriptor, descriptorBase, descriptorLimit, descriptorRights, descriptorUpper, dropInnerSegments,
  installDescriptor, installNullStack, loadRealMode, privilegeOf, readDescriptor, readUpperDescriptor, segmentRights,
  SELECTOR_INDEX, selectorFault, writeSegment,
} from '../segments';
import { beginStack, commitStack, peek, pop, push, roomOnStack, RSP_SLOT, sizeOfStack, skipStack } from '../stack';
import { switchTask, TASK_BY_CALL, TASK_BY_JUMP } from '../tasks';
import { traceRecord } from '../trace';
import { callGate } from './call-gates';
import { nextRip, protectionFault } from './common';
import { checkDirectTarget, checkReturnCode } from './return-code';
import { farTargetIsImmediate, farImmediateOffset, farImmediateSelector } from './far-operand';

let targetSelector: u32 = 0;
let targetOffset: u64 = 0;

/** m16:16, m16:32 or m16:64, or the immediate of the direct forms. */
function readTarget(op: usize): bool {
  if (farTargetIsImmediate(op)) {
    targetOffset = farImmediateOffset(op);
    targetSelector = farImmediateSelector(op);
    return true;
  }
  const at = linearAddress(opSegment(op), effectiveOffset(op), opSize(op) + 2, false);
  if (faultPending != NONE) return false;
  targetOffset = readMemory(at, opSize(op));
  if (faultPending != NONE) return false;
  targetSelector = <u32>readMemory(at + opSize(op), 2);
  return faultPending == NONE;
}

function segmented(): bool { return inProtectedMode() && !inVirtual8086(); }

/** Reads what the selector names; null is #GP(0). */
function readTargetDescriptor(): bool {
  if ((targetSelector & SELECTOR_INDEX) == 0) {
    protectionFault();
    return false;
  }
  return readDescriptor(targetSelector, GENERAL_PROTECTION, 0);
}

/** The offset in the code segment whose descriptor was read last; real-address mode has the limit of CS as it is. */
function targetInside(): bool {
  const to64 = inLongMode() && (descriptorRights() & RIGHTS_LONG) != 0;
  if (to64 ? canonical(targetOffset) : targetOffset <= descriptorLimit()) return true;
  protectionFault();
  return false;
}

function goToTarget(): void {
  if (segmented()) {
    writeSegment(CS, (targetSelector & SELECTOR_INDEX) | currentLevel(), descriptorBase(), descriptorLimit(), descriptorRights());
  } else {
    loadRealMode(CS, targetSelector);
  }
  modeChanged();
  jumpTo(targetOffset);
  traceRecord(FAR_TRANSFER, 0, targetOffset, 0, 0);
}

const TYPE_TSS_16: u32 = 1;
const TYPE_CALL_GATE_16: u32 = 4;
const TYPE_TASK_GATE: u32 = 5;
const TYPE_TSS_32: u32 = 9;
const TYPE_CALL_GATE_32: u32 = 12;

/** A system descriptor as the target of a JMP or CALL: a gate or a task (5.8.3, 8.3). */
function goThroughSystem(op: usize, call: bool): void {
  const rights = descriptorRights();
  const type = rights & RIGHTS_TYPE;
  const known = type == TYPE_CALL_GATE_32 || (!inLongMode()
    && (type == TYPE_TSS_16 || type == TYPE_CALL_GATE_16 || type == TYPE_TASK_GATE || type == TYPE_TSS_32));
  if (!known || privilegeOf(rights) < max(currentLevel(), targetSelector & 3)) {
    selectorFault(GENERAL_PROTECTION, targetSelector);
    return;
  }
  if (inLongMode() && !upperHalfIsGate()) return;
  if ((rights & RIGHTS_PRESENT) == 0) {
    selectorFault(SEGMENT_NOT_PRESENT, targetSelector);
    return;
  }
  const how = call ? TASK_BY_CALL : TASK_BY_JUMP;
  if (type == TYPE_CALL_GATE_16 || type == TYPE_CALL_GATE_32) callGate(call, nextRip(op));
  else switchTask(type == TYPE_TASK_GATE ? <u32>(descriptor >> 16) & 0xffff : targetSelector, how, -1, nextRip(op), getFlags(), 0);
  if (faultPending == NONE) traceRecord(FAR_TRANSFER, 0, 0, 0, 0);
}

/** The type field of the upper half of a 64-bit call gate is 0 (5.8.3.1). */
function upperHalfIsGate(): bool {
  if (!readUpperDescriptor(targetSelector, GENERAL_PROTECTION, 0)) return false;
  return (descriptorUpper & (<u64>0x1f << 40)) == 0 || selectorFault(GENERAL_PROTECTION, targetSelector);
}

function isSystem(): bool { return (descriptorRights() & RIGHTS_CODE_OR_DATA) == 0; }

export function farjmp(op: usize): void {
  if (!readTarget(op)) return;
  if (segmented()) {
    if (!readTargetDescriptor()) return;
    if (isSystem()) return goThroughSystem(op, false);
    if (!checkDirectTarget(targetSelector) || !targetInside()) return;
  } else if (!insideRealCode()) return;
  goToTarget();
}

export function farcall(op: usize): void {
  if (!readTarget(op)) return;
  if (segmented()) {
    if (!readTargetDescriptor()) return;
    if (isSystem()) return goThroughSystem(op, true);
    if (!checkDirectTarget(targetSelector)) return;
  }
  const size = opSize(op);
  beginStack();
  if (!roomOnStack(2, size)) return;
  if (segmented() ? !targetInside() : !insideRealCode()) return;
  push(size, load<u16>(segment(CS), SEGMENT_SELECTOR));
  push(size, nextRip(op));
  if (faultPending != NONE) return;
  commitStack();
  goToTarget();
}

/** In real-address mode the limit of CS stays as it is. */
function insideRealCode(): bool {
  if (targetOffset <= load<u32>(segment(CS), SEGMENT_LIMIT)) return true;
  protectionFault();
  return false;
}

/** RETF imm16: the immediate is released from both stacks. */
export function farret(op: usize): void {
  const size = opSize(op);
  beginStack();
  targetOffset = pop(size);
  if (faultPending != NONE) return;
  targetSelector = <u32>pop(size) & 0xffff;
  if (faultPending != NONE) return;
  skipStack(<u64>opImm(op) & 0xffff);
  if (segmented()) return returnFar(op, size);
  if (!insideRealCode()) return;
  commitStack();
  goToTarget();
}

function returnFar(op: usize, size: u32): void {
  const level = targetSelector & 3;
  if (!checkReturnCode(targetSelector)) return;
  const base = descriptorBase();
  const limit = descriptorLimit();
  const rights = descriptorRights();
  const to64 = inLongMode() && (rights & RIGHTS_LONG) != 0;
  const outward = level != currentLevel();
  if (outward && !checkOuterStack(size, level, to64)) return;
  if (to64 ? !canonical(targetOffset) : targetOffset > limit) return protectionFault();
  if (outward) switchToOuterStack(level, to64, <u64>opImm(op) & 0xffff);
  else commitStack();
  writeSegment(CS, targetSelector, base, limit, rights);
  setLevel(level);
  if (outward) dropInnerSegments(level);
  jumpTo(targetOffset);
  traceRecord(FAR_TRANSFER, 0, targetOffset, 0, 0);
}

let outerSelector: u32 = 0;
let outerPointer: u64 = 0;

/** A null SS is allowed on a return to 64-bit code below ring 3. */
function checkOuterStack(size: u32, level: u32, to64: bool): bool {
  outerPointer = peek(size, 0);
  if (faultPending != NONE) return false;
  outerSelector = <u32>peek(size, size) & 0xffff;
  if (faultPending != NONE) return false;
  if (outerSelector & SELECTOR_INDEX) return checkStackSegment(outerSelector, level, GENERAL_PROTECTION, 0);
  if (to64 && level < 3 && (outerSelector & 3) == level) return true;
  protectionFault();
  return false;
}

function switchToOuterStack(level: u32, to64: bool, release: u64): void {
  if (outerSelector & SELECTOR_INDEX) installDescriptor(SS, outerSelector);
  else installNullStack(outerSelector, level);
  installStackPointer(outerPointer + release, to64);
}

/** RSP after a return: what was popped, as wide as the stack returned to (Vol. 1, 6.2.3); 64-bit code has the whole of it. */
export function installStackPointer(rsp: u64, to64: bool): void {
  const mask = to64 ? u64.MAX_VALUE : sizeOfStack(segmentRights(SS));
  store<u64>(RSP_SLOT, mask > 0xffff ? rsp & mask : (load<u64>(RSP_SLOT) & ~mask) | (rsp & mask));
}
