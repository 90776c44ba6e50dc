import type { Form, Case, Outcome } from "./case.js";

const FLAG_BITS: Record<string, bigint> = { o: 0x800n, s: 0x80n, z: 0x40n, a: 0x10n, p: 4n, c: 1n };
const SIX = 0x8d5n;

/**
 * Bytes of the image that are compared: not the x87 pointers, which AMD's processors save only with an exception pending
 * (AMD64 manual, vol. 4, FXSAVE), nor MXCSR_MASK, where they have a bit of their own (MM, vol. 1, 4.2.2).
 */
const compared = (at: number): boolean => (at < 6 || at >= 24) && !(at >= 28 && at < 32) && at < 416;

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** Relative error that RCP and RSQRT may have (SDM Vol. 2): on both sides, so that results may be twice as far apart. */
const APPROXIMATION = 2 * 1.5 * 2 ** -12;
/** Reciprocals up to here may be zero instead. */
const PERHAPS_ZERO = 2 ** -126 * (1 + 2 ** -10);

/**
 * Transcendental results may be off by one in the last place, of either processor (SDM Vol. 1, 8.3.10), and C1, which says
 * whether they were rounded up, with them.
 */
const TRANSCENDENTAL = /^(f2xm1|fyl2x|fyl2xp1|fptan|fpatan|fsin|fcos|fsincos)$/;
/** C1 is cleared here, as Intel's manual has it for FCOMI; AMD's processors leave it. */
const C1_DIFFERS = /^f(u?comip?$|cmov)/;
const C1 = 2;

function nearly(mine: Uint8Array, theirs: Uint8Array): boolean {
  const word = (bytes: Uint8Array): bigint => {
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    return (BigInt(view.getUint16(8, true)) << 63n) | (view.getBigUint64(0, true) & 0x7fff_ffff_ffff_ffffn);
  };
  const distance = word(mine) - word(theirs);
  return distance >= -1n && distance <= 1n;
}

/** FSTP as D9 D8+i is undocumented, and without a stack fault on AMD's processors. */
export function undocumented(form: Form, test: Case): boolean {
  const top = (test.image[3] >> 3) & 7;
  return form.row.encoding === "D9 R/3" && (test.image[4] & (1 << top)) === 0;
}

function approximatelyEqual(mine: Uint8Array, theirs: Uint8Array): boolean {
  const a = new Float32Array(mine.slice().buffer);
  const b = new Float32Array(theirs.slice().buffer);
  return a.every(
    (value, i) =>
      Object.is(value, b[i]) ||
      Math.abs(value - b[i]) <= APPROXIMATION * Math.abs(b[i]) ||
      (b[i] === 0 && Math.abs(value) <= PERHAPS_ZERO),
  );
}

/** What differs between two outcomes of a case, in words; empty when nothing that is defined does. */
export function differences(form: Form, test: Case, mine: Outcome, theirs: Outcome): string {
  if ((mine.signal !== 0) !== (theirs.signal !== 0))
    return `signal ${theirs.signal}, ${mine.signal ? "" : "no "}fault here`;
  const wrong: string[] = [];
  if (theirs.signal === 0) {
    for (let i = 0; i < 16; i++) {
      if (mine.registers[i] !== theirs.registers[i])
        wrong.push(`r${i} ${mine.registers[i].toString(16)}, not ${theirs.registers[i].toString(16)}`);
    }
    const undefinedBits = [...(form.row.flags.undefined ?? "")].reduce(
      (bits, letter) => bits | FLAG_BITS[letter],
      0n,
    );
    const differing = (mine.flags ^ theirs.flags) & SIX & ~undefinedBits;
    if (differing !== 0n)
      wrong.push(
        `flags ${mine.flags.toString(16)}, not ${theirs.flags.toString(16)} (before ${test.flags.toString(16)})`,
      );
  }
  wrong.push(...imageDifferences(form, mine.image, theirs.image));
  if (Buffer.compare(mine.data, theirs.data) !== 0) {
    const at = mine.data.findIndex((byte, i) => byte !== theirs.data[i]) & ~7;
    wrong.push(
      `[${at.toString(16)}] ${hex(mine.data.subarray(at, at + 16))}, not ${hex(theirs.data.subarray(at, at + 16))}`,
    );
  }
  return wrong.join("; ");
}

function imageDifferences(form: Form, mine: Uint8Array, theirs: Uint8Array): string[] {
  const wrong: string[] = [];
  for (let at = 0; at < 416; at += 16) {
    const a = mine.subarray(at, at + 16);
    const b = theirs.subarray(at, at + 16);
    const c1 = TRANSCENDENTAL.test(form.row.mnemonic) || C1_DIFFERS.test(form.row.mnemonic) ? C1 : 0;
    if (
      a.every(
        (byte, i) => byte === b[i] || !compared(at + i) || (at + i === 3 && ((byte ^ b[i]) & ~c1) === 0),
      )
    )
      continue;
    if (TRANSCENDENTAL.test(form.row.mnemonic) && at >= 32 && nearly(a, b)) continue;
    if (/^r(cp|sqrt)/.test(form.row.mnemonic) && approximatelyEqual(a, b)) continue;
    const name = at < 32 ? `image ${at}` : at < 160 ? `st${at / 16 - 2}` : `xmm${at / 16 - 10}`;
    wrong.push(`${name} ${hex(a)}, not ${hex(b)}`);
  }
  return wrong;
}
