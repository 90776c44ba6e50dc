/**
 * One decoded instruction ("op"): a record of {@link OP_BYTES} in a block. The decoder writes it, the executor and the
 * handlers read it. Operand fields hold the address of a register slot, so that no handler decodes register numbers.
 *
 *     0  u16 kind        case of the hot switch, or KIND_COLD
 *     2  u8  length      bytes of the instruction
 *     3  u8  size        operand size in bytes: 1, 2, 4, 8
 *     4  u32 dst         register slot (or byte address in a slot for AH…BH), 0 = memory operand
 *     8  u32 src         register slot
 *    12  u32 base        register slot of the base, or ZERO_SLOT
 *    16  u32 index       register slot of the index, or ZERO_SLOT
 *    20  u8  scale       0–3
 *    21  u8  segment     0–5 (ES CS SS DS FS GS), 0xff where its base is known to be zero
 *    22  u8  addressSize 2, 4 or 8
 *    23  u8  prefixes    bit 0 LOCK, 1 REP/REPE, 2 REPNE
 *    24  i64 imm         immediate, sign-extended; branch target offset
 *    32  i32 disp        displacement
 *    36  u16 row         row of the instruction table: its cold handler, its cycles
 *    38  u8  reg         number in ModRM.reg (control, debug and segment registers; group extensions), REX.R included
 *    39  u8  rm          number in ModRM.rm when it is a register, REX.B included
 *
 * With ModRM, dst is the r/m operand and src the register, whichever is the destination (only cases of the hot switch
 * have a register destination in dst). A direct far transfer has its offset in imm, its selector in disp and base 0. An
 * x87 instruction has its own RIP in imm and its opcode (FOP) in src. A near relative branch has its target RIP in imm
 * and, in the hot switch, the following RIP at 4 and links to the two blocks at 12 and 16; a conditional jump that a comparison takes
 * along has at 32 the relations for which it is taken. A near indirect branch in the hot switch has the following RIP in imm, and links
 * to the blocks that it went to last and before: at 12 and 16, or, with a memory operand, at 4 and 8. The base of a RIP-relative
 * operand is the block's first field, its RIP.
 */
export const OP_BYTES = 40;
export const PREFIX_LOCK: u8 = 1;
export const PREFIX_REP: u8 = 2;
export const PREFIX_REPNE: u8 = 4;

@inline export function opKind(op: usize): u16 { return load<u16>(op, 0); }
@inline export function opLength(op: usize): u32 { return load<u8>(op, 2); }
@inline export function opSize(op: usize): u32 { return load<u8>(op, 3); }
@inline export function opDst(op: usize): usize { return load<u32>(op, 4); }
@inline export function opSrc(op: usize): usize { return load<u32>(op, 8); }
@inline export function opBase(op: usize): usize { return load<u32>(op, 12); }
@inline export function opIndex(op: usize): usize { return load<u32>(op, 16); }
@inline export function opScale(op: usize): u8 { return load<u8>(op, 20); }
@inline export function opSegment(op: usize): u8 { return load<u8>(op, 21); }
@inline export function opAddressSize(op: usize): u32 { return load<u8>(op, 22); }
@inline export function opPrefixes(op: usize): u8 { return load<u8>(op, 23); }
@inline export function opImm(op: usize): i64 { return load<i64>(op, 24); }
@inline export function opDisp(op: usize): i32 { return load<i32>(op, 32); }
@inline export function opRow(op: usize): u32 { return load<u16>(op, 36); }
@inline export function opReg(op: usize): u32 { return load<u8>(op, 38); }
@inline export function opRm(op: usize): u32 { return load<u8>(op, 39); }
