/**
 * MOV, PUSH, POP and LxS with segment registers.
 */
import { CS, DS, ES, FS, GS, SS } from '../../spec/cpu-state';
import { BLOCKING_BY_MOV_SS } from '../../spec/vmx-controls';
import { contextChanged } from '../context';
import { blockForOneInstruction } from '../events';
import { faultPending, NONE } from '../fault';
import { readMemory } from '../memory';
import { opReg, opSegment, opSize } from '../op';
import { effectiveOffset, linearAddress, readOperand, writeOperand, writeRegister } from '../operands';
import { loadDataSegment, segmentSelector } from '../segments';
import { beginStack, commitStack, pop, push } from '../stack';
import { regSlot, rmIsMemory, undefinedOpcode } from './common';

/** Loads are interruptible one instruction later when SS changed (SDM 6.8.3). */
function loaded(index: u32): void {
  contextChanged();
  if (index == SS) blockForOneInstruction(BLOCKING_BY_MOV_SS);
}

export function mov_sreg_load(op: usize): void {
  const index = opReg(op) & 7;
  if (index == CS || index > <u32>GS) return undefinedOpcode();
  const selector = <u32>readOperand(op, 2);
  if (faultPending == NONE && loadDataSegment(index, selector)) loaded(index);
}

export function mov_sreg_store(op: usize): void {
  const index = opReg(op) & 7;
  if (index > <u32>GS) return undefinedOpcode();
  writeOperand(op, rmIsMemory(op) ? 2 : opSize(op), segmentSelector(index));
}

export function push_sreg(op: usize): void {
  beginStack();
  push(opSize(op), segmentSelector(opReg(op) & 7));
  if (faultPending == NONE) commitStack();
}

export function pop_sreg(op: usize): void {
  const index = opReg(op) & 7;
  beginStack();
  const selector = <u32>pop(opSize(op)) & 0xffff;
  if (faultPending != NONE || !loadDataSegment(index, selector)) return;
  commitStack();
  loaded(index);
}

export function lss(op: usize): void { loadFarPointer(op, SS); }
export function lfs(op: usize): void { loadFarPointer(op, FS); }
export function lgs(op: usize): void { loadFarPointer(op, GS); }
export function les(op: usize): void { loadFarPointer(op, ES); }
export function lds(op: usize): void { loadFarPointer(op, DS); }

function loadFarPointer(op: usize, index: u32): void {
  if (!rmIsMemory(op)) return undefinedOpcode();
  const at = linearAddress(opSegment(op), effectiveOffset(op), opSize(op) + 2, false);
  if (faultPending != NONE) return;
  const offset = readMemory(at, opSize(op));
  if (faultPending != NONE) return;
  const selector = <u32>readMemory(at + opSize(op), 2);
  if (faultPending != NONE || !loadDataSegment(index, selector)) return;
  writeRegister(regSlot(op), opSize(op), offset);
  contextChanged();
}
