/** Makes small ELF files for tests, field by field. */
export interface ElfParts {
  bits: 32 | 64;
  entry: number;
  segments: { physical: number; virtual?: number; bytes: Uint8Array; memorySize?: number }[];
  symbols?: { name: string; address: number }[];
  /** Overrides at file offsets, applied last. */
  patch?: Record<number, number[]>;
}

const HEADER = { 32: 52, 64: 64 };
const PROGRAM = { 32: 32, 64: 56 };
const SECTION = { 32: 40, 64: 64 };
const SYMBOL = { 32: 16, 64: 24 };

class Writer {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(
    length: number,
    readonly bits: 32 | 64,
  ) {
    this.bytes = new Uint8Array(length);
    this.#view = new DataView(this.bytes.buffer);
  }

  seek(at: number): void {
    this.#at = at;
  }

  put(size: 1 | 2 | 4 | 8, value: number): void {
    if (size === 1) this.#view.setUint8(this.#at, value);
    if (size === 2) this.#view.setUint16(this.#at, value, true);
    if (size === 4) this.#view.setUint32(this.#at, value, true);
    if (size === 8) this.#view.setBigUint64(this.#at, BigInt(value), true);
    this.#at += size;
  }

  /** A field as wide as an address. */
  word(value: number): void {
    this.put(this.bits === 64 ? 8 : 4, value);
  }
}

export function makeElf({ bits, entry, segments, symbols = [], patch = {} }: ElfParts): Uint8Array {
  const names = symbols.map(({ name }) => new TextEncoder().encode(`${name}\0`));
  let at = HEADER[bits] + PROGRAM[bits] * segments.length;
  const placed = segments.map((segment) => ({
    ...segment,
    offset: (at += segment.bytes.length) - segment.bytes.length,
  }));
  const symbolsAt = at;
  const stringsAt = symbolsAt + SYMBOL[bits] * symbols.length;
  const stringsLength = 1 + names.reduce((sum, { length }) => sum + length, 0);
  const sectionsAt = stringsAt + stringsLength;
  const sections = symbols.length > 0 ? 3 : 0;
  const writer = new Writer(sectionsAt + sections * SECTION[bits], bits);

  [0x7f, 0x45, 0x4c, 0x46, bits === 64 ? 2 : 1, 1, 1].forEach((byte) => writer.put(1, byte));
  writer.seek(16);
  writer.put(2, 2);
  writer.put(2, bits === 64 ? 62 : 3);
  writer.put(4, 1);
  writer.word(entry);
  writer.word(HEADER[bits]);
  writer.word(sections > 0 ? sectionsAt : 0);
  writer.put(4, 0);
  for (const value of [HEADER[bits], PROGRAM[bits], segments.length, SECTION[bits], sections, 0])
    writer.put(2, value);

  placed.forEach(({ physical, virtual = physical, bytes, memorySize = bytes.length, offset }, i) => {
    writer.seek(HEADER[bits] + i * PROGRAM[bits]);
    writer.put(4, 1);
    if (bits === 64) writer.put(4, 7);
    for (const value of [offset, virtual, physical, bytes.length, memorySize]) writer.word(value);
    writer.bytes.set(bytes, offset);
  });

  let nameAt = 1;
  symbols.forEach(({ address }, i) => {
    writer.seek(symbolsAt + i * SYMBOL[bits]);
    writer.put(4, nameAt);
    if (bits === 64) [1, 0].forEach((value) => writer.put(1, value));
    if (bits === 64) writer.put(2, 1);
    writer.word(address);
    writer.word(0);
    if (bits === 32) [1, 0].forEach((value) => writer.put(1, value));
    if (bits === 32) writer.put(2, 1);
    writer.bytes.set(names[i], stringsAt + nameAt);
    nameAt += names[i].length;
  });
  if (sections > 0) {
    section(writer, sectionsAt + SECTION[bits], 2, symbolsAt, stringsAt - symbolsAt, 2);
    section(writer, sectionsAt + 2 * SECTION[bits], 3, stringsAt, stringsLength, 0);
  }
  for (const [offset, values] of Object.entries(patch)) writer.bytes.set(values, Number(offset));
  return writer.bytes;
}

function section(
  writer: Writer,
  base: number,
  type: number,
  offset: number,
  size: number,
  link: number,
): void {
  writer.seek(base);
  writer.put(4, 0);
  writer.put(4, type);
  [0, 0, offset, size].forEach((value) => writer.word(value));
  writer.put(4, link);
}
