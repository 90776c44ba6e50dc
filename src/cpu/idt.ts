/**
 * Delivery of an event through the interrupt-descriptor table (SDM Vol. 3, 6.12 and 6.14; 21.1.4 for real mode).
 * Everything is checked before anything changes; a fault is left pending.
 */
import {
  RIP, CS, SS, TR, IDTR_BASE, IDTR_LIMIT, SEGMENT_LIMIT, SEGMENT_BASE, SEGMENT_SELECTOR,
} from '../spec/cpu-state';
import { FLAG_IF, FLAG_TF, FLAG_NT, FLAG_RF, FLAG_VM, FLAG_AC } from '../spec/control-bits';
import { GENERAL_PROTECTION, SEGMENT_NOT_PRESENT, INVALID_TSS, STACK_FAULT } from '../spec/vectors';
import {
  INTERRUPTION_HARDWARE_EXCEPTION, INTERRUPTION_SOFTWARE_INTERRUPT, INTERRUPTION_SOFTWARE_EXCEPTION,
} from '../spec/vmx-controls';
import { TASK_SWITCH } from '../spec/exit-reasons';
import { raise, raiseExit, faultPending, NONE } from './fault';
import { getFlags, setFlags } from './flags';
import { canonical, readSystem } from './memory';
import {
  segment, setLevel, currentLevel, inLongMode, inNonRoot, inProtectedMode, RIGHTS_CODE, RIGHTS_CODE_OR_DATA, RIGHTS_CONFORMING,
  RIGHTS_LONG, RIGHTS_BIG, RIGHTS_PRESENT, modeChanged,
} from './mode';
import {
  readDescriptor, descriptorRights, descriptorBase, descriptorLimit, privilegeOf, segmentSelector,
  segmentBase, segmentRights, writeSegment, installNullStack, checkStackSegment, markAccessed, SELECTOR_INDEX,
} from './segments';
import { beginStackAt, push, roomOnStack, stackMask, commitStack, RSP_SLOT } from './stack';

const GATE_TASK: u32 = 5;
/** Interrupt and trap gates: 16-bit 6 and 7, 32-bit and 64-bit 14 and 15. An odd type leaves IF alone. */
const GATE_INTERRUPT_16: u32 = 6;
const GATE_INTERRUPT: u32 = 14;

let gateSelector: u32 = 0;
let gateOffset: u64 = 0;
let gateType: u32 = 0;
let gateStack: u32 = 0;
/** Error-code bit 0: the event is not one of the program's own making (6.13). */
let external: u32 = 0;

/** `returnRip`: what the handler returns to. */
export function deliverThroughIdt(vector: u32, type: u32, errorCode: i64, returnRip: u64): void {
  if (!inProtectedMode()) {
    deliverInRealMode(vector, returnRip);
    return;
  }
  const software = type == INTERRUPTION_SOFTWARE_INTERRUPT || type == INTERRUPTION_SOFTWARE_EXCEPTION;
  external = software ? 0 : 1;
  if (!readGate(vector, software)) return;
  let flags = getFlags();
  if (type == INTERRUPTION_HARDWARE_EXCEPTION && isFault(vector)) flags |= FLAG_RF;
  if (inLongMode()) deliverInLongMode(errorCode, returnRip, flags);
  else deliverInProtectedMode(errorCode, returnRip, flags);
}

/** Faults, unlike traps, return to the instruction itself (6.5). */
export function isFault(vector: u32): bool { return vector != 1 && vector != 3 && vector != 4; }

/** 6.11, 6.14.1. */
function readGate(vector: u32, software: bool): bool {
  const bytes: u32 = inLongMode() ? 16 : 8;
  const selectorOfGate = (vector << 3) | 2 | external;
  if (vector * bytes + bytes - 1 > load<u32>(IDTR_LIMIT)) return gateFault(GENERAL_PROTECTION, selectorOfGate);
  const at = load<u64>(IDTR_BASE) + vector * bytes;
  const low = readSystem(at, 8);
  if (faultPending != NONE) return false;
  const high = bytes == 16 ? readSystem(at + 8, 8) : 0;
  if (faultPending != NONE) return false;
  gateType = <u32>(low >> 40) & 0x1f;
  gateSelector = <u32>(low >> 16) & 0xffff;
  gateStack = bytes == 16 ? <u32>(low >> 32) & 7 : 0;
  gateOffset = (low & 0xffff) | ((low >> 32) & 0xffff_0000) | (high << 32);
  if ((gateType & ~1) == GATE_INTERRUPT_16) gateOffset &= 0xffff;
  const interruptOrTrap = (gateType & ~1) == GATE_INTERRUPT || (bytes == 8 && (gateType & ~1) == GATE_INTERRUPT_16);
  const task = bytes == 8 && gateType == GATE_TASK;
  if (!interruptOrTrap && !task) return gateFault(GENERAL_PROTECTION, selectorOfGate);
  if (software && (<u32>(low >> 45) & 3) < currentLevel()) return gateFault(GENERAL_PROTECTION, selectorOfGate);
  if ((low & ((<u64>1) << 47)) == 0) return gateFault(SEGMENT_NOT_PRESENT, selectorOfGate);
  return !task || taskGate();
}

function gateFault(vector: u32, errorCode: u32): bool {
  raise(vector, errorCode);
  return false;
}

/** Task switches are not implemented: an exit in a guest (25.4.2 of exits), else #TS. */
function taskGate(): bool {
  if (inNonRoot()) raiseExit(TASK_SWITCH, <u64>gateSelector | (3 << 30));
  else raise(INVALID_TSS, (gateSelector & SELECTOR_INDEX) | external);
  return false;
}

/** The handler's code segment: its descriptor is ready to be installed. Returns the new CPL, or -1. */
function checkHandlerCode(): i32 {
  if ((gateSelector & SELECTOR_INDEX) == 0) {
    raise(GENERAL_PROTECTION, external);
    return -1;
  }
  if (!readDescriptor(gateSelector, GENERAL_PROTECTION, external)) return -1;
  const rights = descriptorRights();
  const code = (rights & (RIGHTS_CODE_OR_DATA | RIGHTS_CODE)) == (RIGHTS_CODE_OR_DATA | RIGHTS_CODE);
  const sizeFits = !inLongMode() || (rights & (RIGHTS_LONG | RIGHTS_BIG)) == RIGHTS_LONG;
  if (!code || !sizeFits || privilegeOf(rights) > currentLevel()) {
    raise(GENERAL_PROTECTION, (gateSelector & SELECTOR_INDEX) | external);
    return -1;
  }
  if ((rights & RIGHTS_PRESENT) == 0) {
    raise(SEGMENT_NOT_PRESENT, (gateSelector & SELECTOR_INDEX) | external);
    return -1;
  }
  if (!markAccessed()) return -1;
  return rights & RIGHTS_CONFORMING ? currentLevel() : privilegeOf(rights);
}

function installHandlerCode(base: u64, limit: u32, rights: u32, cpl: u32): void {
  writeSegment(CS, (gateSelector & SELECTOR_INDEX) | cpl, base, limit, rights);
}

function enterHandler(cpl: u32, flags: u64): void {
  const cleared: u64 = FLAG_TF | FLAG_NT | FLAG_RF | FLAG_VM | (gateType & 1 ? 0 : FLAG_IF);
  setFlags(flags & ~cleared);
  store<u64>(RIP, gateOffset);
  setLevel(cpl);
}

function pushHead(size: u32, flags: u64, returnRip: u64, errorCode: i64): void {
  push(size, flags);
  push(size, segmentSelector(CS));
  push(size, returnRip);
  if (errorCode >= 0) push(size, <u64>errorCode);
}

/** 6.14.2–6.14.5: the stack pointer is aligned and SS:RSP always pushed; IST or RSPn where the gate or ring says so. */
function deliverInLongMode(errorCode: i64, returnRip: u64, flags: u64): void {
  const cpl = checkHandlerCode();
  if (cpl < 0) return;
  const inner = <u32>cpl < currentLevel();
  const codeBase = descriptorBase();
  const codeLimit = descriptorLimit();
  const codeRights = descriptorRights();
  let rsp = load<u64>(RSP_SLOT);
  if (inner || gateStack != 0) {
    rsp = readTssPointer64(gateStack != 0 ? 28 + 8 * gateStack : 4 + 8 * cpl);
    if (faultPending != NONE) return;
  }
  if (!canonical(gateOffset)) {
    raise(GENERAL_PROTECTION, external);
    return;
  }
  const oldRsp = load<u64>(RSP_SLOT);
  beginStackAt(rsp & ~15, 0, u64.MAX_VALUE, cpl);
  if (!roomOnStack(errorCode >= 0 ? 6 : 5, 8)) return;
  push(8, segmentSelector(SS));
  push(8, oldRsp);
  pushHead(8, flags, returnRip, errorCode);
  if (faultPending != NONE) return;
  commitStack();
  if (inner) installNullStack(cpl, cpl);
  installHandlerCode(codeBase, codeLimit, codeRights, cpl);
  enterHandler(cpl, flags);
}

/** RSPn or ISTn in the 64-bit TSS (SDM 7.7). */
function readTssPointer64(offset: u32): u64 {
  if (offset + 7 > load<u32>(segment(TR), SEGMENT_LIMIT)) {
    raise(INVALID_TSS, (segmentSelector(TR) & SELECTOR_INDEX) | external);
    return 0;
  }
  const rsp = readSystem(segmentBase(TR) + offset, 8);
  if (faultPending == NONE && !canonical(rsp)) raise(STACK_FAULT, external);
  return rsp;
}

/** 6.12.1; the frame's items have the gate's size. */
function deliverInProtectedMode(errorCode: i64, returnRip: u64, flags: u64): void {
  const size: u32 = gateType & 8 ? 4 : 2;
  const cpl = checkHandlerCode();
  if (cpl < 0) return;
  const inner = <u32>cpl < currentLevel();
  const codeBase = descriptorBase();
  const codeLimit = descriptorLimit();
  const codeRights = descriptorRights();
  const items: u32 = (inner ? 5 : 3) + (errorCode >= 0 ? 1 : 0);
  if (inner) {
    deliverToInnerRing(errorCode, returnRip, flags, cpl, size, items);
  } else {
    beginStackAt(load<u64>(RSP_SLOT), segmentBase(SS), stackMask(), cpl);
    if (!roomOnStack(items, size)) return;
    pushHead(size, flags, returnRip, errorCode);
    if (faultPending == NONE) commitStack();
  }
  if (faultPending != NONE) return;
  installHandlerCode(codeBase, codeLimit, codeRights, cpl);
  enterHandler(cpl, flags);
}

function deliverToInnerRing(errorCode: i64, returnRip: u64, flags: u64, cpl: u32, size: u32, items: u32): void {
  const wide = (segmentRights(TR) & 8) != 0;
  const at: u32 = wide ? 4 + 8 * cpl : 2 + 4 * cpl;
  if (at + (wide ? 5 : 3) > load<u32>(segment(TR), SEGMENT_LIMIT)) {
    raise(INVALID_TSS, (segmentSelector(TR) & SELECTOR_INDEX) | external);
    return;
  }
  const esp = readSystem(segmentBase(TR) + at, wide ? 4 : 2);
  if (faultPending != NONE) return;
  const selector = <u32>readSystem(segmentBase(TR) + at + (wide ? 4 : 2), 2);
  if (faultPending != NONE) return;
  if ((selector & SELECTOR_INDEX) == 0) {
    raise(INVALID_TSS, external);
    return;
  }
  if (!checkStackSegment(selector, cpl, INVALID_TSS, external)) return;
  const rights = descriptorRights();
  const base = descriptorBase();
  const limit = descriptorLimit();
  beginStackAt(esp, base, rights & RIGHTS_BIG ? 0xffff_ffff : 0xffff, cpl);
  if (!roomOnStack(items, size)) return;
  push(size, segmentSelector(SS));
  push(size, load<u64>(RSP_SLOT));
  pushHead(size, flags, returnRip, errorCode);
  if (faultPending != NONE) return;
  writeSegment(SS, selector, base, limit, rights);
  commitStack();
}

/** 21.1.4: four-byte vectors of segment and offset at IDTR's base. */
function deliverInRealMode(vector: u32, returnRip: u64): void {
  if (vector * 4 + 3 > load<u32>(IDTR_LIMIT)) {
    raise(GENERAL_PROTECTION);
    return;
  }
  const target = <u32>readSystem(load<u64>(IDTR_BASE) + vector * 4, 4);
  if (faultPending != NONE) return;
  const flags = getFlags();
  beginStackAt(load<u64>(RSP_SLOT), segmentBase(SS), stackMask(), 0);
  if (!roomOnStack(3, 2)) return;
  pushHead(2, flags, returnRip, -1);
  if (faultPending != NONE) return;
  commitStack();
  loadRealModeCode(target >> 16);
  setFlags(flags & ~<u64>(FLAG_IF | FLAG_TF | FLAG_RF | FLAG_AC));
  store<u64>(RIP, target & 0xffff);
  modeChanged();
}

export function loadRealModeCode(selector: u32): void {
  store<u64>(segment(CS), <u64>selector << 4, SEGMENT_BASE);
  store<u16>(segment(CS), <u16>selector, SEGMENT_SELECTOR);
}
