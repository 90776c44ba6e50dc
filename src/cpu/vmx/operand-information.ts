/**
 * What VM exits tell of instructions with a memory or register operand: instruction information (SDM Vol. 3, tables 28-9
 * to 28-14), and the displacement in the exit qualification (28.2.1).
 */
import { DS, GPR, ZERO_SLOT } from '../../spec/cpu-state';
import { opAddressSize, opBase, opDisp, opDst, opIndex, opScale, opSegment, opSize } from '../op';
import { effectiveOffset } from '../operands';

const REGISTER_OPERAND: u32 = 1 << 10;
const OPERAND_32: u32 = 1 << 11;
const NO_INDEX: u32 = 1 << 22;
const NO_BASE: u32 = 1 << 27;

@inline
function isRegister(slot: usize): bool { return slot >= <usize>GPR && slot < <usize>ZERO_SLOT; }

@inline
function numberOf(slot: usize): u32 { return <u32>(slot - GPR) >> 3; }

/** The decoder drops segments that cannot matter: DS stands for them. */
@inline
function segmentOf(op: usize): u32 { return opSegment(op) == 0xff ? DS : opSegment(op); }

/**
 * Scaling 1:0, register operand 6:3, address size 9:7, register form 10, segment 17:15, index 21:18 and 22, base 26:23
 * and 27, and in bits 31:28 `second`.
 */
export function operandInformation(op: usize, second: u32): u32 {
  if (opDst(op) != 0) return (numberOf(opDst(op)) << 3) | REGISTER_OPERAND | (second << 28);
  const size: u32 = opAddressSize(op) == 8 ? 2 : opAddressSize(op) == 4 ? 1 : 0;
  let information = opScale(op) | (size << 7) | (segmentOf(op) << 15) | (second << 28);
  information |= isRegister(opIndex(op)) ? numberOf(opIndex(op)) << 18 : NO_INDEX;
  information |= isRegister(opBase(op)) ? numberOf(opBase(op)) << 23 : NO_BASE;
  return information;
}

/** LGDT, LIDT, SGDT, SIDT: operand size in bit 11, which instruction in 29:28. */
export function tableInformation(op: usize, identity: u32): u32 {
  return operandInformation(op, identity) | (opSize(op) != 2 ? OPERAND_32 : 0);
}

/** The displacement; the address itself where it is relative to RIP; 0 for a register operand. */
export function displacement(op: usize): u64 {
  if (opDst(op) != 0) return 0;
  const relative = !isRegister(opBase(op)) && opBase(op) != <usize>ZERO_SLOT;
  return relative ? effectiveOffset(op) : <u64><i64>opDisp(op);
}
