/**
 * PUSH, POP, PUSHA, POPA, ENTER, LEAVE (SDM Vol. 1, 6.2 and 6.6). RSP changes when nothing can fault any more.
 */
import { GPR, SS } from '../../spec/cpu-state';
import { faultPending, NONE } from '../fault';
import { readMemory } from '../memory';
import { opDst, opImm, opSize } from '../op';
import { linearAddress, readOperand, readRegister, writeOperand, writeRegister } from '../operands';
import { beginStack, commitStack, pop, push, roomOnStack, skipStack, stackMask, stackPointer, topIsWritable } from '../stack';

const RSP: usize = GPR + 32;
const RBP: usize = GPR + 40;

function pushValue(size: u32, value: u64): void {
  beginStack();
  push(size, value);
  if (faultPending == NONE) commitStack();
}

export function push_rm(op: usize): void {
  const value = readOperand(op, opSize(op));
  if (faultPending == NONE) pushValue(opSize(op), value);
}

export function push_imm(op: usize): void { pushValue(opSize(op), opImm(op)); }

/** The address of a memory operand is found with RSP as it is afterwards; POP RSP leaves what was popped. */
export function pop_rm(op: usize): void {
  const before = load<u64>(RSP);
  beginStack();
  const value = pop(opSize(op));
  if (faultPending != NONE) return;
  commitStack();
  writeOperand(op, opSize(op), value);
  if (faultPending != NONE && opDst(op) == 0) store<u64>(RSP, before);
}

export function pusha(op: usize): void {
  const size = opSize(op);
  beginStack();
  if (!roomOnStack(8, size)) return;
  for (let number: usize = 0; number < 8; number++) push(size, readRegister(GPR + (number << 3), size));
  if (faultPending == NONE) commitStack();
}

export function popa(op: usize): void {
  const size = opSize(op);
  const before = load<u64>(RSP);
  beginStack();
  for (let number: i32 = 7; number >= 0; number--) {
    const value = pop(size);
    if (faultPending != NONE) return;
    store<u64>(POPPED + (<usize>number << 3), value);
  }
  for (let number: usize = 0; number < 8; number++) {
    if (number != 4) writeRegister(GPR + (number << 3), size, load<u64>(POPPED + (number << 3)));
  }
  store<u64>(RSP, before);
  commitStack();
}

const POPPED: usize = memory.data(64, 8);

/** The frame of a procedure at a nesting level takes the pointers of the enclosing ones along. */
export function enter(op: usize): void {
  const size = opSize(op);
  const bytes = <u64>opImm(op) & 0xffff;
  const level = <u32>(opImm(op) >> 16) & 31;
  beginStack();
  if (!roomOnStack(level + 1, size)) return;
  push(size, readRegister(RBP, size));
  const frame = stackPointer();
  let outer = load<u64>(RBP);
  for (let i: u32 = 1; i < level; i++) {
    outer -= size;
    const va = linearAddress(SS, outer & stackMask(), size, false);
    const pointer = faultPending == NONE ? readMemory(va, size) : 0;
    if (faultPending != NONE) return;
    push(size, pointer);
  }
  if (level > 0) push(size, frame);
  if (faultPending != NONE) return;
  skipStack(-bytes);
  if (!topIsWritable(size)) return;
  commitStack();
  writeRegister(RBP, size, frame);
}

export function leave(op: usize): void {
  const before = load<u64>(RSP);
  const mask = stackMask();
  store<u64>(RSP, (before & ~mask) | (load<u64>(RBP) & mask));
  beginStack();
  const value = pop(opSize(op));
  if (faultPending != NONE) {
    store<u64>(RSP, before);
    return;
  }
  commitStack();
  writeRegister(RBP, opSize(op), value);
}
