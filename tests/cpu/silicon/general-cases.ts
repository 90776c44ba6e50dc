import * as encoding from "../../../src/cpu/instructions/encoding.js";
import { parseEncoding } from "../../../src/cpu/instructions/generate.js";
import { TABLE, type Row } from "../../../src/cpu/instructions/table.js";
import { DATA, DATA_BYTES, formsOf, IMAGE_BYTES, type Case, type Form } from "./case.js";
import { Draw } from "./draw.js";

const RSP = BigInt(DATA + 0x800);
const FLOATING = /^(FPU|MMX|SSE|SSE2|SSE3|SSSE3|SSE4\.1|SSE4\.2)$/;

/** Rows that run in user mode of every 64-bit processor and stay within one instruction. */
const rows: readonly Row[] = TABLE.filter(
  (row) =>
    row.handler !== undefined &&
    !/legacy/.test(row.modes ?? "") &&
    (row.class === "integer" || /^(movs|cmps|stos|lods|scas)$/.test(row.handler)) &&
    (!FLOATING.test(row.feature ?? "") || row.handler === "mov_rm_reg") &&
    !/^(nop|clflush)$/.test(row.handler),
);

/** x87 and SSE as they are after FNINIT and reset. */
const IMAGE = new Uint8Array(IMAGE_BYTES);
IMAGE.set([0x7f, 3]);
IMAGE.set([0x80, 0x1f, 0, 0, 0xff, 0xff], 24);
/** The same in every case: making it costs more than all the rest. */
const PAGE = new Draw(1);
const PAGE_BYTES = Uint8Array.from({ length: DATA_BYTES }, () => PAGE.below(256));

function makeCase(row: Row, inMemory: boolean, seed: number): Case {
  const draw = new Draw(seed);
  const below = (limit: number): number => draw.below(limit);
  const registers = Array.from({ length: 16 }, () => draw.integer());
  registers[4] = RSP;
  registers[5] = BigInt(DATA + 0x600 + below(64));
  registers[3] = BigInt(DATA + 0x400 + below(64));
  registers[6] = BigInt(DATA + 0x200 + below(64));
  registers[7] = BigInt(DATA + 0xa00 + below(64));
  if (row.operands.startsWith("X") || below(3) === 0) registers[1] = BigInt(below(40));
  // Division that mostly does not overflow, and bit strings near their base.
  if (/div/.test(row.mnemonic) && below(4) > 0) registers[2] = BigInt(below(3));
  const code = encode(row, inMemory, below, registers);
  const flags =
    0x202n | (BigInt(draw.word()) & 0x8d5n) | (row.flags.read?.includes("d") && below(2) ? 0x400n : 0n);
  return { code, registers, flags, image: IMAGE, data: PAGE_BYTES };
}

function encode(
  row: Row,
  inMemory: boolean,
  below: (limit: number) => number,
  registers: bigint[],
): Uint8Array {
  const form = parseEncoding(row);
  const bytes: number[] = [];
  const byte = (): number => below(256);
  const wordSized = below(5) === 0 && row.feature !== "SSE2";
  if (wordSized && form.prefix !== encoding.PREFIX_NONE && form.prefix !== encoding.PREFIX_W)
    bytes.push(0x66);
  if (form.prefix === encoding.PREFIX_F3) bytes.push(0xf3);
  if (row.operands.startsWith("X") && below(4) > 0) bytes.push(below(2) ? 0xf2 : 0xf3);
  const map = form.map + (form.plusRegister ? [0, 1, 2, 3, 5, 6, 7][below(7)] : 0);
  const wide = form.prefix === encoding.PREFIX_W || (below(2) === 1 && !(wordSized && below(2)));
  // R8 to R15 only where they cannot be a base: no REX.B with a memory operand.
  const rex =
    0x40 |
    (wide ? 8 : 0) |
    (form.digit === encoding.ANY && below(2) ? 4 : 0) |
    (!inMemory && below(2) ? 1 : 0);
  const rexed = wide || below(2) === 1;
  if (rexed) bytes.push(rex);
  if (map >= 0x300) bytes.push(0x0f, 0x3a);
  else if (map >= 0x200) bytes.push(0x0f, 0x38);
  else if (map >= 0x100) bytes.push(0x0f);
  bytes.push(map & 0xff);
  if (form.modrm) {
    let reg = form.digit === encoding.ANY ? below(8) : form.digit;
    if (form.digit === encoding.ANY && reg === 4) reg = 0;
    // The bit string's offset is near its base, and not the base itself.
    if (inMemory && row.handler === "bit_rm_reg") {
      if (reg === 3) reg = 2;
      registers[reg | (rexed ? (rex & 4) << 1 : 0)] = BigInt(below(2000));
    }
    if (inMemory) {
      const indexed = below(3) === 0;
      bytes.push((1 << 6) | (reg << 3) | (indexed ? 4 : 3));
      if (indexed) bytes.push((below(4) << 6) | (4 << 3) | 3);
      bytes.push(byte());
    } else {
      let rm = below(8);
      if (rm === 4) rm = 2;
      bytes.push(0xc0 | (reg << 3) | rm);
    }
  }
  const size16 = bytes.includes(0x66) && bytes[0] === 0x66 && !(rexed && wide);
  for (const operand of row.operands.split(",")) {
    const count =
      operand === "Ib"
        ? 1
        : operand === "Iw"
          ? 2
          : operand === "Iz"
            ? size16
              ? 2
              : 4
            : operand === "Iv"
              ? size16
                ? 2
                : rexed && wide
                  ? 8
                  : 4
              : 0;
    for (let i = 0; i < count; i++) bytes.push(row.handler === "enter" ? (i === 1 ? 0 : below(3)) : byte());
    if (/^O/.test(operand)) bytes.push(DATA & 0xff, below(16), 0x80, 0, 0, 0, 0, 0);
  }
  return Uint8Array.from(bytes);
}

export const GENERAL: readonly Form[] = rows.flatMap((row) =>
  formsOf(row, (memory, seed) => makeCase(row, memory, seed)),
);
