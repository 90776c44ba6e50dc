import * as encoding from "../../../src/cpu/instructions/encoding.js";
import { parseEncoding } from "../../../src/cpu/instructions/generate.js";
import { TABLE, type Row } from "../../../src/cpu/instructions/table.js";
import { DATA, DATA_BYTES, formsOf, IMAGE_BYTES, type Case, type Form } from "./case.js";
import { Draw } from "./draw.js";

const MXCSR = 24;
const X87 = 32;
const XMM = 160;
/** Where memory operands are. */
const OPERAND = 0x400;

const rows = TABLE.filter(
  (row) =>
    row.handler !== undefined &&
    row.class === "integer" &&
    /^(MMX|SSE|SSE2|SSE3|SSSE3|SSE4\.1|SSE4\.2)$/.test(row.feature ?? "") &&
    !/^(nop|mfence|mov_rm_reg)$/.test(row.handler),
);

/** Single or double elements, or integers, as the operands' codes say. */
function fill(draw: Draw, row: Row, to: DataView, at: number, bytes: number): void {
  const kinds = [...row.operands.matchAll(/[VWUM](ps|ss|pd|sd)/g)].map(([, format]) => format);
  const kind =
    kinds.length > 0 && draw.below(8) > 0
      ? draw.one(kinds)
      : draw.one(["byte", "byte", "integer", "ps", "pd"]);
  for (let i = 0; i < bytes; i += 8) {
    if (/[ps]s/.test(kind)) {
      to.setUint32(at + i, draw.single(), true);
      to.setUint32(at + i + 4, draw.single(), true);
    } else if (/[ps]d/.test(kind)) to.setBigUint64(at + i, draw.double(), true);
    else if (kind === "integer") to.setBigUint64(at + i, draw.integer(), true);
    else
      for (let k = 0; k < 8; k++)
        to.setUint8(at + i + k, draw.below(3) ? draw.below(256) : draw.one([0, 1, 0x7f, 0x80, 0xff]));
  }
}

/** Everything masked and rounding to nearest, with and without the precision flag; any rounding; anything. */
function mxcsr(draw: Draw): number {
  switch (draw.below(4)) {
    case 0:
      return draw.one([0x1f80, 0x1fa0]);
    case 1:
      return 0x1fa0 | (draw.below(4) << 13);
    case 2:
      return 0x1f80 | (draw.below(4) << 13) | (draw.below(2) << 15) | (draw.below(2) << 6);
    default:
      return draw.word() & 0xffff;
  }
}

function image(draw: Draw, row: Row): Uint8Array {
  const bytes = new Uint8Array(IMAGE_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 0x37f, true);
  view.setUint16(2, draw.below(8) << 11, true);
  view.setUint8(4, draw.below(256));
  view.setUint32(MXCSR, mxcsr(draw), true);
  view.setUint32(MXCSR + 4, 0xffff, true);
  for (let i = 0; i < 8; i++) {
    fill(draw, row, view, X87 + 16 * i, 8);
    view.setUint16(X87 + 16 * i + 8, draw.below(0x10000), true);
  }
  for (let i = 0; i < 16; i++) fill(draw, row, view, XMM + 16 * i, 16);
  return bytes;
}

function encode(row: Row, draw: Draw, memory: boolean): Uint8Array {
  const form = parseEncoding(row);
  const bytes: number[] = [];
  const prefix = [[], [], [0x66], [0xf3], [0xf2]][form.prefix] ?? [];
  bytes.push(...prefix);
  const rex = (draw.below(2) << 3) | (draw.below(2) << 2) | (memory ? 0 : draw.below(2));
  if (draw.below(2)) bytes.push(0x40 | rex);
  if (form.map >= 0x300) bytes.push(0x0f, 0x3a);
  else if (form.map >= 0x200) bytes.push(0x0f, 0x38);
  else bytes.push(0x0f);
  bytes.push(form.map & 0xff);
  if (form.modrm) {
    // Never RSP: it must point into the data.
    const number = (): number => draw.one([0, 1, 2, 3, 5, 6, 7]);
    const reg = form.digit === encoding.ANY ? number() : form.digit;
    if (!memory) bytes.push(0xc0 | (reg << 3) | number());
    else bytes.push(0x43 | (reg << 3), draw.below(12) ? 16 * draw.below(8) : draw.below(128));
  }
  if (row.operands.includes("Ib")) bytes.push(draw.below(4) ? draw.below(32) : draw.below(256));
  return Uint8Array.from(bytes);
}

function makeCase(row: Row, memory: boolean, seed: number): Case {
  const draw = new Draw(seed);
  const registers = Array.from({ length: 16 }, () => draw.integer());
  registers[4] = BigInt(DATA + 0x800);
  registers[7] = BigInt(DATA + 0xa00 + draw.below(64));
  if (memory) registers[3] = BigInt(DATA + OPERAND);
  const code = encode(row, draw, memory);
  const flags = 0x202n | (BigInt(draw.word()) & 0x8d5n);
  const data = new Uint8Array(DATA_BYTES);
  const view = new DataView(data.buffer);
  for (let at = OPERAND; at < OPERAND + 0x90; at += 16) fill(draw, row, view, at, 16);
  for (let at = 0xa00; at < 0xa60; at++) data[at] = draw.below(256);
  const fixed = image(draw, row);
  if (row.handler === "ldmxcsr")
    for (let at = OPERAND; at < OPERAND + 0x90; at += 4)
      view.setUint32(at, draw.word() & (draw.below(8) ? 0xffff : 0xff_ffff), true);
  return { code, registers, flags, image: fixed, data };
}

export const SIMD: readonly Form[] = rows.flatMap((row) =>
  formsOf(row, (memory, seed) => makeCase(row, memory, seed)),
);
