import { Decoder, DecoderOptions, EncodingKind, Code, Mnemonic } from "iced-x86";
import { beforeAll, describe, expect, it } from "vitest";
import { placeRows } from "../../src/cpu/instructions/generate.js";
import { TABLE } from "../../src/cpu/instructions/table.js";
import { BareCore, type CodeBits } from "./bare-core.js";
import { comparable, decoderStrings, FIRST_ROW, STRINGS_PER_MODE } from "./decoder-strings.js";
import { generator } from "./random.js";

const placed = placeRows(TABLE);
/** AMD's forms of these, outside 64-bit mode. */
const ONLY_64_ON_INTEL = /^(Syscall|Sysret)$/;
/** The undefined instructions that have a name. */
const NAMED_UNDEFINED = /^Ud[01]$/;

interface Decoded {
  valid: boolean;
  length: number;
  mnemonic: string;
  legacy: boolean;
}

function iced(bits: CodeBits, bytes: Uint8Array): Decoded {
  const decoder = new Decoder(bits, bytes, DecoderOptions.None);
  const instruction = decoder.decode();
  const { code, length, mnemonic, encoding } = instruction;
  instruction.free();
  decoder.free();
  return {
    valid: code !== Code.INVALID,
    length,
    mnemonic: Mnemonic[mnemonic],
    legacy: encoding === EncodingKind.Legacy,
  };
}

const implemented = new Set(TABLE.filter((row) => row.handler).map((row) => row.mnemonic));

describe.each([16, 32, 64] as const)("decoder in %i-bit code, beside an independent one", (bits) => {
  let core: BareCore;
  beforeAll(() => {
    core = new BareCore();
  });

  it("agrees on random bytes", () => {
    const wrong: string[] = [];
    let instructions = 0;
    for (const bytes of decoderStrings(bits)) {
      const ours = core.decode(bits, bytes)!;
      const theirs = iced(bits, bytes);
      const text = Buffer.from(bytes).toString("hex");
      if (ours.row < FIRST_ROW) {
        const known = theirs.legacy && implemented.has(theirs.mnemonic.toLowerCase());
        const excused =
          NAMED_UNDEFINED.test(theirs.mnemonic) || (bits < 64 && ONLY_64_ON_INTEL.test(theirs.mnemonic));
        if (theirs.valid && known && !excused) wrong.push(`${text}: undefined, not ${theirs.mnemonic}`);
        continue;
      }
      const { row } = placed[ours.row - FIRST_ROW];
      if (!comparable(row)) continue;
      instructions++;
      if (!theirs.valid) wrong.push(`${text}: ${row.mnemonic}, not invalid`);
      else if (ours.length !== theirs.length)
        wrong.push(`${text}: ${row.mnemonic}, ${ours.length} bytes, not ${theirs.length}`);
    }
    expect(wrong).toEqual([]);
    expect(instructions).toBeGreaterThan(STRINGS_PER_MODE / 2);
  });

  it("asks for more bytes exactly while the instruction is incomplete", () => {
    const random = generator(0x777 + bits);
    for (let n = 0; n < 2000; n++) {
      const bytes = Uint8Array.from({ length: 15 }, () => random() >>> 8);
      const { row, length } = core.decode(bits, bytes)!;
      if (row < FIRST_ROW) continue;
      for (let count = 1; count < length; count++)
        expect(core.decode(bits, bytes.subarray(0, count))).toBeUndefined();
      expect(core.decode(bits, bytes.subarray(0, length))).toEqual({ row, length });
    }
  });
});

it("every row can be reached", () => {
  const core = new BareCore();
  const reached = new Set<number>();
  const random = generator(99);
  for (const { form, row } of placed) {
    for (let n = 0; n < 40; n++) {
      const bytes = Uint8Array.from({ length: 15 }, () => random() >>> 8);
      const opcode = [
        ...[[], [], [0x66], [0xf3], [0xf2]][form.prefix < 5 ? form.prefix : 0],
        ...(form.prefix === 6 ? [0x48] : []),
        ...(form.map >= 0x300
          ? [0x0f, 0x3a]
          : form.map >= 0x200
            ? [0x0f, 0x38]
            : form.map >= 0x100
              ? [0x0f]
              : []),
        (form.map & 0xff) + (form.plusRegister ? n % 8 : 0),
      ];
      bytes.set(opcode);
      const at = opcode.length;
      if (form.digit !== 0xff) bytes[at] = (bytes[at] & ~0x38) | (form.digit << 3);
      if (form.rm !== 0xff) bytes[at] = (bytes[at] & ~7) | form.rm;
      if (form.mod === 1) bytes[at] &= 0x7f;
      if (form.mod === 2) bytes[at] |= 0xc0;
      const decoded = core.decode(/legacy/.test(row.modes ?? "") ? 32 : 64, bytes);
      if (decoded) reached.add(decoded.row);
    }
  }
  const missing = placed.flatMap(({ row }, i) =>
    reached.has(i + FIRST_ROW) ? [] : [`${row.encoding} ${row.mnemonic}`],
  );
  expect(missing).toEqual([]);
});
