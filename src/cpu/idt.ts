/**
 * Delivery of an event through the interrupt-descriptor table (SDM Vol. 3, 6.12 and 6.14; 21.1.4 for real mode).
 * Everything is checked before anything changes; a fault is left pending.
 */
import { RIP, CS, SS, DS, ES, FS, GS, IDTR_BASE, IDTR_LIMIT } from '../spec/cpu-state';
import { DR6_BD, FLAG_IF, FLAG_TF, FLAG_NT, FLAG_RF, FLAG_VM, FLAG_AC } from '../spec/control-bits';
import { DEBUG, GENERAL_PROTECTION, SEGMENT_NOT_PRESENT } from '../spec/vectors';
import {
  INTERRUPTION_HARDWARE_EXCEPTION, INTERRUPTION_SOFTWARE_INTERRUPT, INTERRUPTION_SOFTWARE_EXCEPTION,
} from '../spec/vmx-controls';
import { repetitionsToCome } from './context';
import { debugConditions } from './debug';
import { raise, faultPending, NONE } from './fault';
import { getFlags, setFlags } from './flags';
import { beginInnerStack, findInnerStack, installInnerStack, interruptPointer, readTssPointer64, ringPointer } from './inner-stack';
import { canonical, readSystem } from './memory';
import {
  setLevel, currentLevel, inLongMode, inProtectedMode, inVirtual8086, RIGHTS_CODE, RIGHTS_CODE_OR_DATA,
  RIGHTS_CONFORMING, RIGHTS_LONG, RIGHTS_BIG, RIGHTS_PRESENT, RIGHTS_UNUSABLE, modeChanged,
} from './mode';
import {
  readDescriptor, descriptorRights, descriptorBase, descriptorLimit, loadRealMode, privilegeOf, segmentSelector,
  writeSegment, installNullStack, markAccessed, SELECTOR_INDEX,
} from './segments';
import { beginLongStackAt, beginStack, push, roomOnStack, commitStack, RSP_SLOT } from './stack';
import { switchTask, TASK_BY_INTERRUPT } from './tasks';

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
  else if (!software && repetitionsToCome()) flags |= FLAG_RF;
  if (gateType == GATE_TASK) return switchTask(gateSelector, TASK_BY_INTERRUPT, errorCode, returnRip, flags, external);
  if (inLongMode()) deliverInLongMode(errorCode, returnRip, flags);
  else deliverInProtectedMode(errorCode, returnRip, flags);
}

/** Faults, unlike traps, return to the instruction itself (6.5), but for its breakpoints with RF as it is (18.3.1.1). */
export function isFault(vector: u32): bool {
  return vector == DEBUG ? (debugConditions & DR6_BD) != 0 : vector != 3 && vector != 4;
}

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
  return true;
}

function gateFault(vector: u32, errorCode: u32): bool {
  raise(vector, errorCode);
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
  const cpl = rights & RIGHTS_CONFORMING ? currentLevel() : privilegeOf(rights);
  if (inVirtual8086() && cpl != 0) {
    raise(GENERAL_PROTECTION, (gateSelector & SELECTOR_INDEX) | external);
    return -1;
  }
  return markAccessed() ? <i32>cpl : -1;
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
    rsp = readTssPointer64(gateStack != 0 ? interruptPointer(gateStack) : ringPointer(cpl), external);
    if (faultPending != NONE) return;
  }
  if (!canonical(gateOffset)) {
    raise(GENERAL_PROTECTION, external);
    return;
  }
  const oldRsp = load<u64>(RSP_SLOT);
  beginLongStackAt(rsp & ~15, cpl, external);
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

/** 6.12.1; the frame's items have the gate's size. */
function deliverInProtectedMode(errorCode: i64, returnRip: u64, flags: u64): void {
  const size: u32 = gateType & 8 ? 4 : 2;
  const cpl = checkHandlerCode();
  if (cpl < 0) return;
  const virtual = inVirtual8086();
  const inner = <u32>cpl < currentLevel();
  const codeBase = descriptorBase();
  const codeLimit = descriptorLimit();
  const codeRights = descriptorRights();
  const items: u32 = (inner ? 5 : 3) + (errorCode >= 0 ? 1 : 0) + (virtual ? 4 : 0);
  if (inner) {
    if (!findInnerStack(cpl, external)) return;
    beginInnerStack(cpl, external);
  } else {
    beginStack(external);
  }
  if (!roomOnStack(items, size)) return;
  if (gateOffset > codeLimit) {
    raise(GENERAL_PROTECTION, external);
    return;
  }
  if (virtual) pushDataSegments(size);
  if (inner) {
    push(size, segmentSelector(SS));
    push(size, load<u64>(RSP_SLOT));
  }
  pushHead(size, flags, returnRip, errorCode);
  if (faultPending != NONE) return;
  if (inner) installInnerStack();
  commitStack();
  if (virtual) dropDataSegments();
  installHandlerCode(codeBase, codeLimit, codeRights, cpl);
  enterHandler(cpl, flags);
}

/** From virtual-8086 mode the data segments are saved too, and left null (21.3.1.1). */
function pushDataSegments(size: u32): void {
  push(size, segmentSelector(GS));
  push(size, segmentSelector(FS));
  push(size, segmentSelector(DS));
  push(size, segmentSelector(ES));
}

function dropDataSegments(): void {
  writeSegment(GS, 0, 0, 0, RIGHTS_UNUSABLE);
  writeSegment(FS, 0, 0, 0, RIGHTS_UNUSABLE);
  writeSegment(DS, 0, 0, 0, RIGHTS_UNUSABLE);
  writeSegment(ES, 0, 0, 0, RIGHTS_UNUSABLE);
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
  beginStack(0);
  if (!roomOnStack(3, 2)) return;
  pushHead(2, flags, returnRip, -1);
  if (faultPending != NONE) return;
  commitStack();
  loadRealMode(CS, target >> 16);
  setFlags(flags & ~<u64>(FLAG_IF | FLAG_TF | FLAG_RF | FLAG_AC));
  store<u64>(RIP, target & 0xffff);
  modeChanged();
}
