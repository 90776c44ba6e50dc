/**
 * The assembler: keystone behind GNU `as` syntax (Intel, no register prefix).
 *
 * Supported: labels, `.code16 .code32 .code64`, `.set NAME, expression`, `NAME = expression`, `.byte .word .long .quad .ascii
 * .asciz .align .balign .p2align .skip .space .zero .fill`, several statements on a line separated by `;`, comments `#`
 * and `//`; `.ifdef NAME` and `.ifndef NAME` of constants defined before, `.else`, `.endif`; `.macro NAME` … `.endm` without
 * parameters. A label as an immediate is written `offset label`, in memory `[rip + label]`. No sections.
 *
 * Forms that keystone is known to encode wrong are refused with the spelling that is right (`assembly/pitfalls.ts`).
 * Keystone itself refuses `jmp selector:label`. It cuts an immediate or a LOOP distance that does not fit,
 * without a word.
 * @module
 */
import { AssemblyError } from "./assembly/error.js";
import { constantsOf } from "./assembly/constants.js";
import type { Constants } from "./assembly/constants.js";
import { encodeAndEvaluate, load } from "./assembly/keystone.js";
import type { KeystoneFiles } from "./assembly/keystone.js";
import { argumentOf, omissionOf, takesSize } from "./assembly/omissions.js";
import type { Outcome } from "./assembly/omissions.js";
import { pitfallOf } from "./assembly/pitfalls.js";
import { spelledForKeystone } from "./assembly/spelling.js";
import { statementsOf } from "./assembly/statements.js";
import type { AssemblySource, Statement } from "./assembly/statements.js";

export { AssemblyError };
export type { AssemblySource };

/** A run of bytes that one statement made. */
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

/**
 * Assembles source text, starting in 64-bit mode.
 * @param source one text (named "source" in messages) or several files with distinct names
 * @param options.origin linear address of the first byte
 * @throws AssemblyError with file and line for anything that cannot be assembled
 */
export type Assemble = (source: string | readonly AssemblySource[], options: { origin: number }) => Assembled;

interface Image {
  bytes: Uint8Array;
  /** By statement. */
  outcomes: Outcome[];
  symbols: Record<string, number>;
}

/**
 * Keystone numbers no lines, so a label stands before each statement but a constant, and one behind the last. No more than are
 * needed: a program with some 1500 names leaves keystone's memory in disorder.
 */
const statementLabel = (index: number): string => `.Lstatement${index}`;

/** The label at the address of each statement, and of the end. A constant has that of the next statement. */
function places(statements: readonly Statement[]): string[] {
  const labels = new Array<string>(statements.length + 1);
  labels[statements.length] = statementLabel(statements.length);
  for (let i = statements.length - 1; i >= 0; i--)
    labels[i] = statements[i].constant !== null ? labels[i + 1] : statementLabel(i);
  return labels;
}

function build(statements: readonly Statement[], constants: Constants, origin: number): Image | string {
  const labelOf = places(statements);
  const lines = statements.flatMap((statement, i) => [
    ...statement.labels.map((label) => `${label}:`),
    ...(statement.constant !== null ? [] : [`${labelOf[i]}:`]),
    spelledForKeystone(statement, constants, labelOf[i + 1]),
  ]);
  const sized = statements.flatMap((statement, i) => (takesSize(statement) ? [i] : []));
  const sizes = sized.map((i) => argumentOf(statements[i], labelOf[i]));
  const names = [
    ...new Set(statements.flatMap(({ labels, constant }) => [...labels, constant ?? []].flat())),
  ];
  const result = encodeAndEvaluate(
    [...lines, `${statementLabel(statements.length)}:`],
    [...labelOf, ...sizes, ...names],
    origin,
  );
  if (typeof result === "string") return result;
  const addresses = result.values.slice(0, labelOf.length).map(Number);
  const sizeValues = new Map(sized.map((i, place) => [i, Number(result.values[labelOf.length + place])]));
  const symbolValues = result.values.slice(labelOf.length + sizes.length);
  return {
    bytes: result.bytes,
    outcomes: statements.map((_, i) => ({
      address: addresses[i],
      length: addresses[i + 1] - addresses[i],
      argument: sizeValues.get(i) ?? 0,
    })),
    symbols: Object.fromEntries(names.map((name, i) => [name, Number(BigInt.asUintN(53, symbolValues[i]))])),
  };
}

/** The first statements, with the labels and constants of the rest so that they can be referred to. */
function prefix(statements: readonly Statement[], count: number): Statement[] {
  const first = statements.slice(0, count);
  const known = new Set<string | null>(first.flatMap(({ labels, constant }) => [...labels, constant]));
  const rest = statements.slice(count).map((statement): Statement => {
    const labels = statement.labels.filter((label) => !known.has(label));
    const constant = known.has(statement.constant) ? null : statement.constant;
    for (const name of [...labels, constant]) known.add(name);
    return { ...statement, kind: "none", labels, constant, code: constant ? `.set ${constant}, 1` : "" };
  });
  return [...first, ...rest];
}

/** Finds the statement that keystone refuses by halving, and its reason. */
function refused(
  statements: readonly Statement[],
  constants: Constants,
  origin: number,
  reason: string,
): { statement: Statement; reason: string } {
  let good = 0;
  let bad = statements.length;
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    const result = build(prefix(statements, middle), constants, origin);
    if (typeof result === "string") [bad, reason] = [middle, result];
    else good = middle;
  }
  return { statement: statements[bad - 1], reason };
}

function assemble(source: string | readonly AssemblySource[], { origin }: { origin: number }): Assembled {
  const sources = typeof source === "string" ? [{ name: "source", text: source }] : source;
  const complain = ({ file, line }: Statement, reason: string): never => {
    const { name, text } = sources[file];
    throw new AssemblyError(reason, name, line, text.split("\n")[line - 1]);
  };
  const statements = statementsOf(sources);
  const labels = new Set(statements.flatMap((statement) => statement.labels));
  for (const statement of statements) {
    const pitfall = pitfallOf(statement, labels);
    if (pitfall !== null) complain(statement, pitfall);
  }
  const constants = constantsOf(statements);
  const image = build(statements, constants, origin);
  if (typeof image === "string") {
    const { statement, reason } = refused(statements, constants, origin, image);
    return complain(statement, reason);
  }
  const { bytes, outcomes, symbols } = image;
  const listing = statements.flatMap((statement, i): ListingEntry[] => {
    const omission = omissionOf(statement, outcomes[i]);
    if (omission !== null) complain(statement, omission);
    const { file, line, kind } = statement;
    const { address, length } = outcomes[i];
    return kind === "none" || length === 0 ? [] : [{ address, length, file, line, kind }];
  });
  return { origin, bytes, listing, symbols };
}

/**
 * Loads keystone. Some impossible operands make it break down, with an error that is no `AssemblyError`, or run for ever;
 * it is of no use after that, so a page loads it in a worker that it can throw away.
 * @param files keystone's own, for a page; without them Node finds the installed package
 */
export async function loadAssembler(files?: KeystoneFiles): Promise<Assemble> {
  await load(files);
  return assemble;
}
