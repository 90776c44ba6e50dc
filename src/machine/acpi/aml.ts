/**
 * ACPI machine language (ACPI specification 6.5, chapter 20), as much as a description of this board needs: each
 * function encodes one term.
 * @module
 */
export type Aml = readonly number[];

const ZERO_OP = 0x00;
const ONE_OP = 0x01;
const NAME_OP = 0x08;
const BYTE_PREFIX = 0x0a;
const WORD_PREFIX = 0x0b;
const DWORD_PREFIX = 0x0c;
const STRING_PREFIX = 0x0d;
const SCOPE_OP = 0x10;
const BUFFER_OP = 0x11;
const PACKAGE_OP = 0x12;
const EXTENDED = 0x5b;
const DEVICE_OP = 0x82;
const ROOT = 0x5c;

const ascii = (text: string): number[] => Array.from(text, (character) => character.charCodeAt(0));
const little = (value: number, bytes: number): number[] =>
  Array.from({ length: bytes }, (_, i) => Math.floor(value / 2 ** (8 * i)) % 256);

/** A name of at most four characters, or \ and such a name (20.2.2). */
function nameString(name: string): number[] {
  if (name.startsWith("\\")) return [ROOT, ...nameString(name.slice(1))];
  return ascii(name.padEnd(4, "_"));
}

/** PkgLength and what it counts (20.2.4): it counts itself too. */
function withLength(contents: Aml): number[] {
  const short = contents.length + 1;
  if (short < 0x40) return [short, ...contents];
  const long = contents.length + 2;
  if (long < 0x1000) return [0x40 | (long & 0xf), long >> 4, ...contents];
  const longer = contents.length + 3;
  return [0x80 | (longer & 0xf), (longer >> 4) & 0xff, longer >> 12, ...contents];
}

export function integer(value: number): Aml {
  if (value === 0) return [ZERO_OP];
  if (value === 1) return [ONE_OP];
  if (value < 0x100) return [BYTE_PREFIX, value];
  return value < 0x1_0000 ? [WORD_PREFIX, ...little(value, 2)] : [DWORD_PREFIX, ...little(value, 4)];
}

export function string(text: string): Aml {
  return [STRING_PREFIX, ...ascii(text), 0];
}

/** The compressed form of an identifier such as PNP0A03 (19.3.4). */
export function eisaId(id: string): Aml {
  const [a, b, c] = ascii(id.slice(0, 3)).map((letter) => letter - 0x40) as [number, number, number];
  const number = parseInt(id.slice(3), 16);
  const vendor = (a << 10) | (b << 5) | c;
  return [DWORD_PREFIX, vendor >> 8, vendor & 0xff, number >> 8, number & 0xff];
}

export function name(path: string, value: Aml): Aml {
  return [NAME_OP, ...nameString(path), ...value];
}
export function scope(path: string, ...terms: Aml[]): Aml {
  return [SCOPE_OP, ...withLength([...nameString(path), ...terms.flat()])];
}
export function device(path: string, ...terms: Aml[]): Aml {
  return [EXTENDED, DEVICE_OP, ...withLength([...nameString(path), ...terms.flat()])];
}
export function packageOf(...elements: Aml[]): Aml {
  return [PACKAGE_OP, ...withLength([elements.length, ...elements.flat()])];
}

/** A buffer of resource descriptors (6.4) with the end tag; its checksum 0 means that there is none. */
export function resources(...descriptors: Aml[]): Aml {
  const bytes = [...descriptors.flat(), 0x79, 0];
  return [BUFFER_OP, ...withLength([...integer(bytes.length), ...bytes])];
}

/** 6.4.2.5: ports that decode 16 bits, at a fixed place. */
export function ioPorts(base: number, length: number): Aml {
  return [0x47, 1, ...little(base, 2), ...little(base, 2), 1, length];
}
/** 6.4.2.1: an ISA interrupt request, edge-triggered and active high. */
export function interruptRequest(line: number): Aml {
  return [0x22, ...little(1 << line, 2)];
}

/** 6.4.3.5: resource types of address-space descriptors. */
const MEMORY_RANGE = 0;
const IO_RANGE = 1;
const BUS_RANGE = 2;
/** Producer, both ends fixed. */
const FIXED_WINDOW = 0x0c;
const ENTIRE_RANGE = 3;
const READ_WRITE = 1;

function window(tag: number, bytes: number, type: number, flags: number, first: number, last: number): Aml {
  const fields = [0, first, last, 0, last - first + 1].flatMap((value) => little(value, bytes));
  return [tag, ...little(3 + fields.length, 2), type, FIXED_WINDOW, flags, ...fields];
}
/** Bus numbers, ports and memory that a bridge passes on. */
export function busWindow(first: number, last: number): Aml {
  return window(0x88, 2, BUS_RANGE, 0, first, last);
}
export function portWindow(first: number, last: number): Aml {
  return window(0x88, 2, IO_RANGE, ENTIRE_RANGE, first, last);
}
export function memoryWindow(first: number, last: number): Aml {
  return window(0x87, 4, MEMORY_RANGE, READ_WRITE, first, last);
}
