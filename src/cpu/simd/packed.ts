/**
 * Handlers of packed-integer and logical instructions: operands in, {@link operate}, result out.
 */
import { opDst, opImm, opRow, opSrc } from '../op';
import { placeToRead, placeToReadAligned } from '../operands';
import { rowExtra } from '../decoder';
import { enterMmx, mmxReady, sseReady, storeMmx } from './access';
import { operate, operateHalf, shift } from './integers';
import { PUNPCKHBW, PUNPCKLBW } from './operations';

@inline function operation(op: usize): u32 { return rowExtra(opRow(op)); }

export function packed(op: usize): void {
  if (!sseReady()) return;
  const at = placeToReadAligned(op, 16);
  if (at != 0) v128.store(opSrc(op), operate(operation(op), v128.load(opSrc(op)), v128.load(at)));
}

/** PUNPCKL reads only the half of a memory operand that it uses. */
export function packed_mmx(op: usize): void {
  if (!mmxReady()) return;
  const what = operation(op);
  const half = what >= <u32>PUNPCKLBW && what < <u32>PUNPCKHBW;
  const at = placeToRead(op, half ? 4 : 8);
  if (at == 0) return;
  const result = operateHalf(what, load<u64>(opSrc(op)), half ? <u64>load<u32>(at) : load<u64>(at));
  enterMmx();
  storeMmx(opSrc(op), result);
}

/** Shifts by a count in the low half of a register or of memory. */
export function shift_packed(op: usize): void {
  if (!sseReady()) return;
  const at = placeToReadAligned(op, 16);
  if (at != 0) v128.store(opSrc(op), shift(operation(op), v128.load(opSrc(op)), load<u64>(at)));
}

export function shift_packed_mmx(op: usize): void {
  if (!mmxReady()) return;
  const at = placeToRead(op, 8);
  if (at == 0) return;
  const result = shift(operation(op), i64x2(load<u64>(opSrc(op)), 0), load<u64>(at));
  enterMmx();
  storeMmx(opSrc(op), i64x2.extract_lane(result, 0));
}

export function shift_packed_imm(op: usize): void {
  if (sseReady()) v128.store(opDst(op), shift(operation(op), v128.load(opDst(op)), opImm(op) & 0xff));
}

export function shift_packed_imm_mmx(op: usize): void {
  if (!mmxReady()) return;
  const result = shift(operation(op), i64x2(load<u64>(opDst(op)), 0), opImm(op) & 0xff);
  enterMmx();
  storeMmx(opDst(op), i64x2.extract_lane(result, 0));
}
