import * as encoding from "../../../src/cpu/instructions/encoding.js";
import { parseEncoding } from "../../../src/cpu/instructions/generate.js";
import { TABLE, type Row } from "../../../src/cpu/instructions/table.js";
import { DATA, DATA_BYTES, formsOf, IMAGE_BYTES, type Case, type Form } from "./case.js";
import { Draw } from "./draw.js";

const REGISTERS = 32;
const OPERAND = 0x400;
const FPATAN_LIKE = /^(fpatan|fyl2x|fyl2xp1|f2xm1|fptan|fsin|fcos|fsincos)$/;

const rows = TABLE.filter((row) => row.handler !== undefined && row.feature === "FPU");

/** Everything masked; any precision and rounding; anything. */
function control(draw: Draw): number {
  switch (draw.below(3)) {
    case 0:
      return 0x37f;
    case 1:
      return 0x7f | (draw.one([0, 2, 3]) << 8) | (draw.below(4) << 10);
    default:
      return 0x40 | draw.below(64) | (draw.one([0, 2, 3]) << 8) | (draw.below(4) << 10);
  }
}

/** A register of the image: an extended number, or a small integer, or one that a function's argument can be. */
function fillRegister(draw: Draw, row: Row, view: DataView, at: number): void {
  const [significand, top] = draw.extended();
  view.setBigUint64(at, significand, true);
  view.setUint16(at + 8, top, true);
  const kind = draw.below(8);
  if (FPATAN_LIKE.test(row.mnemonic) && kind < 5) {
    view.setBigUint64(at, significand | (1n << 63n), true);
    view.setUint16(
      at + 8,
      (top & 0x8000) | (0x3fff - (kind < 3 ? 1 + draw.below(4) : draw.below(30) - 5)),
      true,
    );
  } else if (kind === 0) {
    const value = BigInt(1 + draw.below(1 << draw.below(28)));
    const shift = 64 - value.toString(2).length;
    view.setBigUint64(at, value << BigInt(shift), true);
    view.setUint16(at + 8, (top & 0x8000) | (0x3fff + 63 - shift), true);
  }
}

function image(draw: Draw, row: Row): Uint8Array {
  const bytes = new Uint8Array(IMAGE_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, control(draw), true);
  const flags = draw.below(3) === 0 ? draw.word() & 0x4700 : 0;
  view.setUint16(2, (draw.below(8) << 11) | flags, true);
  const full = draw.below(6) > 0;
  const pushes = /^f(i|b)?ld|^fptan|^fsincos|^fxtract|^fld/.test(row.mnemonic);
  const top = (view.getUint16(2, true) >> 11) & 7;
  view.setUint8(4, !full ? draw.below(256) : pushes && draw.below(8) ? 0xff & ~(1 << ((top + 7) & 7)) : 0xff);
  view.setUint32(24, 0x1f80, true);
  view.setUint32(28, 0xffff, true);
  for (let i = 0; i < 8; i++) fillRegister(draw, row, view, REGISTERS + 16 * i);
  // Half a unit of ST(0)'s last place in the other registers: a tie.
  if (draw.below(8) === 0) {
    const digits = [24, 24, 53, 64][(view.getUint16(0, true) >> 8) & 3];
    const top0 = view.getUint16(REGISTERS + 8, true);
    for (let i = 1; i < 8 && (top0 & 0x7fff) > digits; i++) {
      view.setBigUint64(REGISTERS + 16 * i, 1n << 63n, true);
      view.setUint16(REGISTERS + 16 * i + 8, (draw.below(2) << 15) | ((top0 & 0x7fff) - digits), true);
    }
  }
  // Operands of the same size meet more often than chance would have it.
  if (draw.below(8) === 0) bytes.copyWithin(REGISTERS + 16, REGISTERS, REGISTERS + 10);
  return bytes;
}

function fillMemory(draw: Draw, row: Row, view: DataView, at: number): void {
  if (row.operands === "Mt" && row.mnemonic === "fbld") {
    for (let i = 0; i < 9; i++) view.setUint8(at + i, (draw.below(10) << 4) | draw.below(10));
    view.setUint8(at + 9, draw.below(2) << 7);
  } else if (row.operands === "Mt") {
    const [significand, top] = draw.extended();
    view.setBigUint64(at, significand, true);
    view.setUint16(at + 8, top, true);
  } else if (/single$/.test(row.handler!)) view.setUint32(at, draw.single(), true);
  else if (/double$/.test(row.handler!)) view.setBigUint64(at, draw.double(), true);
  else view.setBigUint64(at, draw.integer(), true);
}

/** Environment and registers, for FLDENV and FRSTOR: no exception pending. */
function fillEnvironment(draw: Draw, view: DataView, at: number, word: boolean): void {
  const size = word ? 2 : 4;
  const put = (i: number, value: number): void =>
    word ? view.setUint16(at + 2 * i, value & 0xffff, true) : view.setUint32(at + 4 * i, value >>> 0, true);
  put(0, control(draw) | 0x3f);
  put(1, draw.word() & 0x7f7f & ~0x80);
  put(2, draw.word());
  for (let i = 3; i < 7; i++) put(i, draw.word() & 0xffff);
  for (let i = 0; i < 8; i++) {
    const [significand, top] = draw.extended();
    view.setBigUint64(at + 7 * size + 10 * i, significand, true);
    view.setUint16(at + 7 * size + 10 * i + 8, top, true);
  }
}

function makeCase(row: Row, seed: number): Case {
  const draw = new Draw(seed);
  const form = parseEncoding(row);
  const registers = Array.from({ length: 16 }, () => draw.integer());
  registers[4] = BigInt(DATA + 0x800);
  registers[3] = BigInt(DATA + OPERAND);
  const code: number[] = [];
  const word = row.operands === "M" && draw.below(2) === 0;
  if (word) code.push(0x66);
  if (draw.below(4) === 0) code.push(0x48 | (draw.below(2) << 2));
  code.push(form.map);
  if (form.modrm) {
    const reg = form.digit << 3;
    if (form.mod === encoding.MOD_MEMORY) code.push(0x43 | reg, draw.below(128));
    else code.push(0xc0 | reg | (form.rm === encoding.ANY ? draw.below(8) : form.rm));
  }
  if (word && code[1] === 0x48) code.splice(1, 1);
  if (word && (code[1] & 0xf8) === 0x48) code.splice(1, 1);
  const data = new Uint8Array(DATA_BYTES);
  const view = new DataView(data.buffer);
  if (form.mod === encoding.MOD_MEMORY) {
    const at = OPERAND + code.at(-1)!;
    if (/^(fldenv|frstor)$/.test(row.mnemonic)) fillEnvironment(draw, view, at, word);
    else fillMemory(draw, row, view, at);
  }
  const flags = 0x202n | (BigInt(draw.word()) & 0x8d5n);
  return { code: Uint8Array.from(code), registers, flags, image: image(draw, row), data };
}

export const X87: readonly Form[] = rows.flatMap((row) => formsOf(row, (_, seed) => makeCase(row, seed)));
