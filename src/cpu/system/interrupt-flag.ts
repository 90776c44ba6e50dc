/**
 * CLI, STI, PUSHF, POPF, CLAC, STAC.
 */
import {
  FLAG_AC, FLAG_FIXED, FLAG_IF, FLAG_IOPL, FLAG_RF, FLAG_VIF, FLAG_VIP, FLAG_VM,
} from '../../spec/control-bits';
import { BLOCKING_BY_STI } from '../../spec/vmx-controls';
import { blockForOneInstruction, refreshAttention } from '../events';
import { faultPending, NONE } from '../fault';
import { getFlags, setFlags } from '../flags';
import { currentLevel, inProtectedMode, modeChanged } from '../mode';
import { opSize } from '../op';
import { beginStack, commitStack, pop, push } from '../stack';
import { protectionFault, undefinedOpcode } from './common';
import { ioPrivilege, mayTakeImage, virtual8086Extended, virtualFlagCounts, virtualImage, withVirtualFlag } from './virtual-interrupts';

function mayChangeInterruptFlag(flags: u64): bool {
  if (!inProtectedMode() || currentLevel() <= ioPrivilege(flags)) return true;
  protectionFault();
  return false;
}

export function cli(op: usize): void {
  const flags = getFlags();
  if (virtualFlagCounts(flags)) return setFlags(flags & ~<u64>FLAG_VIF);
  if (!mayChangeInterruptFlag(flags)) return;
  setFlags(flags & ~<u64>FLAG_IF);
  refreshAttention();
}

/** Interrupts stay blocked until the instruction after the next boundary, if IF was clear (SDM Vol. 2, STI). */
export function sti(op: usize): void {
  const flags = getFlags();
  if (virtualFlagCounts(flags)) {
    if (flags & FLAG_VIP) protectionFault();
    else setFlags(flags | FLAG_VIF);
    return;
  }
  if (!mayChangeInterruptFlag(flags)) return;
  if (flags & FLAG_IF) return;
  setFlags(flags | FLAG_IF);
  refreshAttention();
  blockForOneInstruction(BLOCKING_BY_STI);
}

/** Virtual-8086 mode below IOPL 3: without VME, and with an operand size of 32, PUSHF and POPF are #GP(0). */
@inline
function isVirtual(flags: u64): bool { return (flags & FLAG_VM) != 0 && ioPrivilege(flags) < 3; }
@inline
function isRefused(op: usize): bool { return opSize(op) != 2 || !virtual8086Extended(); }

export function pushf(op: usize): void {
  const flags = getFlags();
  const virtual = isVirtual(flags);
  if (virtual && isRefused(op)) return protectionFault();
  beginStack();
  push(opSize(op), (virtual ? virtualImage(flags) : flags) & ~<u64>(FLAG_VM | FLAG_RF));
  if (faultPending == NONE) commitStack();
}

const POPPABLE: u64 = 0x0024_4dd5; // CF PF AF ZF SF TF DF OF NT AC ID

export function popf(op: usize): void {
  const flags = getFlags();
  const virtual = isVirtual(flags);
  if (virtual && isRefused(op)) return protectionFault();
  beginStack();
  const popped = pop(opSize(op));
  if (faultPending != NONE) return;
  if (virtual && !mayTakeImage(popped)) return protectionFault();
  let changeable = POPPABLE;
  if (!inProtectedMode() || currentLevel() == 0) changeable |= FLAG_IF | FLAG_IOPL;
  else if (currentLevel() <= ioPrivilege(flags)) changeable |= FLAG_IF;
  if (opSize(op) == 2) changeable &= 0xffff;
  commitStack();
  const next = (flags & ~changeable & ~<u64>FLAG_RF) | (popped & changeable) | FLAG_FIXED;
  setFlags(virtual ? withVirtualFlag(next, popped) : next);
  if (((popped ^ flags) & changeable & FLAG_AC) != 0) modeChanged();
  refreshAttention();
}

export function clac(op: usize): void { setAlignmentCheck(0); }
export function stac(op: usize): void { setAlignmentCheck(FLAG_AC); }

function setAlignmentCheck(value: u64): void {
  if (currentLevel() > 0) return undefinedOpcode();
  setFlags((getFlags() & ~<u64>FLAG_AC) | value);
}
