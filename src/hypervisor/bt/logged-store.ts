/**
 * A store to a page table, for the translation cache: the instruction writes the guest's table through the monitor's alias of its
 * page, which is not write-protected, and leaves a note of it in a log that the monitor reads whenever the guest leaves.
 */
import * as B from "./block.js";
import type { Block } from "./block.js";
import { RAX, RCX, RDX, type Code } from "./code.js";
import { opcodeOffset, rexOffset } from "./encoding.js";
import * as L from "./layout.js";

const RSI = 6;
const RDI = 7;
const REX_W = 0x48;
const REX_R = 4;
const REX_XB = 3;
const ADDRESS_SIZE = 0x67;
const FS_GS = [0x64, 0x65];
const REP = [0xf2, 0xf3];

/** Opcodes whose operand 0 is what ModRM names, up to 8 bytes of it: arithmetic, XCHG, MOV, NOT, NEG, INC, DEC … */
const ONE_BYTE = new Set([
  ...[0, 1, 2, 3, 4, 5, 6].flatMap((operation) => [8 * operation, 8 * operation + 1]),
  ...[0x80, 0x81, 0x83, 0x86, 0x87, 0x88, 0x89, 0xc6, 0xc7, 0xf6, 0xf7, 0xfe, 0xff],
]);
/** … CMPXCHG, BTS, BTR and BTC with a constant, XADD, MOVNTI. */
const TWO_BYTES = new Set([0xb0, 0xb1, 0xba, 0xc0, 0xc1, 0xc3]);
/** Of the groups F6 and F7 the members NOT and NEG, of FE and FF INC and DEC. */
const IN_GROUP: Readonly<Record<number, readonly number[]>> = {
  0xf6: [2, 3],
  0xf7: [2, 3],
  0xfe: [0, 1],
  0xff: [0, 1],
};

/** The parts of such an instruction. */
interface StoreForm {
  bytes: Uint8Array;
  /** Offsets of REX (−1: none), ModRM, and what follows SIB and displacement. */
  rex: number;
  modrm: number;
  rest: number;
  /** RSI, or RDI if the instruction names RSI: it will point to the alias. */
  pointer: number;
}

/** Null for an instruction that the cache cannot carry out so. @param bytes - of 64-bit code */
export function storeForm(bytes: Uint8Array): StoreForm | null {
  const opcode = opcodeOffset(bytes, 64);
  const prefixes = bytes.subarray(0, opcode);
  if ([ADDRESS_SIZE, ...FS_GS, ...REP].some((prefix) => prefixes.includes(prefix))) return null;
  const two = bytes[opcode] === 0x0f;
  const number = bytes[two ? opcode + 1 : opcode]!;
  const modrm = opcode + (two ? 2 : 1);
  const [mod, reg, rm] = [bytes[modrm]! >> 6, (bytes[modrm]! >> 3) & 7, bytes[modrm]! & 7];
  if (!(two ? TWO_BYTES : ONE_BYTE).has(number) || mod === 3) return null;
  if (!two && IN_GROUP[number]?.includes(reg) === false) return null;
  if (mod === 0 && rm === 5) return null;
  const sib = rm === 4;
  const wide = mod === 2 || (mod === 0 && sib && (bytes[modrm + 1]! & 7) === 5);
  const rest = modrm + 1 + (sib ? 1 : 0) + (wide ? 4 : mod === 1 ? 1 : 0);
  const rex = rexOffset(bytes);
  const named = reg | (rex >= 0 && (bytes[rex]! & REX_R) !== 0 ? 8 : 0);
  return { bytes, rex, modrm, rest, pointer: named === RSI ? RDI : RSI };
}

/** What the emission asks of the translator. */
export interface Around {
  code: Code;
  block: Block;
  rip: number;
  next: number;
  /** A call-out that carries the instruction out, with the guest's registers as they were. */
  callOut: () => void;
}

const ALL = B.RESTORE_RAX | B.RESTORE_RCX | B.RESTORE_RDX;
const FIELDS = [
  [RDX, L.SAVED_RDX, B.RESTORE_RDX],
  [RCX, L.SAVED_RCX, B.RESTORE_RCX],
  [RAX, L.SAVED_RAX, B.RESTORE_RAX],
] as const;

/**
 * The store through the alias, or out of the cache where the page has none. The note comes before the store: what is interrupted
 * between them is begun anew, and a note too many does no harm.
 */
export function emitLoggedStore(form: StoreForm, around: Around): void {
  const { code, block, rip, next } = around;
  const { bytes, pointer } = form;
  const held = pointer === RSI ? B.RESTORE_RSI : B.RESTORE_RDI;
  code.save(pointer, L.SAVED_POINTER);
  block.piece(code.at, rip, held);
  code.byte(REX_W | (form.rex >= 0 ? bytes[form.rex]! & REX_XB : 0), 0x8d);
  code.byte((bytes[form.modrm]! & 0xc7) | (pointer << 3)); // LEA pointer, operand
  code.copy(bytes, form.modrm + 1, form.rest);
  let saved = held;
  for (const [register, field, bit] of [...FIELDS].reverse()) {
    code.save(register, field);
    block.piece(code.at, rip, (saved |= bit));
  }
  findAlias(code, pointer);
  const hit = code.jumpIfRcxIsZero();
  restore(around, held | ALL, rip);
  code.restore(pointer, L.SAVED_POINTER);
  block.piece(code.at, rip);
  around.callOut();
  block.piece(code.at, rip);
  code.copy(bytes, 0, bytes.length);
  block.piece(code.at, next);
  const end = code.jumpShort();
  code.landShort(hit);
  block.piece(code.at, rip, held | ALL);
  noteStore(code, pointer);
  restore(around, held | ALL, rip);
  store(code, form);
  block.piece(code.at, next, held);
  code.restore(pointer, L.SAVED_POINTER);
  code.landShort(end);
  block.piece(code.at, next);
}

/** RAX: the tag's address; RCX: 0 if it is that of the pointer's 256 bytes, which bits 15:8 choose. */
function findAlias(code: Code, pointer: number): void {
  code.byte(0x48, 0x89, 0xc0 | (pointer << 3)); // MOV RAX, pointer
  code.byte(0x0f, 0xb6, 0xd0); // MOVZX EDX, AL
  code.byte(0x48, 0xf7, 0xd2); // NOT RDX
  code.byte(0x48, 0x8d, 0x54, 0x10, 0x01); // LEA RDX, [RAX + RDX + 1]
  code.byte(0x0f, 0xb6, 0xcc); // MOVZX ECX, AH
  code.addressOf(RAX, L.STORE_TAGS);
  code.byte(0x48, 0x8d, 0x04, 0xc8); // LEA RAX, [RAX + 8 · RCX]
  code.byte(0x48, 0x8b, 0x08); // MOV RCX, [RAX]
  code.byte(0x48, 0x8d, 0x0c, 0x11); // LEA RCX, [RCX + RDX]
}

/** The pointer leads to the alias, and its value goes into the log. A full log ends before a page that cannot be written. */
function noteStore(code: Code, pointer: number): void {
  code.byte(0x48, 0x8b, 0x80); // MOV RAX, [RAX + distance of the table of aliases]
  code.dword(L.STORE_ALIASES - L.STORE_TAGS);
  code.byte(0x48, 0x8d, 0x04 | (pointer << 3), pointer); // LEA pointer, [pointer + RAX]
  code.restore(RCX, L.LOG_NEXT);
  code.byte(0x48, 0x89, (pointer << 3) | RCX); // MOV [RCX], pointer
  code.byte(0x48, 0x8d, 0x49, 0x08); // LEA RCX, [RCX + 8]
  code.save(RCX, L.LOG_NEXT);
}

function restore({ code, block }: Around, state: number, rip: number): void {
  let saved = state;
  for (const [register, field, bit] of FIELDS) {
    code.restore(register, field);
    block.piece(code.at, rip, (saved &= ~bit));
  }
}

/** The instruction with its operand at the pointer. */
function store(code: Code, { bytes, rex, modrm, rest, pointer }: StoreForm): void {
  const at = code.length;
  code.copy(bytes, 0, modrm);
  if (rex >= 0) code.bytes[at + rex]! &= ~REX_XB;
  code.byte((bytes[modrm]! & 0x38) | pointer);
  code.copy(bytes, rest, bytes.length);
}
