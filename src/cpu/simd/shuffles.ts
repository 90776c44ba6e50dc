/**
 * Elements chosen by an immediate (SDM Vol. 1, 9.4, 10.4.4, 11.4.1.3): shuffles, insertion and extraction of words.
 */
import { faultPending, NONE } from '../fault';
import { opDst, opImm, opSrc } from '../op';
import { placeToRead, placeToReadAligned, readOperand, writeRegister } from '../operands';
import { enterMmx, mmxReady, sseReady, storeMmx } from './access';

/** Two bits of the order for each of four elements. */
@inline function choice(order: u32, i: u32): usize { return (order >> (i << 1)) & 3; }

function shuffleDoubles(from: usize, from2: usize, order: u32): v128 {
  return i32x4(
    load<i32>(from + (choice(order, 0) << 2)), load<i32>(from + (choice(order, 1) << 2)),
    load<i32>(from2 + (choice(order, 2) << 2)), load<i32>(from2 + (choice(order, 3) << 2)),
  );
}

function shuffleWords(from: usize, order: u32): u64 {
  let result: u64 = 0;
  for (let i: u32 = 0; i < 4; i++) result |= <u64>load<u16>(from + (choice(order, i) << 1)) << (i << 4);
  return result;
}

@inline function order(op: usize): u32 { return <u32>opImm(op) & 0xff; }

export function pshufd(op: usize): void {
  if (!sseReady()) return;
  const at = placeToReadAligned(op, 16);
  if (at != 0) v128.store(opSrc(op), shuffleDoubles(at, at, order(op)));
}

export function pshuflw(op: usize): void {
  if (!sseReady()) return;
  const at = placeToReadAligned(op, 16);
  if (at != 0) v128.store(opSrc(op), i64x2(shuffleWords(at, order(op)), load<u64>(at, 8)));
}

export function pshufhw(op: usize): void {
  if (!sseReady()) return;
  const at = placeToReadAligned(op, 16);
  if (at != 0) v128.store(opSrc(op), i64x2(load<u64>(at), shuffleWords(at + 8, order(op))));
}

export function pshufw(op: usize): void {
  if (!mmxReady()) return;
  const at = placeToRead(op, 8);
  if (at == 0) return;
  const result = shuffleWords(at, order(op));
  enterMmx();
  storeMmx(opSrc(op), result);
}

export function shufps(op: usize): void {
  if (!sseReady()) return;
  const at = placeToReadAligned(op, 16);
  if (at != 0) v128.store(opSrc(op), shuffleDoubles(opSrc(op), at, order(op)));
}

export function shufpd(op: usize): void {
  if (!sseReady()) return;
  const at = placeToReadAligned(op, 16);
  if (at == 0) return;
  const low = load<u64>(opSrc(op) + ((order(op) & 1) << 3));
  v128.store(opSrc(op), i64x2(low, load<u64>(at + ((order(op) & 2) << 2))));
}

/** Of the immediate only the bits count that number a word. */
export function pinsrw(op: usize): void {
  if (!sseReady()) return;
  const word = readOperand(op, 2);
  if (faultPending == NONE) store<u16>(opSrc(op) + ((order(op) & 7) << 1), <u16>word);
}

export function pinsrw_mmx(op: usize): void {
  if (!mmxReady()) return;
  const word = readOperand(op, 2);
  if (faultPending != NONE) return;
  enterMmx();
  const at: u64 = (order(op) & 3) << 4;
  storeMmx(opSrc(op), (load<u64>(opSrc(op)) & ~(<u64>0xffff << at)) | (word << at));
}

export function pextrw(op: usize): void {
  if (sseReady()) writeRegister(opSrc(op), 8, load<u16>(opDst(op) + ((order(op) & 7) << 1)));
}

export function pextrw_mmx(op: usize): void {
  if (!mmxReady()) return;
  enterMmx();
  writeRegister(opSrc(op), 8, load<u16>(opDst(op) + ((order(op) & 3) << 1)));
}
