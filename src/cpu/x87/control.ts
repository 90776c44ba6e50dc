/**
 * x87 control instructions (SDM Vol. 1, 8.3.11). Those with an N in their name do not look at pending exceptions; none
 * changes the instruction and data pointers.
 */
import { GPR, X87_CONTROL, X87_STATUS, X87_TAGS } from '../../spec/cpu-state';
import { FLOAT_EXCEPTIONS, STATUS_BUSY, STATUS_STACK_FAULT, STATUS_SUMMARY } from '../../spec/float-bits';
import { faultPending, NONE } from '../fault';
import { readOperand, writeOperand } from '../operands';
import { enterMmx, mmxReady } from '../simd/access';
import { available, control, initialize, loadControl, ready, readyToWait, retractError, status } from './state';

export function fninit(op: usize): void {
  if (available()) initialize();
}

export function fnclex(op: usize): void {
  if (!available()) return;
  store<u16>(X87_STATUS, <u16>(status() & ~(FLOAT_EXCEPTIONS | STATUS_STACK_FAULT | STATUS_SUMMARY | STATUS_BUSY)));
  retractError();
}

export function fnstcw(op: usize): void {
  if (available()) writeOperand(op, 2, load<u16>(X87_CONTROL));
}

export function fldcw(op: usize): void {
  if (!ready()) return;
  const word = readOperand(op, 2);
  if (faultPending == NONE) loadControl(<u32>word);
}

export function fnstsw(op: usize): void {
  if (available()) writeOperand(op, 2, status());
}

export function fnstsw_ax(op: usize): void {
  if (available()) store<u16>(GPR, <u16>status());
}

/** FNENI, FNDISI and FNSETPM of the 8087 and 80287 do nothing, and FNOP waits (SDM Vol. 3, 23.18.9). */
export function fnop(op: usize): void { ready(); }

export function fwait(op: usize): void { readyToWait(); }

export function emms(op: usize): void {
  if (!mmxReady()) return;
  enterMmx();
  store<u8>(X87_TAGS, 0);
}
