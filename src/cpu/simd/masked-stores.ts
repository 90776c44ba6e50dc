/**
 * MASKMOVDQU and MASKMOVQ: the bytes that the mask selects, to DS:rDI (SDM Vol. 2, MASKMOVDQU). The whole operand must be
 * writable; where no byte is selected nothing is accessed.
 */
import { GPR } from '../../spec/cpu-state';
import { BOUNCE } from '../../spec/memory-map';
import { faultPending, NONE } from '../fault';
import { commitWrite } from '../memory';
import { opAddressSize, opDst, opSegment, opSrc } from '../op';
import { modifyAt, sizeMask } from '../operands';
import { enterMmx, mmxReady, sseReady } from './access';

const RDI: usize = GPR + 7 * 8;

function storeSelected(op: usize, size: u32): void {
  const offset = load<u64>(RDI) & sizeMask(opAddressSize(op));
  const mask = opDst(op);
  const value = opSrc(op);
  const at = modifyAt(opSegment(op), offset, size);
  if (faultPending != NONE) return;
  for (let i: u32 = 0; i < size; i++) if (load<i8>(mask + i) < 0) store<u8>(at + i, load<u8>(value + i));
  if (at == BOUNCE) commitWrite();
}

export function maskmovdqu(op: usize): void {
  if (sseReady() && i8x16.bitmask(v128.load(opDst(op))) != 0) storeSelected(op, 16);
}

export function maskmovq(op: usize): void {
  if (!mmxReady()) return;
  if (load<u64>(opDst(op)) & 0x8080_8080_8080_8080) storeSelected(op, 8);
  if (faultPending == NONE) enterMmx();
}
