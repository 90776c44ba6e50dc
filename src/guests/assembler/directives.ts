import { Complaint } from "./error.js";
import { parseExpression } from "./expression.js";
import type { Expression, Lookup } from "./expression.js";
import type { TokenReader } from "./tokens.js";

/** Emits the bytes of a directive for its place. */
export type Emit = (address: bigint, lookup: Lookup) => number[];

/** More than this in one directive is taken for a slip, bytes. */
const LARGEST_GAP = 16n << 20n;

const DATA_SIZES: Record<string, number> = {
  ".byte": 1,
  ".word": 2,
  ".short": 2,
  ".long": 4,
  ".int": 4,
  ".quad": 8,
};

function list(reader: TokenReader): Expression[] {
  const values = [parseExpression(reader)];
  while (reader.take(",")) values.push(parseExpression(reader));
  return values;
}

function number(value: bigint, size: number): number[] {
  const bits = BigInt(8 * size);
  if (value >= 1n << bits || value < -(1n << (bits - 1n))) {
    throw new Complaint(
      `${value < 0n ? "-" : ""}0x${(value < 0n ? -value : value).toString(16)} does not fit ${size} byte${size === 1 ? "" : "s"}`,
    );
  }
  return Array.from({ length: size }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));
}

function data(reader: TokenReader, size: number): Emit {
  const values = list(reader);
  return (_, lookup) => values.flatMap((value) => number(value(lookup).value, size));
}

function text(reader: TokenReader, terminator: readonly number[]): Emit {
  const bytes: number[] = [];
  do {
    const token = reader.next();
    if (token.kind !== "string")
      throw new Complaint(`expected a string in double quotes, found "${token.text}"`);
    bytes.push(...token.bytes, ...terminator);
  } while (reader.take(","));
  return () => bytes;
}

/** Code and data share one section, so padding is NOP unless the directive gives a byte. */
function align(reader: TokenReader, boundaryOf: (value: bigint) => bigint): Emit {
  const [value, fill] = list(reader);
  return (address, lookup) => {
    const boundary = boundaryOf(value(lookup).value);
    if (boundary < 1n || boundary > LARGEST_GAP || (boundary & (boundary - 1n)) !== 0n) {
      throw new Complaint(`cannot align to ${boundary}: not a power of two up to ${LARGEST_GAP}`);
    }
    const gap = (boundary - (address % boundary)) % boundary;
    return new Array<number>(Number(gap)).fill(
      fill === undefined ? 0x90 : Number(fill(lookup).value & 0xffn),
    );
  };
}

function gap(count: bigint): number {
  if (count < 0n || count > LARGEST_GAP)
    throw new Complaint(`cannot leave ${count} bytes: 0 to ${LARGEST_GAP} are possible`);
  return Number(count);
}

function space(reader: TokenReader): Emit {
  const [count, fill] = list(reader);
  return (_, lookup) => {
    const { value, late } = count(lookup);
    const byte = fill === undefined ? 0 : Number(fill(lookup).value & 0xffn);
    return new Array<number>(gap(late && value < 0n ? 0n : value)).fill(byte);
  };
}

function fill(reader: TokenReader): Emit {
  const [count, size, value] = list(reader);
  return (_, lookup) => {
    const bytes = number(value?.(lookup).value ?? 0n, Number(size?.(lookup).value ?? 1n));
    return new Array<number[]>(gap(count(lookup).value)).fill(bytes).flat();
  };
}

const IGNORED = new Set([".text", ".global", ".globl", ".intel_syntax"]);

/**
 * Parses a directive that emits bytes or none.
 * @throws Complaint for an unknown directive
 */
export function parseDirective(name: string, reader: TokenReader): Emit {
  if (name in DATA_SIZES) return data(reader, DATA_SIZES[name]);
  if (name === ".ascii") return text(reader, []);
  if (name === ".asciz" || name === ".string") return text(reader, [0]);
  if (name === ".align" || name === ".balign") return align(reader, (value) => value);
  if (name === ".p2align") return align(reader, (value) => 1n << (value > 24n ? 24n : value));
  if (name === ".skip" || name === ".space" || name === ".zero") return space(reader);
  if (name === ".fill") return fill(reader);
  if (!IGNORED.has(name)) throw new Complaint(`unknown directive "${name}"`);
  while (!reader.done) reader.next();
  return () => [];
}
