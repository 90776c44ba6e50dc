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

@inline
function ioPrivilege(flags: u64): u32 { return <u32>(flags & FLAG_IOPL) >> 12; }

function mayChangeInterruptFlag(flags: u64): bool {
  if (!inProtectedMode() || currentLevel() <= ioPrivilege(flags)) return true;
  protectionFault();
  return false;
}

export function cli(op: usize): void {
  const flags = getFlags();
  if (!mayChangeInterruptFlag(flags)) return;
  setFlags(flags & ~<u64>FLAG_IF);
  refreshAttention();
}

/** Interrupts stay blocked until the instruction after the next boundary, if IF was clear (SDM Vol. 2, STI). */
export function sti(op: usize): void {
  const flags = getFlags();
  if (!mayChangeInterruptFlag(flags)) return;
  if (flags & FLAG_IF) return;
  setFlags(flags | FLAG_IF);
  refreshAttention();
  blockForOneInstruction(BLOCKING_BY_STI);
}

export function pushf(op: usize): void {
  const flags = getFlags();
  if ((flags & FLAG_VM) != 0 && ioPrivilege(flags) < 3) return protectionFault();
  beginStack();
  push(opSize(op), flags & ~<u64>(FLAG_VM | FLAG_RF));
  if (faultPending == NONE) commitStack();
}

const POPPABLE: u64 = 0x0024_4dd5; // CF PF AF ZF SF TF DF OF NT AC ID

export function popf(op: usize): void {
  const flags = getFlags();
  if ((flags & FLAG_VM) != 0 && ioPrivilege(flags) < 3) return protectionFault();
  beginStack();
  const popped = pop(opSize(op));
  if (faultPending != NONE) return;
  let changeable = POPPABLE;
  if (!inProtectedMode() || currentLevel() == 0) changeable |= FLAG_IF | FLAG_IOPL;
  else if (currentLevel() <= ioPrivilege(flags)) changeable |= FLAG_IF;
  if (opSize(op) == 2) changeable &= 0xffff;
  commitStack();
  const kept = flags & ~changeable & ~<u64>(opSize(op) == 2 ? FLAG_RF : FLAG_RF | FLAG_VIF | FLAG_VIP);
  setFlags(kept | (popped & changeable) | FLAG_FIXED);
  if (((popped ^ flags) & changeable & FLAG_AC) != 0) modeChanged();
  refreshAttention();
}

export function clac(op: usize): void { setAlignmentCheck(0); }
export function stac(op: usize): void { setAlignmentCheck(FLAG_AC); }

function setAlignmentCheck(value: u64): void {
  if (currentLevel() > 0) return undefinedOpcode();
  setFlags((getFlags() & ~<u64>FLAG_AC) | value);
}
