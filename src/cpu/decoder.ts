/**
 * One instruction from its bytes (SDM Vol. 2, chapter 2): prefixes, opcode, ModRM, SIB, displacement, immediate. Which
 * instruction it is, and what of these it has, is data: the rows of the generated tables (instructions/).
 */
import {
  COST_LOAD, COST_TRANSFER, GPR, RIP as RIP_SLOT, SEGMENTS, SEGMENT_BYTES, SS, DS, FS, ES, CS, GS, ZERO_SLOT, X87_REGISTERS, XMM,
} from '../spec/cpu-state';
import { GIGABYTE_SLOT } from '../spec/memory-map';
import {
  ROWS, ROW_BYTES, OPCODES, OPCODE_MODRM, OPCODE_FIRST_MASK, UNDEFINED_ROW, TOO_LONG_ROW, KIND_SYSTEM, KIND_COLD,
} from './build/tables';
import { KEY_CODE_32, KEY_CODE_64, KEY_CS_LIMITED, KEY_FLAT, KEY_PROTECTED, modeKey, ripMask } from './context';
import * as shape from './instructions/encoding';
import { opDst, opRow, PREFIX_LOCK, PREFIX_REP, PREFIX_REPNE } from './op';

/** What {@link decode} returns when the bytes end before the instruction does. */
export const TRUNCATED: i32 = -1;
const NO_SEGMENT: u32 = 0xff;

let cursor: usize = 0;
let bytesEnd: usize = 0;
let truncated: bool = false;

let rex: u32 = 0;
let operandOverride: bool = false;
let addressOverride: bool = false;
let prefixes: u8 = 0;
/** The last of F2 and F3, or 0. */
let repeat: u32 = 0;
let segmentOverride: u32 = NO_SEGMENT;
let modrm: u32 = 0;

@inline
function next8(): u32 {
  if (cursor >= bytesEnd) {
    truncated = true;
    return 0;
  }
  return load<u8>(cursor++);
}

function next16(): u32 { return next8() | (next8() << 8); }
function next32(): u32 { return next16() | (next16() << 16); }
function next64(): u64 { return <u64>next32() | (<u64>next32() << 32); }

@inline export function rowAt(index: u32): usize { return ROWS + index * ROW_BYTES; }
/** True when the op ends its block and runs with the state exact. */
@inline export function rowIsSystem(index: u32): bool { return (load<u8>(rowAt(index), shape.ROW_FLAGS) & shape.FLAG_SYSTEM) != 0; }
/** Cycles of an op, beside what its handler charges. */
export function opCycles(op: usize): u32 {
  const row = rowAt(opRow(op));
  const cycles = load<u8>(row, shape.ROW_CYCLES);
  const timing = load<u8>(row, shape.ROW_TIMING);
  return timing == 0 ? cycles : cycles + slowness(op, timing);
}

function slowness(op: usize, timing: u32): u32 {
  const reads = (timing & shape.TIMING_READS) != 0 || ((timing & shape.TIMING_READS_OPERAND) != 0 && opDst(op) == 0);
  return (reads ? load<u32>(COST_LOAD) : 0) + ((timing & shape.TIMING_TRANSFER) != 0 ? load<u32>(COST_TRANSFER) : 0);
}

@inline export function rowExtra(index: u32): u32 { return load<u16>(rowAt(index), shape.ROW_EXTRA); }

/**
 * Decodes the instruction at `start`, whose RIP is `rip`, into `op`; at most 15 bytes before `end` are looked at.
 * `anchor`: a slot that holds a RIP near this one, the base of RIP-relative addresses. Returns the length or TRUNCATED.
 */
export function decode(op: usize, start: usize, end: usize, rip: u64, anchor: usize): i32 {
  cursor = start;
  bytesEnd = end - start > 15 ? start + 15 : end;
  truncated = false;
  memory.fill(op, 0, 40);
  store<u32>(op, ZERO_SLOT, 12);
  store<u32>(op, ZERO_SLOT, 16);
  store<u8>(op, <u8>NO_SEGMENT, 21);
  const opcode = readPrefixes();
  const map = readOpcode(opcode);
  const entry = OPCODES + map * 4;
  const first = load<u32>(entry) & OPCODE_FIRST_MASK;
  const hasModrm = (load<u32>(entry) & OPCODE_MODRM) != 0;
  if (hasModrm) modrm = next8();
  store<u8>(op, prefixes, 23);
  store<u8>(op, <u8>addressSize(), 22);
  const row = chooseRow(first);
  if (row == UNDEFINED_ROW) return truncated ? tooLongOrTruncated(op, start, end) : undefinedOp(op, start, UNDEFINED_ROW);
  store<u16>(op, <u16>row, 36);
  const at = rowAt(row);
  store<u8>(op, <u8>operandSize(load<u8>(at, shape.ROW_SIZE)), 3);
  if (hasModrm) readModrm(op, at);
  else implicitOperands(op, at, map);
  readImmediate(op, at, rip, map);
  if (truncated) return tooLongOrTruncated(op, start, end);
  const length = <i32>(cursor - start);
  store<u8>(op, <u8>length, 2);
  if ((prefixes & PREFIX_LOCK) != 0 && ((load<u8>(at, shape.ROW_FLAGS) & shape.FLAG_LOCK) == 0 || load<u32>(op, 4) != 0)) {
    return undefinedOp(op, start, UNDEFINED_ROW);
  }
  if (load<u32>(op, 12) == RIP_SLOT) anchorRip(op, rip + length, anchor);
  finish(op, at, rip + length);
  return length;
}

function undefinedOp(op: usize, start: usize, row: u32): i32 {
  const length = <i32>(cursor - start);
  store<u16>(op, KIND_SYSTEM);
  store<u8>(op, <u8>length, 2);
  store<u16>(op, <u16>row, 36);
  return length;
}

/** More than 15 bytes: #GP(0) (2.3.11), whatever they are. */
function tooLongOrTruncated(op: usize, start: usize, end: usize): i32 {
  if (end - start < 15) return TRUNCATED;
  return undefinedOp(op, start, TOO_LONG_ROW);
}

function readPrefixes(): u32 {
  const long = (modeKey & KEY_CODE_64) != 0;
  rex = 0;
  operandOverride = false;
  addressOverride = false;
  prefixes = 0;
  repeat = 0;
  segmentOverride = NO_SEGMENT;
  while (true) {
    const byte = next8();
    if (truncated) return 0;
    if (long && (byte & 0xf0) == 0x40) {
      rex = byte;
      continue;
    }
    switch (byte) {
      case 0x66: operandOverride = true; break;
      case 0x67: addressOverride = true; break;
      case 0xf0: prefixes |= PREFIX_LOCK; break;
      case 0xf2: repeat = byte; break;
      case 0xf3: repeat = byte; break;
      case 0x26: if (!long) segmentOverride = ES; break;
      case 0x2e: if (!long) segmentOverride = CS; break;
      case 0x36: if (!long) segmentOverride = SS; break;
      case 0x3e: if (!long) segmentOverride = DS; break;
      case 0x64: segmentOverride = FS; break;
      case 0x65: segmentOverride = GS; break;
      default:
        if (repeat == 0xf3) prefixes |= PREFIX_REP;
        else if (repeat == 0xf2) prefixes |= PREFIX_REPNE;
        return byte;
    }
    rex = 0;
  }
}

/** Index in the tables: 256 opcodes each of one byte, 0F, 0F 38, 0F 3A. */
function readOpcode(first: u32): u32 {
  if (first != 0x0f) return first;
  const second = next8();
  if (second == 0x38) return 0x200 | next8();
  if (second == 0x3a) return 0x300 | next8();
  return 0x100 | second;
}

/** The first row of the opcode that fits prefixes, ModRM and mode. */
function chooseRow(first: u32): u32 {
  if (truncated) return UNDEFINED_ROW;
  const mode: u32 = modeKey & KEY_CODE_64 ? shape.MODE_64 : shape.MODE_LEGACY;
  for (let row = first; row != UNDEFINED_ROW; row++) {
    const at = rowAt(row);
    if (fits(at, mode)) return row;
    if (load<u8>(at, shape.ROW_FLAGS) & shape.FLAG_LAST) return UNDEFINED_ROW;
  }
  return UNDEFINED_ROW;
}

function fits(at: usize, mode: u32): bool {
  const modes = load<u8>(at, shape.ROW_MODES);
  if ((modes & mode) == 0) return false;
  if ((modes & shape.MODE_PROTECTED) != 0 && (modeKey & KEY_PROTECTED) == 0) return false;
  switch (<i32>load<u8>(at, shape.ROW_PREFIX)) {
    case shape.PREFIX_ANY: break;
    case shape.PREFIX_NONE: if (repeat != 0 || operandOverride) return false; break;
    case shape.PREFIX_66: if (repeat != 0 || !operandOverride) return false; break;
    case shape.PREFIX_F3: if (repeat != 0xf3) return false; break;
    case shape.PREFIX_F2: if (repeat != 0xf2) return false; break;
    case shape.PREFIX_NO_REPEAT: if (repeat != 0) return false; break;
    default: if (rex & 8) break; return false;
  }
  const digit = load<u8>(at, shape.ROW_DIGIT);
  if (digit != shape.ANY && digit != ((modrm >> 3) & 7)) return false;
  const mod = load<u8>(at, shape.ROW_MOD);
  if (mod != shape.MOD_ANY && mod != shape.MOD_IGNORED && (mod == shape.MOD_REGISTER) != (modrm >= 0xc0)) return false;
  const rm = load<u8>(at, shape.ROW_RM);
  return rm == shape.ANY || rm == (modrm & 7);
}

function defaultSize(): u32 {
  if (modeKey & KEY_CODE_64) return rex & 8 ? 8 : operandOverride ? 2 : 4;
  return ((modeKey & KEY_CODE_32) != 0) == operandOverride ? 2 : 4;
}

function operandSize(rule: u32): u32 {
  const long = (modeKey & KEY_CODE_64) != 0;
  switch (rule) {
    case shape.SIZE_BYTE: return 1;
    case shape.SIZE_WORD: return 2;
    case shape.SIZE_DOUBLE: return 4;
    case shape.SIZE_QUAD: return 8;
    case shape.SIZE_Y: return long && (rex & 8) != 0 ? 8 : 4;
    case shape.SIZE_D64: return !long ? defaultSize() : operandOverride && (rex & 8) == 0 ? 2 : 8;
    case shape.SIZE_F64: return !long ? defaultSize() : 8;
    case shape.SIZE_NATIVE: return long ? 8 : 4;
    default: return defaultSize();
  }
}

function addressSize(): u32 {
  if (modeKey & KEY_CODE_64) return addressOverride ? 4 : 8;
  return ((modeKey & KEY_CODE_32) != 0) == addressOverride ? 2 : 4;
}

/** AH, CH, DH and BH are encodings 4–7 without REX. */
@inline
function byteSlot(number: u32): usize {
  return rex == 0 && number >= 4 && number < 8 ? GPR + ((number & 3) << 3) + 1 : GPR + (number << 3);
}

/** MMX registers have no REX extension (2.2.1.2). */
function slotOf(number: u32, file: u32): usize {
  switch (file) {
    case shape.FILE_BYTE: return byteSlot(number);
    case shape.FILE_XMM: return XMM + (number << 4);
    case shape.FILE_MMX: return X87_REGISTERS + ((number & 7) << 4);
    default: return GPR + (number << 3);
  }
}

function readModrm(op: usize, row: usize): void {
  const files = load<u8>(row, shape.ROW_REGISTERS);
  const reg = ((modrm >> 3) & 7) | ((rex & 4) << 1);
  store<u8>(op, <u8>reg, 38);
  store<u32>(op, <u32>slotOf(reg, files >> 4), 8);
  if (modrm >= 0xc0 || load<u8>(row, shape.ROW_MOD) == shape.MOD_IGNORED) {
    const rm = (modrm & 7) | ((rex & 1) << 3);
    store<u8>(op, <u8>rm, 39);
    store<u32>(op, <u32>slotOf(rm, files & 15), 4);
    return;
  }
  if (load<u8>(op, 22) == 2) readAddress16(op);
  else readAddress(op);
}

@inline
function setSlot(op: usize, offset: usize, number: u32): void { store<u32>(op + offset, GPR + (number << 3)); }

/** Table 2-1. */
function readAddress16(op: usize): void {
  const mod = modrm >> 6;
  const rm = modrm & 7;
  let segment: u32 = DS;
  if (rm == 6 && mod == 0) store<i32>(op, <i32>next16(), 32);
  else {
    const base: u32 = rm < 2 || rm == 7 ? 3 : rm == 2 || rm == 3 || rm == 6 ? 5 : rm == 4 ? 6 : 7;
    setSlot(op, 12, base);
    if (rm < 4) setSlot(op, 16, rm & 1 ? 7 : 6);
    if (base == 5) segment = SS;
    if (mod == 1) store<i32>(op, <i32><i8>next8(), 32);
    else if (mod == 2) store<i32>(op, <i32>next16(), 32);
  }
  setSegment(op, segment);
}

/** Tables 2-2 and 2-3; RIP-relative 2.2.1.6. */
function readAddress(op: usize): void {
  const mod = modrm >> 6;
  let base = modrm & 7;
  let segment: u32 = DS;
  let displaced = mod == 2;
  if (base == 4) {
    const sib = next8();
    base = sib & 7;
    const index = ((sib >> 3) & 7) | ((rex & 2) << 2);
    if (index != 4) {
      setSlot(op, 16, index);
      store<u8>(op, <u8>(sib >> 6), 20);
    }
    if (base == 5 && mod == 0) displaced = true;
    else setSlot(op, 12, base | ((rex & 1) << 3));
  } else if (base == 5 && mod == 0) {
    displaced = true;
    if (modeKey & KEY_CODE_64) store<u32>(op, RIP_SLOT, 12);
  } else setSlot(op, 12, base | ((rex & 1) << 3));
  const slot = load<u32>(op, 12);
  if (slot == GPR + 32 || slot == GPR + 40) segment = SS;
  if (mod == 1) store<i32>(op, <i32><i8>next8(), 32);
  else if (displaced) store<i32>(op, <i32>next32(), 32);
  setSegment(op, segment);
}

/** A segment known to be flat, and in 64-bit mode any but FS and GS, is not looked at any more. */
function setSegment(op: usize, standard: u32): void {
  let segment = segmentOverride != NO_SEGMENT ? segmentOverride : standard;
  if (modeKey & KEY_CODE_64 ? segment < <u32>FS : (modeKey & (KEY_FLAT << segment)) != 0) segment = NO_SEGMENT;
  store<u8>(op, <u8>segment, 21);
}

/** RIP-relative: the anchor's slot is the base, what lies between the two RIPs joins the displacement. */
function anchorRip(op: usize, next: u64, anchor: usize): void {
  store<u32>(op, <u32>anchor, 12);
  let disp = <i64>load<i32>(op, 32) + <i64>(next - load<u64>(anchor));
  if (disp > i32.MAX_VALUE) {
    store<u32>(op, GIGABYTE_SLOT, 16);
    disp -= 1 << 30;
  }
  store<i32>(op, <i32>disp, 32);
}

function implicitOperands(op: usize, row: usize, opcode: u32): void {
  const files = load<u8>(row, shape.ROW_REGISTERS);
  switch (<i32>load<u8>(row, shape.ROW_SHAPE)) {
    case shape.SHAPE_OPCODE: {
      const number = (opcode & 7) | ((rex & 1) << 3);
      store<u32>(op, <u32>slotOf(number, files & 15), 4);
      store<u8>(op, <u8>number, 39);
      store<u32>(op, GPR, 8);
      break;
    }
    case shape.SHAPE_ACCUMULATOR:
      store<u32>(op, GPR, 4);
      break;
    case shape.SHAPE_ACCUMULATOR_DX:
      store<u32>(op, GPR, 4);
      store<u32>(op, GPR + 16, 8);
      break;
    case shape.SHAPE_STRING:
      setSegment(op, DS);
      break;
    case shape.SHAPE_SEGMENT:
      store<u8>(op, <u8>((opcode >> 3) & 7), 38);
      break;
    default:
  }
}

function readImmediate(op: usize, row: usize, rip: u64, opcode: u32): void {
  const size = load<u8>(op, 3);
  switch (<i32>load<u8>(row, shape.ROW_IMMEDIATE)) {
    case shape.IMMEDIATE_B: store<i64>(op, <i64><i8>next8(), 24); break;
    case shape.IMMEDIATE_W: store<u64>(op, next16(), 24); break;
    case shape.IMMEDIATE_Z: store<i64>(op, size == 2 ? <i64><i16>next16() : <i64><i32>next32(), 24); break;
    case shape.IMMEDIATE_V:
      store<i64>(op, size == 8 ? next64() : size == 4 ? <i64><i32>next32() : <i64><i16>next16(), 24);
      break;
    case shape.IMMEDIATE_OFFSET: {
      const wide = load<u8>(op, 22);
      store<u64>(op, wide == 8 ? next64() : wide == 4 ? <u64>next32() : <u64>next16(), 24);
      setSegment(op, DS);
      break;
    }
    case shape.IMMEDIATE_FAR: {
      const offset = size == 2 ? next16() : next32();
      store<u64>(op, offset, 24);
      store<u32>(op, next16(), 32);
      store<u32>(op, 0, 12);
      break;
    }
    case shape.IMMEDIATE_ENTER: {
      const frame = next16();
      store<u64>(op, frame | (next8() << 16), 24);
      break;
    }
    case shape.IMMEDIATE_ONE: store<u64>(op, 1, 24); break;
    case shape.IMMEDIATE_POINTER:
      store<u64>(op, rip, 24);
      store<u32>(op, ((opcode & 7) << 8) | modrm, 8);
      break;
    default:
  }
}

/** Chooses the case of the hot switch, and puts operands as it wants them. */
function finish(op: usize, row: usize, next: u64): void {
  const flags = load<u8>(row, shape.ROW_FLAGS);
  store<u16>(op, flags & shape.FLAG_SYSTEM ? KIND_SYSTEM : KIND_COLD);
  if (load<u8>(row, shape.ROW_SHAPE) == shape.SHAPE_BRANCH) return finishBranch(op, row, next);
  const size = load<u8>(op, 3);
  const inMemory = load<u8>(row, shape.ROW_SHAPE) == shape.SHAPE_MODRM && load<u32>(op, 4) == 0;
  const kind = load<u16>(row + ((inMemory ? 4 : 0) + ctz<u32>(size)) * 2, shape.ROW_KINDS);
  if (kind == 0) return;
  if (flags & shape.FLAG_LONG_ONLY && (modeKey & KEY_CODE_64) == 0) return;
  if (inMemory && !plainAddress(op, (flags & shape.FLAG_ADDRESS_ONLY) != 0)) return;
  if (!inMemory && (flags & shape.FLAG_REVERSED) != 0) {
    const dst = load<u32>(op, 8);
    store<u32>(op, load<u32>(op, 4), 8);
    store<u32>(op, dst, 4);
  }
  if (flags & shape.FLAG_SYSTEM) finishIndirect(op, inMemory, next);
  store<u16>(op, kind);
}

/** A near branch to where a register, memory or the stack says: following RIP at 24, links where it has no operands. */
function finishIndirect(op: usize, inMemory: bool, next: u64): void {
  store<u64>(op, next, 24);
  store<u64>(op + (inMemory ? 4 : 12), 0);
}

/** The hot cases add base, index and displacement: the base of FS or GS takes the place of an absent index. */
function plainAddress(op: usize, addressOnly: bool): bool {
  if (load<u8>(op, 22) != (modeKey & KEY_CODE_64 ? 8 : 4)) return false;
  const segment = load<u8>(op, 21);
  if (segment == NO_SEGMENT || addressOnly) return true;
  if ((modeKey & KEY_CODE_64) == 0 || load<u32>(op, 16) != ZERO_SLOT) return false;
  store<u32>(op, SEGMENTS + segment * SEGMENT_BYTES, 16);
  store<u8>(op, 0, 20);
  return true;
}

/**
 * A near branch with a relative target: target RIP at 24, following RIP at 4, links to the two blocks at 12 and 16. With
 * a limited code segment, or a target that is not canonical, the cold handler checks; its target is at 24 too.
 */
function finishBranch(op: usize, row: usize, next: u64): void {
  const size = load<u8>(op, 3);
  let target = next + load<i64>(op, 24);
  if ((modeKey & KEY_CODE_64) == 0) target &= size == 2 ? 0xffff : 0xffff_ffff;
  store<u64>(op, target, 24);
  const kind = load<u16>(row, shape.ROW_KINDS);
  const unusual = (modeKey & KEY_CS_LIMITED) != 0 || (<i64>target << 16 >> 16) != <i64>target
    || ((load<u8>(row, shape.ROW_FLAGS) & shape.FLAG_LONG_ONLY) != 0 && (modeKey & KEY_CODE_64) == 0);
  if (kind == 0 || unusual) return;
  store<u64>(op, next & ripMask, 4);
  store<u32>(op, 0, 12);
  store<u32>(op, 0, 16);
  store<u16>(op, kind);
}
