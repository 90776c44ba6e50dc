/**
 * Outcomes of cases in a file, compressed: for each form its key, the fingerprint of its cases, and what each case changed.
 *
 *     forms u32; then for each: key length u8, key, fingerprint u32, bytes of its outcomes u32
 *     outcome: signal u8; and unless there was one flags u16, mask of changed registers u16, those registers u64;
 *              the image, the data: number of changed words u8, then index u16 and word u64 of each
 */
import { readFileSync, writeFileSync } from "node:fs";
import { brotliCompressSync, brotliDecompressSync, constants } from "node:zlib";
import type { Case, Outcome } from "./case.js";

const fileOf = (name: string): URL => new URL(`${name}.br`, import.meta.url);

function changedWords(before: Uint8Array, after: Uint8Array): Buffer<ArrayBuffer> {
  const parts = [Buffer.alloc(1)];
  for (let at = 0; at < before.length; at += 8) {
    const word = after.subarray(at, at + 8);
    if (Buffer.compare(before.subarray(at, at + 8), word) === 0) continue;
    const index = Buffer.alloc(2);
    index.writeUInt16LE(at / 8);
    parts.push(index, Buffer.from(word));
    parts[0][0]++;
  }
  return Buffer.concat(parts);
}

export function encodeOutcome(test: Case, outcome: Outcome): Buffer {
  const parts = [Buffer.of(outcome.signal)];
  if (outcome.signal === 0) {
    const head = Buffer.alloc(4);
    head.writeUInt16LE(Number(outcome.flags & 0xffffn));
    const changed = outcome.registers.flatMap((value, i) => (value === test.registers[i] ? [] : [i]));
    head.writeUInt16LE(
      changed.reduce((mask, i) => mask | (1 << i), 0),
      2,
    );
    const values = Buffer.alloc(8 * changed.length);
    changed.forEach((i, k) => values.writeBigUInt64LE(outcome.registers[i], 8 * k));
    parts.push(head, values);
  }
  parts.push(changedWords(test.image, outcome.image), changedWords(test.data, outcome.data));
  return Buffer.concat(parts);
}

export interface RecordedForm {
  readonly key: string;
  readonly fingerprint: number;
  readonly outcomes: Buffer;
}

export function writeRecording(name: string, forms: readonly RecordedForm[]): void {
  const count = Buffer.alloc(4);
  count.writeUInt32LE(forms.length);
  const heads = forms.map(({ key, fingerprint, outcomes }) => {
    const head = Buffer.alloc(9 + key.length);
    head[0] = key.length;
    head.write(key, 1, "latin1");
    head.writeUInt32LE(fingerprint, 1 + key.length);
    head.writeUInt32LE(outcomes.length, 5 + key.length);
    return head;
  });
  const all = Buffer.concat([count, ...heads, ...forms.map(({ outcomes }) => outcomes)]);
  writeFileSync(
    fileOf(name),
    brotliCompressSync(all, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: 11,
        [constants.BROTLI_PARAM_LGWIN]: 24,
        [constants.BROTLI_PARAM_SIZE_HINT]: all.length,
      },
    }),
  );
}

/** The recorded forms by key. */
export function readRecording(name: string): Map<string, RecordedForm> {
  const all = brotliDecompressSync(readFileSync(fileOf(name)));
  const heads: [string, number, number][] = [];
  let at = 4;
  for (let i = 0; i < all.readUInt32LE(0); i++) {
    const key = all.toString("latin1", at + 1, at + 1 + all[at]);
    at += 1 + all[at];
    heads.push([key, all.readUInt32LE(at), all.readUInt32LE(at + 4)]);
    at += 8;
  }
  return new Map(
    heads.map(([key, fingerprint, bytes]) => {
      const outcomes = all.subarray(at, at + bytes);
      at += bytes;
      return [key, { key, fingerprint, outcomes }];
    }),
  );
}

/** Reads the outcomes of a form one after another, in the order of its cases. */
export class OutcomeReader {
  private at = 0;
  constructor(private readonly bytes: Buffer) {}

  next(test: Case): Outcome {
    const { bytes } = this;
    const signal = bytes[this.at++];
    const registers = [...test.registers];
    let flags = 0n;
    if (signal === 0) {
      flags = BigInt(bytes.readUInt16LE(this.at));
      const mask = bytes.readUInt16LE(this.at + 2);
      this.at += 4;
      for (let i = 0; i < 16; i++) {
        if ((mask & (1 << i)) === 0) continue;
        registers[i] = bytes.readBigUInt64LE(this.at);
        this.at += 8;
      }
    }
    return { signal, flags, registers, image: this.words(test.image), data: this.words(test.data) };
  }

  private words(before: Uint8Array): Uint8Array {
    const count = this.bytes[this.at++];
    if (count === 0) return before;
    const after = Uint8Array.from(before);
    for (let i = 0; i < count; i++) {
      after.set(this.bytes.subarray(this.at + 2, this.at + 10), 8 * this.bytes.readUInt16LE(this.at));
      this.at += 10;
    }
    return after;
  }
}
