/**
 * The assembler: GNU `as` syntax (Intel, no register prefix) for the integer and system instructions of x86-64.
 *
 * One section, one pass until addresses stand still. Supported: labels, `.code32 .code64`, `.set NAME, expression`,
 * `NAME = expression`, `.byte .word .long .quad .ascii .asciz .align .balign .p2align .skip .space .zero .fill`,
 * several statements on a line separated by `;`, comments `#` and `//`, `.` or `$` for the current address.
 * A label as an immediate is written `offset label`. No macros, no numeric labels, no SSE, no x87.
 * @module
 */
import { AssemblyError, Complaint } from "./assembler/error.js";
import { encode } from "./assembler/encode.js";
import type { Lookup, Value } from "./assembler/expression.js";
import { at, parseFile } from "./assembler/statement.js";
import type { Statement } from "./assembler/statement.js";

export { AssemblyError };

/** A source file; several are assembled one after another as if they were one. */
export interface AssemblySource {
  name: string;
  text: string;
}

/** A run of bytes that one source line made. */
export interface ListingEntry {
  /** Linear address of the first byte. */
  address: number;
  /** Bytes. */
  length: number;
  /** Index into the sources. */
  file: number;
  /** 1-based line in that source. */
  line: number;
  kind: "code" | "data";
}

export interface Assembled {
  /** Linear address of the first byte. */
  origin: number;
  bytes: Uint8Array;
  /** In ascending order of address; lines that make no bytes have no entry. */
  listing: ListingEntry[];
  /** Labels and constants by name. Constants keep their low 53 bits. */
  symbols: Record<string, number>;
}

/** Images larger than this are refused, bytes. */
const LARGEST_IMAGE = 64 << 20;

/** Every round can only lengthen branches; what has not settled after so many is a paradox in `.skip` or `.set`. */
const MOST_ROUNDS = 100;

interface Round {
  bytes: number[][];
  labels: Map<string, bigint>;
  constants: Map<string, Value>;
  /** A short branch was lengthened. */
  grew: boolean;
  /** A branch that has only a short form (LOOP, JRCXZ) and does not reach. */
  unreachable?: Statement;
}

function complain({ file, line, text }: Statement, reason: string): never {
  throw new AssemblyError(reason, file, line, text);
}

class Layout {
  readonly #far = new Set<Statement>();
  readonly #names = new Map<string, "label" | "set">();
  #labels = new Map<string, bigint>();

  constructor(
    readonly statements: readonly Statement[],
    readonly origin: bigint,
  ) {
    for (const statement of statements) {
      if (statement.kind !== "label" && statement.kind !== "set") continue;
      const previous = this.#names.get(statement.name);
      if (previous !== undefined && (previous === "label" || statement.kind === "label")) {
        complain(statement, `"${statement.name}" is already defined`);
      }
      this.#names.set(statement.name, statement.kind);
    }
  }

  /** Values of this round if the definition came before, else those of the round before. */
  #lookup(name: string, address: bigint, { labels, constants }: Round): Value {
    if (name === "." || name === "$") return { value: address, labels: 1, late: true };
    const kind = this.#names.get(name);
    if (kind === undefined) throw new Complaint(`"${name}" is not defined`);
    if (kind === "label")
      return { value: labels.get(name) ?? this.#labels.get(name) ?? address, labels: 1, late: true };
    const constant = constants.get(name);
    if (constant === undefined) throw new Complaint(`the constant "${name}" is used before its definition`);
    return constant;
  }

  round(): Round {
    const round: Round = { bytes: [], labels: new Map(), constants: new Map(), grew: false };
    let address = this.origin;
    let long = true;
    for (const statement of this.statements) {
      const here = address;
      const lookup: Lookup = (name) => this.#lookup(name, here, round);
      if (statement.kind === "mode") long = statement.long;
      if (statement.kind === "label") round.labels.set(statement.name, address);
      const bytes = at(statement, () => this.#emit(statement, { address, long, lookup, round }));
      round.bytes.push(bytes);
      address += BigInt(bytes.length);
      if (address - this.origin > LARGEST_IMAGE) {
        complain(statement, `the image grows beyond ${LARGEST_IMAGE} bytes`);
      }
    }
    return round;
  }

  #emit(
    statement: Statement,
    place: { address: bigint; long: boolean; lookup: Lookup; round: Round },
  ): number[] {
    const { address, long, lookup, round } = place;
    if (statement.kind === "set") round.constants.set(statement.name, statement.value(lookup));
    if (statement.kind === "data") return statement.emit(address, lookup);
    if (statement.kind !== "instruction") return [];
    const { mnemonic, operands, prefixes } = statement;
    const far = this.#far.has(statement);
    const encoded = encode(mnemonic, operands, prefixes, { lookup, address, long, far });
    if (!encoded.reaches && far) round.unreachable = statement;
    if (!encoded.reaches && !far) {
      this.#far.add(statement);
      round.grew = true;
    }
    return encoded.bytes;
  }

  /** Rounds until neither an address nor a branch changes. */
  settle(): Round {
    for (let count = 0; count < MOST_ROUNDS; count++) {
      const round = this.round();
      const stands = [...round.labels].every(([name, address]) => this.#labels.get(name) === address);
      this.#labels = round.labels;
      if (!stands || round.grew) continue;
      if (round.unreachable === undefined) return round;
      complain(round.unreachable, "the branch target is out of reach");
    }
    return complain(this.statements[0], "the addresses never settle: a size depends on itself");
  }
}

function listingOf(
  statements: readonly Statement[],
  bytes: readonly number[][],
  files: readonly string[],
  origin: number,
): ListingEntry[] {
  const listing: ListingEntry[] = [];
  let address = origin;
  statements.forEach(({ file, line, kind }, i) => {
    const length = bytes[i].length;
    if (length > 0) {
      listing.push({
        address,
        length,
        file: files.indexOf(file),
        line,
        kind: kind === "instruction" ? "code" : "data",
      });
    }
    address += length;
  });
  return listing;
}

function symbolsOf({ labels, constants }: Round): Record<string, number> {
  const constantValues = [...constants].map(
    ([name, { value }]) => [name, Number(BigInt.asUintN(53, value))] as const,
  );
  return Object.fromEntries([
    ...[...labels].map(([name, address]) => [name, Number(address)] as const),
    ...constantValues,
  ]);
}

/**
 * Assembles source text, starting in 64-bit mode.
 * @param source one text (named "source" in messages) or several files with distinct names
 * @param options.origin linear address of the first byte
 * @throws AssemblyError with file and line for anything that cannot be assembled
 */
export function assemble(
  source: string | readonly AssemblySource[],
  { origin }: { origin: number },
): Assembled {
  const sources = typeof source === "string" ? [{ name: "source", text: source }] : source;
  const statements = sources.flatMap(({ name, text }) => parseFile(name, text));
  const round = new Layout(statements, BigInt(origin)).settle();
  const files = sources.map(({ name }) => name);
  return {
    origin,
    bytes: Uint8Array.from(round.bytes.flat()),
    listing: listingOf(statements, round.bytes, files, origin),
    symbols: symbolsOf(round),
  };
}
