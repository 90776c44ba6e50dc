/**
 * BT, BTS, BTR, BTC, BSF, BSR, POPCNT, BSWAP (SDM Vol. 2).
 */
import { FLAG_CF } from '../../spec/control-bits';
import { rowExtra } from '../decoder';
import { faultPending, NONE } from '../fault';
import { changeFlags, setLogic } from '../flags';
import { opAddressSize, opDst, opImm, opRow, opSegment, opSize, opSrc } from '../op';
import {
  beginModify, effectiveOffset, endModify, modifyAt, readAt, readOperand, readRegister, signExtend, sizeMask, writeRegister,
} from '../operands';

const BT: u32 = 0;

@inline
function changed(which: u32, value: u64, bit: u64): u64 {
  const mask: u64 = <u64>1 << bit;
  return which == 1 ? value | mask : which == 2 ? value & ~mask : value ^ mask;
}

@inline
function setCarry(value: u64, bit: u64): void { changeFlags(FLAG_CF, (value >> bit) & 1); }

export function bit_rm_imm(op: usize): void { bitInOperand(op, opImm(op)); }

export function bit_rm_reg(op: usize): void {
  const offset = signExtend(readRegister(opSrc(op), opSize(op)), opSize(op));
  if (opDst(op) != 0) bitInOperand(op, offset);
  else bitInString(op, offset);
}

function bitInOperand(op: usize, offset: i64): void {
  const size = opSize(op);
  const bit: u64 = offset & ((size << 3) - 1);
  const which = rowExtra(opRow(op));
  if (which == BT) {
    const value = readOperand(op, size);
    if (faultPending == NONE) setCarry(value, bit);
    return;
  }
  const place = beginModify(op, size);
  if (place == 0) return;
  const value = readRegister(place, size);
  endModify(place, size, changed(which, value, bit));
  setCarry(value, bit);
}

/** The operand lies at the base of a bit string; the offset reaches beyond it either way (Vol. 2, 3.1.1.9). */
function bitInString(op: usize, offset: i64): void {
  const size = opSize(op);
  const log: i64 = ctz<i64>(size << 3);
  const at = (effectiveOffset(op) + ((offset >> log) * size)) & sizeMask(opAddressSize(op));
  const bit: u64 = offset & ((size << 3) - 1);
  const which = rowExtra(opRow(op));
  if (which == BT) {
    const value = readAt(opSegment(op), at, size);
    if (faultPending == NONE) setCarry(value, bit);
    return;
  }
  const place = modifyAt(opSegment(op), at, size);
  if (place == 0) return;
  const value = readRegister(place, size);
  endModify(place, size, changed(which, value, bit));
  setCarry(value, bit);
}

/** A source of 0 leaves the destination as it is. */
function scan(op: usize, forward: bool): void {
  const size = opSize(op);
  const value = readOperand(op, size);
  if (faultPending != NONE) return;
  setLogic(signExtend(value, size));
  if (value != 0) writeRegister(opSrc(op), size, forward ? ctz<u64>(value) : 63 - clz<u64>(value));
}

export function bsf(op: usize): void { scan(op, true); }
export function bsr(op: usize): void { scan(op, false); }

export function popcnt_(op: usize): void {
  const value = readOperand(op, opSize(op));
  if (faultPending != NONE) return;
  const count = popcnt<u64>(value);
  writeRegister(opSrc(op), opSize(op), count);
  changeFlags(0x8d5, count == 0 ? 0x40 : 0);
}

export function bswap(op: usize): void {
  const slot = opDst(op);
  if (opSize(op) == 2) store<u16>(slot, 0); // undefined; what existing processors do
  else if (opSize(op) == 8) store<u64>(slot, bswap64(load<u64>(slot)));
  else store<u64>(slot, bswap64(load<u32>(slot)) >> 32);
}

function bswap64(value: u64): u64 {
  const swapped = ((value >> 8) & 0x00ff_00ff_00ff_00ff) | ((value & 0x00ff_00ff_00ff_00ff) << 8);
  const words = ((swapped >> 16) & 0x0000_ffff_0000_ffff) | ((swapped & 0x0000_ffff_0000_ffff) << 16);
  return (words >> 32) | (words << 32);
}
