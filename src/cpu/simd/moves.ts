/**
 * Moves between XMM and MMX registers, general-purpose registers and memory (SDM Vol. 1, 9.4.1, 10.4.1, 11.4.1).
 */
import { X87_REGISTERS, XMM } from '../../spec/cpu-state';
import { faultPending, NONE } from '../fault';
import { opDst, opReg, opRm, opSize, opSrc } from '../op';
import {
  endWrite, placeToRead, placeToReadAligned, placeToWrite, placeToWriteAligned, readOperand, writeOperand, writeRegister,
} from '../operands';
import { enterMmx, mmxReady, sseAndMmxReady, sseReady, storeMmx } from './access';

/** MOVUPS, MOVUPD, MOVDQU. */
export function movu_load(op: usize): void {
  if (!sseReady()) return;
  const at = placeToRead(op, 16);
  if (at != 0) v128.store(opSrc(op), v128.load(at));
}

export function movu_store(op: usize): void {
  if (!sseReady()) return;
  const at = placeToWrite(op, 16);
  if (at == 0) return;
  v128.store(at, v128.load(opSrc(op)));
  endWrite(at);
}

/** MOVAPS, MOVAPD, MOVDQA. */
export function mova_load(op: usize): void {
  if (!sseReady()) return;
  const at = placeToReadAligned(op, 16);
  if (at != 0) v128.store(opSrc(op), v128.load(at));
}

/** Non-temporal stores of 16 bytes too. */
export function mova_store(op: usize): void {
  if (!sseReady()) return;
  const at = placeToWriteAligned(op, 16);
  if (at == 0) return;
  v128.store(at, v128.load(opSrc(op)));
  endWrite(at);
}

/** From memory the rest of the register is cleared, from a register it is kept. */
export function movss_load(op: usize): void {
  if (!sseReady()) return;
  const at = placeToRead(op, 4);
  if (at == 0) return;
  if (opDst(op) != 0) store<u32>(opSrc(op), load<u32>(at));
  else v128.store(opSrc(op), i64x2(load<u32>(at), 0));
}

export function movsd_load(op: usize): void {
  if (!sseReady()) return;
  const at = placeToRead(op, 8);
  if (at == 0) return;
  if (opDst(op) != 0) store<u64>(opSrc(op), load<u64>(at));
  else v128.store(opSrc(op), i64x2(load<u64>(at), 0));
}

export function movss_store(op: usize): void {
  if (!sseReady()) return;
  const at = placeToWrite(op, 4);
  if (at == 0) return;
  store<u32>(at, load<u32>(opSrc(op)));
  endWrite(at);
}

export function movsd_store(op: usize): void {
  if (!sseReady()) return;
  const at = placeToWrite(op, 8);
  if (at == 0) return;
  store<u64>(at, load<u64>(opSrc(op)));
  endWrite(at);
}

/** MOVQ between XMM registers and memory. */
export function movq_load(op: usize): void {
  if (!sseReady()) return;
  const at = placeToRead(op, 8);
  if (at != 0) v128.store(opSrc(op), i64x2(load<u64>(at), 0));
}

export function movq_store(op: usize): void {
  if (!sseReady()) return;
  const at = placeToWrite(op, 8);
  if (at == 0) return;
  store<u64>(at, load<u64>(opSrc(op)));
  if (opDst(op) != 0) store<u64>(at, 0, 8);
  else endWrite(at);
}

/** MOVD and MOVQ, from and to general-purpose registers and memory. */
export function movd_load(op: usize): void {
  if (!sseReady()) return;
  const value = readOperand(op, opSize(op));
  if (faultPending == NONE) v128.store(opSrc(op), i64x2(value, 0));
}

export function movd_store(op: usize): void {
  if (sseReady()) writeOperand(op, opSize(op), load<u64>(opSrc(op)));
}

export function movd_load_mmx(op: usize): void {
  if (!mmxReady()) return;
  const value = readOperand(op, opSize(op));
  if (faultPending != NONE) return;
  enterMmx();
  storeMmx(opSrc(op), value);
}

export function movd_store_mmx(op: usize): void {
  if (!mmxReady()) return;
  writeOperand(op, opSize(op), load<u64>(opSrc(op)));
  if (faultPending == NONE) enterMmx();
}

export function movq_load_mmx(op: usize): void {
  if (!mmxReady()) return;
  const at = placeToRead(op, 8);
  if (at == 0) return;
  enterMmx();
  storeMmx(opSrc(op), load<u64>(at));
}

/** MOVNTQ too. */
export function movq_store_mmx(op: usize): void {
  if (!mmxReady()) return;
  const at = placeToWrite(op, 8);
  if (at == 0) return;
  enterMmx();
  if (opDst(op) != 0) return storeMmx(at, load<u64>(opSrc(op)));
  store<u64>(at, load<u64>(opSrc(op)));
  endWrite(at);
}

/** The low half of the destination from memory, or from the high half of a register (MOVHLPS). */
export function movlps_load(op: usize): void {
  if (!sseReady()) return;
  const at = opDst(op) != 0 ? opDst(op) + 8 : placeToRead(op, 8);
  if (at != 0) store<u64>(opSrc(op), load<u64>(at));
}

/** The high half of the destination from memory, or from the low half of a register (MOVLHPS). */
export function movhps_load(op: usize): void {
  if (!sseReady()) return;
  const at = placeToRead(op, 8);
  if (at != 0) store<u64>(opSrc(op), load<u64>(at), 8);
}

export function movhps_store(op: usize): void {
  if (!sseReady()) return;
  const at = placeToWrite(op, 8);
  if (at == 0) return;
  store<u64>(at, load<u64>(opSrc(op), 8));
  endWrite(at);
}

@inline
function gpr(op: usize, value: u64): void { writeRegister(opSrc(op), 8, value); }

export function movmskps(op: usize): void {
  if (sseReady()) gpr(op, <u64>i32x4.bitmask(v128.load(opDst(op))));
}

export function movmskpd(op: usize): void {
  if (sseReady()) gpr(op, <u64>i64x2.bitmask(v128.load(opDst(op))));
}

export function pmovmskb(op: usize): void {
  if (sseReady()) gpr(op, <u64>i8x16.bitmask(v128.load(opDst(op))));
}

export function pmovmskb_mmx(op: usize): void {
  if (!mmxReady()) return;
  enterMmx();
  gpr(op, <u64>i8x16.bitmask(i64x2(load<u64>(opDst(op)), 0)));
}

/** MOVQ2DQ: ModRM.rm is the MMX register. */
export function movq2dq(op: usize): void {
  if (!sseAndMmxReady()) return;
  enterMmx();
  v128.store(XMM + (opReg(op) << 4), i64x2(load<u64>(X87_REGISTERS + ((opRm(op) & 7) << 4)), 0));
}

export function movdq2q(op: usize): void {
  if (!sseAndMmxReady()) return;
  enterMmx();
  storeMmx(X87_REGISTERS + ((opReg(op) & 7) << 4), load<u64>(XMM + (opRm(op) << 4)));
}
