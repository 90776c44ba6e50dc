/** The byte strings on which the decoder is compared with an independent one. */
import type { Row } from "../../src/cpu/instructions/table.js";
import type { CodeBits } from "./bare-core.js";
import { generator } from "./random.js";

export const STRINGS_PER_MODE = 40_000;
/** Rows 0 and 1 are no instructions. */
export const FIRST_ROW = 2;
const PREFIXES = [0x66, 0x67, 0xf2, 0xf3, 0xf0, 0x2e, 0x64, 0x65, 0x48, 0x41, 0x44, 0x4c, 0x40];
/** Numbers of control and segment registers that do not exist are the handlers' business. */
const CHECKED_LATER = /^mov(cr|dr|_sreg)_/;

/** Whether the length of the row's instructions is compared. */
export const comparable = (row: Row): boolean =>
  row.handler !== undefined && !CHECKED_LATER.test(row.handler);

export function* decoderStrings(bits: CodeBits): Generator<Uint8Array> {
  const random = generator(0x1234 + bits);
  for (let n = 0; n < STRINGS_PER_MODE; n++) {
    const bytes = Uint8Array.from({ length: 15 }, () => random() >>> 8);
    let prefixes = 0;
    while (prefixes < 6 && random() % 3 === 0) bytes[prefixes++] = PREFIXES[random() % PREFIXES.length];
    if (random() % 3 === 0) bytes[prefixes] = 0x0f;
    yield bytes;
  }
}
