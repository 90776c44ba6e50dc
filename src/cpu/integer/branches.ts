/**
 * Near transfers of control (SDM Vol. 2: Jcc, JMP, CALL, RET, LOOP, JCXZ) with every check that they make.
 */
import { CODE_BITS, GPR, RIP } from '../../spec/cpu-state';
import { GENERAL_PROTECTION } from '../../spec/vectors';
import { codeLimit, jumpTo } from '../context';
import { rowExtra } from '../decoder';
import { faultPending, NONE, raise } from '../fault';
import { condition, zero } from '../flags';
import { canonical } from '../memory';
import { opAddressSize, opImm, opLength, opRow, opSize } from '../op';
import { readOperand, sizeMask, writeRegister } from '../operands';
import { beginStack, commitStack, pop, push, skipStack } from '../stack';

const RCX: usize = GPR + 8;

function allowed(target: u64): bool {
  if (load<u32>(CODE_BITS) == 64 ? canonical(target) : target <= codeLimit) return true;
  raise(GENERAL_PROTECTION, 0);
  return false;
}

function jump(target: u64): void { if (allowed(target)) jumpTo(target); }

function call(op: usize, target: u64): void {
  if (!allowed(target)) return;
  beginStack();
  push(opSize(op), (load<u64>(RIP) + opLength(op)) & sizeMask(opSize(op)));
  if (faultPending != NONE) return;
  commitStack();
  jumpTo(target);
}

export function jcc(op: usize): void { if (condition(rowExtra(opRow(op)))) jump(opImm(op)); }
export function jmp_near(op: usize): void { jump(opImm(op)); }
export function call_near(op: usize): void { call(op, opImm(op)); }

export function jmp_indirect(op: usize): void {
  const target = readOperand(op, opSize(op));
  if (faultPending == NONE) jump(target);
}

export function call_indirect_(op: usize): void {
  const target = readOperand(op, opSize(op));
  if (faultPending == NONE) call(op, target);
}

export function ret_near(op: usize): void {
  beginStack();
  const target = pop(opSize(op));
  if (faultPending != NONE || !allowed(target)) return;
  skipStack(<u64>opImm(op) & 0xffff);
  commitStack();
  jumpTo(target);
}

@inline
function count(op: usize): u64 { return load<u64>(RCX) & sizeMask(opAddressSize(op)); }

/** Decrements the count register of the address size, and returns it. */
export function loopCount(op: usize): u64 {
  writeRegister(RCX, opAddressSize(op), load<u64>(RCX) - 1);
  return count(op);
}

function loopWhile(op: usize, met: bool): void {
  const left = (count(op) - 1) & sizeMask(opAddressSize(op));
  if (left != 0 && met) jump(opImm(op));
  if (faultPending == NONE) writeRegister(RCX, opAddressSize(op), left);
}

export function loop(op: usize): void { loopWhile(op, true); }
export function loope(op: usize): void { loopWhile(op, zero()); }
export function loopne(op: usize): void { loopWhile(op, !zero()); }
export function jcxz(op: usize): void { if (count(op) == 0) jump(opImm(op)); }
