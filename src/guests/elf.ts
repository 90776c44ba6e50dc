/**
 * ELF executables for x86 (System V gABI, chapters 4 and 5; psABI i386 and x86-64): 32 and 64 bits, little endian.
 * @module
 */
import { hex, ImageError } from "./image-error.js";

/** A PT_LOAD program header. */
export interface ElfSegment {
  /** Index in the program header table. */
  index: number;
  /** Guest-physical address (p_paddr). */
  physical: number;
  /** Linear address (p_vaddr). */
  virtual: bigint;
  /** Offset in the file. */
  offset: number;
  /** Bytes that come from the file. */
  fileSize: number;
  /** Bytes in memory; those after `fileSize` are 0. */
  memorySize: number;
}

/** A function, object or untyped label of the symbol table. `address` is linear. */
export interface ImageSymbol {
  name: string;
  address: bigint;
  /** Bytes; 0 where the table does not say. */
  size: number;
}

export interface ElfFile {
  bits: 32 | 64;
  /** Linear address (e_entry). */
  entry: bigint;
  /** Loadable segments that occupy memory, in the order of the file. */
  segments: ElfSegment[];
  /** Empty if the file is stripped. */
  symbols: ImageSymbol[];
}

const CLASS_32 = 1;
const LITTLE_ENDIAN = 1;
const TYPE_EXECUTABLE = 2;
const MACHINE_386 = 3;
const MACHINE_X86_64 = 62;
const SEGMENT_LOAD = 1;
const SECTION_SYMTAB = 2;
const SYMBOL_TYPE_FILE = 4;
const SYMBOL_TYPE_SECTION = 3;
const LONGEST_NAME = 512;

/** Where the fields of each structure lie: `[offset, bytes]` for ELF32 and ELF64. */
type Fields = Record<string, readonly [number, number]>;
const HEADER: Record<32 | 64, Fields & { bytes: readonly [number, number] }> = {
  32: {
    bytes: [52, 0],
    type: [16, 2],
    machine: [18, 2],
    entry: [24, 4],
    phoff: [28, 4],
    shoff: [32, 4],
    phentsize: [42, 2],
    phnum: [44, 2],
    shentsize: [46, 2],
    shnum: [48, 2],
  },
  64: {
    bytes: [64, 0],
    type: [16, 2],
    machine: [18, 2],
    entry: [24, 8],
    phoff: [32, 8],
    shoff: [40, 8],
    phentsize: [54, 2],
    phnum: [56, 2],
    shentsize: [58, 2],
    shnum: [60, 2],
  },
};
const PROGRAM: typeof HEADER = {
  32: {
    bytes: [32, 0],
    type: [0, 4],
    offset: [4, 4],
    vaddr: [8, 4],
    paddr: [12, 4],
    filesz: [16, 4],
    memsz: [20, 4],
  },
  64: {
    bytes: [56, 0],
    type: [0, 4],
    offset: [8, 8],
    vaddr: [16, 8],
    paddr: [24, 8],
    filesz: [32, 8],
    memsz: [40, 8],
  },
};
const SECTION: typeof HEADER = {
  32: { bytes: [40, 0], type: [4, 4], offset: [16, 4], size: [20, 4], link: [24, 4], entsize: [36, 4] },
  64: { bytes: [64, 0], type: [4, 4], offset: [24, 8], size: [32, 8], link: [40, 4], entsize: [56, 8] },
};
const SYMBOL: typeof HEADER = {
  32: { bytes: [16, 0], name: [0, 4], value: [4, 4], size: [8, 4], info: [12, 1], section: [14, 2] },
  64: { bytes: [24, 0], name: [0, 4], info: [4, 1], section: [6, 2], value: [8, 8], size: [16, 8] },
};

/** Reads fields of structures whose place in the file has been checked. */
class Reader {
  readonly #view: DataView;

  constructor(
    readonly bytes: Uint8Array,
    readonly bits: 32 | 64,
  ) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Throws unless `length` bytes at `offset` are in the file. */
  check(what: string, offset: number, length: number): void {
    if (offset + length > this.bytes.length) {
      throw new ImageError(
        `truncated ELF file: ${what} needs ${length} bytes at offset ${hex(offset)}, but the file has ${this.bytes.length} bytes`,
      );
    }
  }

  big(base: number, [offset, width]: readonly [number, number]): bigint {
    if (width === 8) return this.#view.getBigUint64(base + offset, true);
    if (width === 4) return BigInt(this.#view.getUint32(base + offset, true));
    return BigInt(
      width === 2 ? this.#view.getUint16(base + offset, true) : this.#view.getUint8(base + offset),
    );
  }

  /** A field that counts or addresses bytes; beyond 2^52 it cannot be meant. */
  number(what: string, base: number, field: readonly [number, number]): number {
    const value = this.big(base, field);
    if (value >= 1n << 52n)
      throw new ImageError(`damaged ELF file: ${what} is ${hex(value)}, which no file or machine can hold`);
    return Number(value);
  }
}

/** Whether `bytes` begin as an ELF file does. */
export function isElf(bytes: Uint8Array): boolean {
  return (
    bytes.length >= 4 && bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46
  );
}

interface Table {
  offset: number;
  stride: number;
  count: number;
}

function table(reader: Reader, what: string, prefix: "ph" | "sh", smallest: number): Table {
  const header = HEADER[reader.bits];
  const offset = reader.number(`the offset of the ${what} table`, 0, header[`${prefix}off`]);
  const stride = reader.number("", 0, header[`${prefix}entsize`]);
  const count = offset === 0 ? 0 : reader.number("", 0, header[`${prefix}num`]);
  if (count > 0 && stride < smallest) {
    throw new ImageError(
      `damaged ELF file: an entry of the ${what} table has ${stride} bytes, at least ${smallest} are needed`,
    );
  }
  reader.check(`the ${what} table of ${count} entries`, offset, stride * count);
  return { offset, stride, count };
}

function segment(reader: Reader, base: number, index: number): ElfSegment | undefined {
  const fields = PROGRAM[reader.bits];
  if (reader.big(base, fields.type) !== BigInt(SEGMENT_LOAD)) return undefined;
  const what = `segment ${index}`;
  const offset = reader.number(`the offset of ${what}`, base, fields.offset);
  const fileSize = reader.number(`the file size of ${what}`, base, fields.filesz);
  const memorySize = reader.number(`the memory size of ${what}`, base, fields.memsz);
  const physical = reader.number(`the physical address of ${what}`, base, fields.paddr);
  if (fileSize > memorySize) {
    throw new ImageError(
      `damaged ELF file: ${what} has ${fileSize} bytes in the file but only ${memorySize} in memory`,
    );
  }
  if (memorySize === 0) return undefined;
  if (fileSize > 0) reader.check(what, offset, fileSize);
  return { index, physical, virtual: reader.big(base, fields.vaddr), offset, fileSize, memorySize };
}

function nameAt(bytes: Uint8Array, start: number, end: number): string {
  const limit = Math.min(end, start + LONGEST_NAME);
  let stop = start;
  while (stop < limit && bytes[stop] !== 0) stop++;
  return new TextDecoder().decode(bytes.subarray(start, stop));
}

function symbolTable(reader: Reader, sections: Table, base: number): ImageSymbol[] {
  const fields = SECTION[reader.bits];
  const offset = reader.number("the offset of the symbol table", base, fields.offset);
  const bytes = reader.number("the size of the symbol table", base, fields.size);
  reader.check("the symbol table", offset, bytes);
  const link = reader.number("", base, fields.link);
  if (link >= sections.count)
    throw new ImageError(`damaged ELF file: the symbol table names section ${link} of ${sections.count}`);
  const strings = sections.offset + link * sections.stride;
  const stringsAt = reader.number("the offset of the string table", strings, fields.offset);
  const stringsEnd = stringsAt + reader.number("the size of the string table", strings, fields.size);
  reader.check("the string table", stringsAt, stringsEnd - stringsAt);

  const entry = SYMBOL[reader.bits];
  const symbols: ImageSymbol[] = [];
  for (let at = offset; at + entry.bytes[0] <= offset + bytes; at += entry.bytes[0]) {
    const type = Number(reader.big(at, entry.info)) & 15;
    const name = nameAt(reader.bytes, stringsAt + Number(reader.big(at, entry.name)), stringsEnd);
    if (
      name === "" ||
      type === SYMBOL_TYPE_FILE ||
      type === SYMBOL_TYPE_SECTION ||
      reader.big(at, entry.section) === 0n
    )
      continue;
    const size = reader.big(at, entry.size);
    symbols.push({ name, address: reader.big(at, entry.value), size: size < 1n << 32n ? Number(size) : 0 });
  }
  return symbols;
}

/**
 * Reads headers, loadable segments and symbols; every offset is checked against the file.
 * @throws ImageError if the file is truncated, damaged, or not an executable for x86
 */
export function parseElf(bytes: Uint8Array): ElfFile {
  const bits = bytes[4] === CLASS_32 ? 32 : 64;
  const reader = new Reader(bytes, bits);
  const header = HEADER[bits];
  reader.check("the ELF header", 0, header.bytes[0]);
  if (bytes[4] !== CLASS_32 && bytes[4] !== 2)
    throw new ImageError(`ELF class ${bytes[4]} is neither 1 (32 bits) nor 2 (64 bits)`);
  if (bytes[5] !== LITTLE_ENDIAN) throw new ImageError("a big-endian ELF file is not for x86");
  const machine = reader.number("", 0, header.machine);
  if (machine !== MACHINE_386 && machine !== MACHINE_X86_64) {
    throw new ImageError(
      `the ELF file is for machine ${machine}, not for x86 (${MACHINE_386}) or x86-64 (${MACHINE_X86_64})`,
    );
  }
  const type = reader.number("", 0, header.type);
  if (type !== TYPE_EXECUTABLE) {
    throw new ImageError(
      `ELF type ${type} is not ${TYPE_EXECUTABLE} (executable with fixed addresses): link it with -no-pie -static`,
    );
  }
  const programs = table(reader, "program header", "ph", PROGRAM[bits].bytes[0]);
  const sections = table(reader, "section header", "sh", SECTION[bits].bytes[0]);
  const segments = Array.from({ length: programs.count }, (_, i) =>
    segment(reader, programs.offset + i * programs.stride, i),
  );
  const symbols: ImageSymbol[] = [];
  for (let i = 0; i < sections.count; i++) {
    const base = sections.offset + i * sections.stride;
    if (reader.big(base, SECTION[bits].type) === BigInt(SECTION_SYMTAB))
      symbols.push(...symbolTable(reader, sections, base));
  }
  return {
    bits,
    entry: reader.big(0, header.entry),
    segments: segments.filter((found) => found !== undefined),
    symbols,
  };
}
