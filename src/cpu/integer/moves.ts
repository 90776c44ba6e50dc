/**
 * Moves of data between registers and memory, exchanges, conversions and the instructions on single flags (SDM Vol. 2).
 */
import { COST_FENCE, GPR, RFLAGS } from '../../spec/cpu-state';
import { FLAG_AF, FLAG_CF, FLAG_DF, FLAG_PF, FLAG_SF, FLAG_ZF } from '../../spec/control-bits';
import { GENERAL_PROTECTION } from '../../spec/vectors';
import { chargeCycles } from '../counters';
import { rowExtra } from '../decoder';
import { faultPending, NONE, raise } from '../fault';
import { carry, changeFlags, condition, getFlags, setAdd, setSub } from '../flags';
import { opAddressSize, opDst, opImm, opRow, opSegment, opSize, opSrc } from '../op';
import {
  beginModify, effectiveOffset, endModify, linearAddress, logSize, modifyAt, readAt, readOperand, readRegister, signExtend,
  sizeMask, writeAt, writeOperand, writeRegister,
} from '../operands';

const RAX: usize = GPR;
const RCX: usize = GPR + 8;
const RDX: usize = GPR + 16;
const RBX: usize = GPR + 24;
const AH: usize = GPR + 1;

export function mov_rm_reg(op: usize): void { writeOperand(op, opSize(op), readRegister(opSrc(op), opSize(op))); }
export function mov_rm_imm(op: usize): void { writeOperand(op, opSize(op), opImm(op)); }

export function mov_reg_rm(op: usize): void {
  const value = readOperand(op, opSize(op));
  if (faultPending == NONE) writeRegister(opSrc(op), opSize(op), value);
}

export function mov_acc_offset(op: usize): void {
  const value = readAt(opSegment(op), opImm(op), opSize(op));
  if (faultPending == NONE) writeRegister(RAX, opSize(op), value);
}

export function mov_offset_acc(op: usize): void { writeAt(opSegment(op), opImm(op), opSize(op), readRegister(RAX, opSize(op))); }

function extend(op: usize, from: u32, signed: bool): void {
  const value = readOperand(op, from);
  if (faultPending == NONE) writeRegister(opSrc(op), opSize(op), signed ? signExtend(value, from) : value);
}

export function movzx_b(op: usize): void { extend(op, 1, false); }
export function movzx_w(op: usize): void { extend(op, 2, false); }
export function movsx_b(op: usize): void { extend(op, 1, true); }
export function movsx_w(op: usize): void { extend(op, 2, true); }
export function movsxd(op: usize): void { extend(op, min<u32>(opSize(op), 4), true); }

export function lea(op: usize): void { writeRegister(opSrc(op), opSize(op), effectiveOffset(op)); }

export function cmov(op: usize): void {
  const value = readOperand(op, opSize(op));
  if (faultPending != NONE) return;
  writeRegister(opSrc(op), opSize(op), condition(rowExtra(opRow(op))) ? value : readRegister(opSrc(op), opSize(op)));
}

export function setcc(op: usize): void { writeOperand(op, 1, condition(rowExtra(opRow(op))) ? 1 : 0); }

export function xchg(op: usize): void {
  const size = opSize(op);
  const place = beginModify(op, size);
  if (place == 0) return;
  const value = readRegister(place, size);
  endModify(place, size, readRegister(opSrc(op), size));
  writeRegister(opSrc(op), size, value);
}

/** Opcode 90 without REX.B is NOP: it does not clear the upper half of RAX. */
export function xchg_acc(op: usize): void { if (opDst(op) != RAX) xchg(op); }

export function cmpxchg(op: usize): void {
  const size = opSize(op);
  const place = beginModify(op, size);
  if (place == 0) return;
  const b = signExtend(readRegister(place, size), size);
  const a = signExtend(readRegister(RAX, size), size);
  if (a == b) endModify(place, size, readRegister(opSrc(op), size));
  else {
    // Memory receives a write in any case; a register does not, not even the zero extension of 32 bits.
    if (opDst(op) == 0) endModify(place, size, b);
    writeRegister(RAX, size, b);
  }
  setSub(a, b, signExtend(a - b, size));
}

export function cmpxchg8b(op: usize): void {
  const place = modifyAt(opSegment(op), effectiveOffset(op), 8);
  if (place == 0) return;
  const value = load<u64>(place);
  const equal = value == (<u64>load<u32>(RAX) | (<u64>load<u32>(RDX) << 32));
  endModify(place, 8, equal ? <u64>load<u32>(RBX) | (<u64>load<u32>(RCX) << 32) : value);
  if (!equal) {
    store<u64>(RAX, value & 0xffff_ffff);
    store<u64>(RDX, value >> 32);
  }
  changeFlags(FLAG_ZF, equal ? FLAG_ZF : 0);
}

export function cmpxchg16b(op: usize): void {
  const offset = effectiveOffset(op);
  if ((linearAddress(opSegment(op), offset, 16, true) & 15) != 0) return raise(GENERAL_PROTECTION, 0);
  const place = modifyAt(opSegment(op), offset, 16);
  if (place == 0) return;
  const low = load<u64>(place);
  const high = load<u64>(place, 8);
  const equal = low == load<u64>(RAX) && high == load<u64>(RDX);
  if (equal) store<u64>(place, load<u64>(RCX), 8);
  endModify(place, 8, equal ? load<u64>(RBX) : low);
  if (!equal) {
    store<u64>(RAX, low);
    store<u64>(RDX, high);
  }
  changeFlags(FLAG_ZF, equal ? FLAG_ZF : 0);
}

export function xadd(op: usize): void {
  const size = opSize(op);
  const place = beginModify(op, size);
  if (place == 0) return;
  const a = signExtend(readRegister(place, size), size);
  const r = signExtend(a + readRegister(opSrc(op), size), size);
  if (opDst(op) != 0) {
    writeRegister(opSrc(op), size, a);
    endModify(place, size, r);
  } else {
    endModify(place, size, r);
    writeRegister(opSrc(op), size, a);
  }
  setAdd(a, r, logSize(size));
}

/** CBW, CWDE, CDQE. */
export function cbw(op: usize): void { writeRegister(RAX, opSize(op), signExtend(load<u64>(RAX), opSize(op) >> 1)); }
/** CWD, CDQ, CQO. */
export function cwd(op: usize): void { writeRegister(RDX, opSize(op), signExtend(load<u64>(RAX), opSize(op)) >> 63); }

export function xlat(op: usize): void {
  const offset = (load<u64>(RBX) + load<u8>(RAX)) & sizeMask(opAddressSize(op));
  const value = readAt(opSegment(op), offset, 1);
  if (faultPending == NONE) store<u8>(RAX, <u8>value);
}

const LOW_FLAGS: u64 = FLAG_SF | FLAG_ZF | FLAG_AF | FLAG_PF | FLAG_CF;
export function sahf(op: usize): void { changeFlags(LOW_FLAGS, load<u8>(AH)); }
export function lahf(op: usize): void { store<u8>(AH, <u8>((getFlags() & LOW_FLAGS) | 2)); }

export function cmc(op: usize): void { changeFlags(FLAG_CF, carry() ? 0 : FLAG_CF); }
export function clc(op: usize): void { changeFlags(FLAG_CF, 0); }
export function stc(op: usize): void { changeFlags(FLAG_CF, FLAG_CF); }
export function cld(op: usize): void { store<u64>(RFLAGS, load<u64>(RFLAGS) & ~<u64>FLAG_DF); }
export function std(op: usize): void { store<u64>(RFLAGS, load<u64>(RFLAGS) | FLAG_DF); }

export function nop(op: usize): void {}
export function mfence(op: usize): void { chargeCycles(load<u32>(COST_FENCE)); }
/** There is no cache to flush, but the address is checked as for a load. */
export function clflush(op: usize): void { readOperand(op, 1); }
