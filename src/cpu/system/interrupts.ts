/**
 * INT n, INT3, INTO, INT1 and IRET (SDM Vol. 2; Vol. 3, 6.12–6.14).
 */
import { COST_IRET, CS, RIP, SS } from '../../spec/cpu-state';
import {
  FLAG_FIXED, FLAG_IF, FLAG_IOPL, FLAG_NT, FLAG_OF, FLAG_VM,
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
import { loadRealModeCode } from '../idt';
import { canonical } from '../memory';
import {
  currentLevel, in64BitMode, inLongMode, inProtectedMode, inVirtual8086, modeChanged, RIGHTS_LONG, setLevel,
} from '../mode';
import { opImm, opLength, opSize } from '../op';
import {
  checkStackSegment, descriptorBase, descriptorLimit, descriptorRights, dropInnerSegments, installDescriptor, installNullStack,
  SELECTOR_INDEX, selectorFault, writeSegment,
} from '../segments';
import { beginStack, commitStack, pop, RSP_SLOT } from '../stack';
import { traceRecord } from '../trace';
import { protectionFault, spend, undefinedOpcode } from './common';
import { checkReturnCode } from './return-code';

/** Flags that the executor is to keep in the state it leaves: the handler has set RIP. */
function arrived(): void {
  if (faultPending == NONE) jumpTo(load<u64>(RIP));
}

function software(op: usize, vector: u32, type: u32): void {
  deliverSoftwareEvent(vector, type, opLength(op));
  arrived();
}

export function int_n(op: usize): void { software(op, <u32>opImm(op) & 0xff, INTERRUPTION_SOFTWARE_INTERRUPT); }
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
  if (inProtectedMode() && !inVirtual8086() && (getFlags() & FLAG_NT) != 0) return protectionFault();
  beginIret();
  beginStack();
  newRip = pop(size);
  if (faultPending != NONE) return;
  newCode = <u32>pop(size) & 0xffff;
  if (faultPending != NONE) return;
  newFlags = pop(size);
  if (faultPending != NONE) return;
  if (inProtectedMode() && !inVirtual8086()) returnInProtectedMode(size);
  else returnInRealMode(size);
  if (faultPending != NONE) return;
  endIret();
  spend(COST_IRET);
  refreshAttention();
  traceRecord(IRET, 0, load<u64>(RIP), 0, 0);
  arrived();
}

function mergedFlags(size: u32, level: u32): u64 {
  const old = getFlags();
  let changeable = RETURNABLE;
  if (level == 0) changeable |= FLAG_IF | FLAG_IOPL;
  else if (level <= (<u32>(old & FLAG_IOPL) >> 12)) changeable |= FLAG_IF;
  if (size == 2) changeable &= 0xffff;
  return (old & ~changeable & ~<u64>FLAG_VM) | (newFlags & changeable) | FLAG_FIXED;
}

function returnInRealMode(size: u32): void {
  commitStack();
  loadRealModeCode(newCode);
  setFlags(mergedFlags(size, 0));
  store<u64>(RIP, newRip & (size == 2 ? 0xffff : 0xffff_ffff));
  modeChanged();
}

/** In 64-bit mode SS:RSP is always popped; elsewhere on a return to an outer ring. */
function returnInProtectedMode(size: u32): void {
  if ((newFlags & FLAG_VM) != 0 && size == 4 && currentLevel() == 0 && !inLongMode()) return undefinedOpcode();
  const level = newCode & 3;
  if (!checkReturnCode(newCode)) return;
  const base = descriptorBase();
  const limit = descriptorLimit();
  const rights = descriptorRights();
  const to64 = inLongMode() && (rights & RIGHTS_LONG) != 0;
  if (to64 ? !canonical(newRip) : newRip > limit) return protectionFault();
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
  const flags = mergedFlags(size, currentLevel());
  if (withStack) installReturnStack(stack, level, rsp, size);
  else commitStack();
  writeSegment(CS, newCode, base, limit, rights);
  setFlags(flags);
  store<u64>(RIP, size == 2 ? newRip & 0xffff : newRip);
  setLevel(level);
  if (outer) dropInnerSegments(level);
}

/** A null SS is allowed on a return to 64-bit code below ring 3. */
function checkReturnStack(selector: u32, level: u32, to64: bool): bool {
  if (selector & SELECTOR_INDEX) return checkStackSegment(selector, level, GENERAL_PROTECTION, 0);
  if (to64 && level < 3 && (selector & 3) == level) return true;
  return selectorFault(GENERAL_PROTECTION, 0);
}

function installReturnStack(selector: u32, level: u32, rsp: u64, size: u32): void {
  if (selector & SELECTOR_INDEX) installDescriptor(SS, selector);
  else installNullStack(selector, level);
  if (size == 8) store<u64>(RSP_SLOT, rsp);
  else if (size == 4) store<u64>(RSP_SLOT, rsp & 0xffff_ffff);
  else store<u64>(RSP_SLOT, (load<u64>(RSP_SLOT) & ~0xffff) | (rsp & 0xffff));
}
