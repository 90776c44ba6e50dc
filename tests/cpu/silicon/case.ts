import * as encoding from "../../../src/cpu/instructions/encoding.js";
import { parseEncoding } from "../../../src/cpu/instructions/generate.js";
import type { Row } from "../../../src/cpu/instructions/table.js";

/** Where data and code of every case lie. */
export const DATA = 0x80_0000;
export const DATA_BYTES = 4096;
export const CODE = 0xa0_0000;
export const CASES = 200;
export const IMAGE_BYTES = 512;

/** What one case starts from; the same on the real processor and on the simulated one. */
export interface Case {
  readonly code: Uint8Array;
  readonly registers: bigint[];
  readonly flags: bigint;
  /** x87 and SSE state as FXSAVE64 writes it. */
  readonly image: Uint8Array;
  readonly data: Uint8Array;
}

/** What it ends with. After a signal only image and data mean something. */
export interface Outcome {
  readonly signal: number;
  readonly flags: bigint;
  readonly registers: bigint[];
  readonly image: Uint8Array;
  readonly data: Uint8Array;
}

/** A form of an instruction: a row of the table, with a register or a memory operand where it can have either. */
export interface Form {
  readonly row: Row;
  /** Says which form it is, in the recording too: cases are seeded from it. */
  readonly key: string;
  make(seed: number): Case;
}

/** FNV-1a. */
export function hash(bytes: Iterable<number>, start = 0x811c_9dc5): number {
  let value = start;
  for (const byte of bytes) value = Math.imul(value ^ byte, 0x0100_0193);
  return value >>> 0;
}

/** The cases of a form, always the same ones. */
export function casesOf(form: Form): Case[] {
  const seed = hash(Buffer.from(form.key));
  return Array.from({ length: CASES }, (_, k) => form.make(seed + Math.imul(k, 0x9e37_79b1)));
}

/** Changes when the cases are no longer those that were recorded. */
export function fingerprint(cases: readonly Case[]): number {
  return cases.reduce(
    (value, test) => hash(test.image.subarray(0, 424), hash(test.code, value)),
    0x811c_9dc5,
  );
}

/** The forms of a row: with a register and with a memory operand, as far as it has them. */
export function formsOf(row: Row, make: (inMemory: boolean, seed: number) => Case): Form[] {
  const { mod, modrm } = parseEncoding(row);
  const inMemory =
    !modrm || mod === encoding.MOD_REGISTER ? [false] : mod === encoding.MOD_MEMORY ? [true] : [false, true];
  return inMemory.map((memory) => ({
    row,
    key: `${row.encoding} ${row.mnemonic} ${row.operands}${memory ? " memory" : ""}`,
    make: (seed) => make(memory, seed),
  }));
}
