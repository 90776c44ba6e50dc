/**
 * INT n, INT3, INTO, INT1 and IRET (SDM Vol. 2; Vol. 3, 6.12–6.14).
 */
import { COST_IRET, CS, DS, ES, FS, GS, RIP, SEGMENT_LIMIT, SS, TR } from '../../spec/cpu-state';
import {
  FLAG_FIXED, FLAG_IF, FLAG_IOPL, FLAG_NT, FLAG_OF, FLAG_VIF, FLAG_VIP, FLAG_VM,
} from '../../spec/control-bits';
import { IRET } from '../../spec/trace-records';
import { BREAKPOINT, DEBUG, GENERAL_PROTECTION, OVERFLOW } from '../../spec/vectors';
import {
  INTERRUPTION_PRIVILEGED_SOFTWARE_EXCEPTION, INTERRUPTION_SOFTWARE_EXCEPTION,
  INTERRUPTION_SOFTWARE_INTERRUPT,
} from '../../spec/vmx-controls';
import { jumpTo } from '../context';
import { beginIret, deliverSoftwareEvent, endIret, refreshAttention } from '../events';
import { faultPending, NONE } from '../fault';
import { getFlags, setFlags } from '../flags';
import { canonical, readSystem } from '../memory';
import {
  currentLevel, in64BitMode, inLongMode, inProtectedMode, inVirtual8086, modeChanged, RIGHTS_LONG, segment, setLevel,
} from '../mode';
import { opImm, opLength, opSize } from '../op';
import {
  checkStackSegment, descriptorBase, descriptorLimit, descriptorRights, dropInnerSegments, installDescriptor, installNullStack,
  loadRealMode, loadVirtual8086, segmentBase, SELECTOR_INDEX, writeSegment,
} from '../segments';
import { beginStack, commitStack, pop, RSP_SLOT } from '../stack';
import { switchTask, TASK_BY_IRET } from '../tasks';
import { traceRecord } from '../trace';
import { nextRip, protectionFault, spend, undefinedOpcode } from './common';
import { installStackPointer } from './far-transfers';
import { checkReturnCode } from './return-code';
import {
  ioPrivilege, isRedirected, mayTakeImage, raiseVirtualInterrupt, redirect, virtual8086Extended, withVirtualFlag,
} from './virtual-interrupts';

/** Flags that the executor is to keep in the state it leaves: the handler has set RIP. */
function arrived(): void {
  if (faultPending == NONE) jumpTo(load<u64>(RIP));
}

function software(op: usize, vector: u32, type: u32): void {
  deliverSoftwareEvent(vector, type, opLength(op));
  arrived();
}

/** Virtual-8086 mode below IOPL 3. */
function isVirtual(): bool { return inVirtual8086() && ioPrivilege(getFlags()) < 3; }

/** In virtual-8086 mode INT n, unlike INT3 and INTO, needs IOPL 3, but where it is redirected (21.3.3). */
export function int_n(op: usize): void {
  const vector = <u32>opImm(op) & 0xff;
  if (virtual8086Extended() && isRedirected(vector)) return redirect(vector, nextRip(op) & 0xffff);
  if (faultPending != NONE) return;
  if (isVirtual()) return protectionFault();
  software(op, vector, INTERRUPTION_SOFTWARE_INTERRUPT);
}
export function int3(op: usize): void { software(op, BREAKPOINT, INTERRUPTION_SOFTWARE_EXCEPTION); }
export function int1(op: usize): void { software(op, DEBUG, INTERRUPTION_PRIVILEGED_SOFTWARE_EXCEPTION); }

export function into(op: usize): void {
  if (in64BitMode()) return undefinedOpcode();
  if (getFlags() & FLAG_OF) software(op, OVERFLOW, INTERRUPTION_SOFTWARE_EXCEPTION);
}

const RETURNABLE: u64 = 0x0025_4dd5; // CF PF AF ZF SF TF DF OF NT RF AC ID

let newRip: u64 = 0;
let newCode: u32 = 0;
let newFlags: u64 = 0;

export function iret(op: usize): void {
  const size = opSize(op);
  const segmented = inProtectedMode() && !inVirtual8086();
  if (segmented && (getFlags() & FLAG_NT) != 0) return returnToTask(op);
  if (isVirtual() && (size != 2 || !virtual8086Extended())) return protectionFault();
  beginIret();
  beginStack();
  newRip = pop(size);
  if (faultPending != NONE) return;
  newCode = <u32>pop(size) & 0xffff;
  if (faultPending != NONE) return;
  newFlags = pop(size);
  if (faultPending != NONE) return;
  if (segmented) returnInProtectedMode(size);
  else returnInRealMode(size);
  if (faultPending == NONE) returned();
}

function returned(): void {
  endIret();
  spend(COST_IRET);
  refreshAttention();
  traceRecord(IRET, 0, load<u64>(RIP), 0, 0);
  arrived();
  raiseVirtualInterrupt();
}

/** With NT set IRET returns to the task that the current TSS links to (8.4); IA-32e mode has no tasks. */
function returnToTask(op: usize): void {
  if (inLongMode()) return protectionFault();
  const link = <u32>readSystem(segmentBase(TR), 2);
  if (faultPending != NONE) return;
  beginIret();
  switchTask(link, TASK_BY_IRET, -1, nextRip(op), getFlags(), 0);
  if (faultPending == NONE) returned();
}

function mergedFlags(size: u32, level: u32): u64 {
  const old = getFlags();
  let changeable = RETURNABLE;
  if (level == 0) changeable |= FLAG_IF | FLAG_IOPL | FLAG_VIF | FLAG_VIP;
  else if (level <= ioPrivilege(old)) changeable |= FLAG_IF;
  if (size == 2) changeable &= 0xffff;
  return (old & ~changeable) | (newFlags & changeable) | FLAG_FIXED;
}

/** In virtual-8086 mode, of privilege level 3, IOPL, VM and VIP stay, and below IOPL 3 IF of the image is VIF. */
function returnInRealMode(size: u32): void {
  if (newRip > load<u32>(segment(CS), SEGMENT_LIMIT)) return protectionFault();
  const virtual = isVirtual();
  if (virtual && !mayTakeImage(newFlags)) return protectionFault();
  const merged = mergedFlags(size, currentLevel());
  const flags = virtual ? withVirtualFlag(merged, newFlags) : merged;
  commitStack();
  loadRealMode(CS, newCode);
  setFlags(flags);
  store<u64>(RIP, newRip);
  modeChanged();
}

/** In 64-bit mode SS:RSP is always popped; elsewhere on a return to an outer ring. */
function returnInProtectedMode(size: u32): void {
  if ((newFlags & FLAG_VM) != 0 && size == 4 && currentLevel() == 0 && !inLongMode()) return returnToVirtual8086();
  const level = newCode & 3;
  if (!checkReturnCode(newCode)) return;
  const base = descriptorBase();
  const limit = descriptorLimit();
  const rights = descriptorRights();
  const to64 = inLongMode() && (rights & RIGHTS_LONG) != 0;
  const outer = level > currentLevel();
  const withStack = outer || in64BitMode();
  let rsp: u64 = 0;
  let stack: u32 = 0;
  if (withStack) {
    rsp = pop(size);
    if (faultPending != NONE) return;
    stack = <u32>pop(size) & 0xffff;
    if (faultPending != NONE || !checkReturnStack(stack, level, to64)) return;
  }
  if (to64 ? !canonical(newRip) : newRip > limit) return protectionFault();
  const flags = mergedFlags(size, currentLevel());
  if (!withStack) commitStack();
  else {
    if (stack & SELECTOR_INDEX) installDescriptor(SS, stack);
    else installNullStack(stack, level);
    installStackPointer(rsp, to64);
  }
  writeSegment(CS, newCode, base, limit, rights);
  setFlags(flags);
  store<u64>(RIP, newRip);
  setLevel(level);
  if (outer) dropInnerSegments(level);
}

/** A null SS is allowed on a return to 64-bit code below ring 3. */
function checkReturnStack(selector: u32, level: u32, to64: bool): bool {
  if (selector & SELECTOR_INDEX) return checkStackSegment(selector, level, GENERAL_PROTECTION, 0);
  if (to64 && level < 3 && (selector & 3) == level) return true;
  protectionFault();
  return false;
}

const VIRTUAL_8086_FLAGS: u64 = 0x3f_7fd5;
/** ESP, SS, ES, DS, FS, GS as IRET pops them. */
const POPPED: usize = memory.data(24, 4);

/** 21.2.5: the task goes on in virtual-8086 mode with all its segments popped. */
function returnToVirtual8086(): void {
  for (let i: usize = 0; i < 6; i++) {
    store<u32>(POPPED + (i << 2), <u32>pop(4));
    if (faultPending != NONE) return;
  }
  if (newRip > 0xffff) return protectionFault();
  setFlags((newFlags & VIRTUAL_8086_FLAGS) | FLAG_FIXED);
  loadVirtual8086(CS, newCode);
  loadVirtual8086(SS, <u32>load<u16>(POPPED, 4));
  loadVirtual8086(ES, <u32>load<u16>(POPPED, 8));
  loadVirtual8086(DS, <u32>load<u16>(POPPED, 12));
  loadVirtual8086(FS, <u32>load<u16>(POPPED, 16));
  loadVirtual8086(GS, <u32>load<u16>(POPPED, 20));
  store<u64>(RSP_SLOT, load<u32>(POPPED));
  store<u64>(RIP, newRip);
  setLevel(3);
}
