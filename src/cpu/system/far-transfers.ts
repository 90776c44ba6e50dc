/**
 * Far JMP, CALL and RET (SDM Vol. 3, 5.8). Call gates and task switches raise #GP: they are not implemented.
 */
import { CS, SEGMENT_SELECTOR, SS } from '../../spec/cpu-state';
import { FAR_TRANSFER } from '../../spec/trace-records';
import { GENERAL_PROTECTION } from '../../spec/vectors';
import { jumpTo } from '../context';
import { faultPending, NONE } from '../fault';
import { loadRealModeCode } from '../idt';
import { canonical, readMemory } from '../memory';
import {
  currentLevel, inLongMode, inProtectedMode, inVirtual8086, modeChanged, RIGHTS_LONG, segment, setLevel,
} from '../mode';
import { opImm, opSize } from '../op';
import { effectiveAddress } from '../operands';
import {
  checkStackSegment, descriptorBase, descriptorLimit, descriptorRights, dropInnerSegments, installDescriptor, installNullStack,
  readDescriptor, SELECTOR_INDEX, writeSegment,
} from '../segments';
import { beginStack, commitStack, pop, push, roomOnStack, RSP_SLOT, skipStack } from '../stack';
import { traceRecord } from '../trace';
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
  const at = effectiveAddress(op);
  if (faultPending != NONE) return false;
  targetOffset = readMemory(at, opSize(op));
  if (faultPending != NONE) return false;
  targetSelector = <u32>readMemory(at + opSize(op), 2);
  return faultPending == NONE;
}

/** The target's descriptor is ready to be installed. */
function checkTarget(): bool {
  if ((targetSelector & SELECTOR_INDEX) == 0) {
    protectionFault();
    return false;
  }
  if (!readDescriptor(targetSelector, GENERAL_PROTECTION, 0) || !checkDirectTarget(targetSelector)) return false;
  const to64 = inLongMode() && (descriptorRights() & RIGHTS_LONG) != 0;
  if (to64 ? canonical(targetOffset) : targetOffset <= descriptorLimit()) return true;
  protectionFault();
  return false;
}

function segmented(): bool { return inProtectedMode() && !inVirtual8086(); }

function goToTarget(): void {
  if (segmented()) {
    writeSegment(CS, (targetSelector & SELECTOR_INDEX) | currentLevel(), descriptorBase(), descriptorLimit(), descriptorRights());
  } else {
    loadRealModeCode(targetSelector);
  }
  modeChanged();
  jumpTo(targetOffset);
  traceRecord(FAR_TRANSFER, 0, targetOffset, 0, 0);
}

export function farjmp(op: usize): void {
  if (!readTarget(op) || (segmented() && !checkTarget())) return;
  goToTarget();
}

export function farcall(op: usize): void {
  if (!readTarget(op) || (segmented() && !checkTarget())) return;
  const size = opSize(op);
  beginStack();
  if (!roomOnStack(2, size)) return;
  push(size, load<u16>(segment(CS), SEGMENT_SELECTOR));
  push(size, nextRip(op));
  if (faultPending != NONE) return;
  commitStack();
  goToTarget();
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
  if (to64 ? !canonical(targetOffset) : targetOffset > limit) return protectionFault();
  if (level == currentLevel()) {
    commitStack();
  } else {
    if (!returnStack(size, level, to64, <u64>opImm(op) & 0xffff)) return;
    dropInnerSegments(level);
  }
  writeSegment(CS, targetSelector, base, limit, rights);
  setLevel(level);
  jumpTo(targetOffset);
  traceRecord(FAR_TRANSFER, 0, targetOffset, 0, 0);
}

function returnStack(size: u32, level: u32, to64: bool, release: u64): bool {
  const rsp = pop(size);
  if (faultPending != NONE) return false;
  const selector = <u32>pop(size) & 0xffff;
  if (faultPending != NONE) return false;
  if (selector & SELECTOR_INDEX) {
    if (!checkStackSegment(selector, level, GENERAL_PROTECTION, 0)) return false;
    installDescriptor(SS, selector);
  } else {
    if (!to64 || level == 3 || (selector & 3) != level) {
      protectionFault();
      return false;
    }
    installNullStack(selector, level);
  }
  store<u64>(RSP_SLOT, rsp + release);
  return true;
}
