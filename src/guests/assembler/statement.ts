import { parseDirective } from "./directives.js";
import type { Emit } from "./directives.js";
import { AssemblyError, Complaint } from "./error.js";
import { parseExpression } from "./expression.js";
import type { Expression } from "./expression.js";
import { FORMS, PREFIXES } from "./instruction-table.js";
import { parseOperand } from "./operand.js";
import type { Operand } from "./operand.js";
import { REGISTERS } from "./registers.js";
import { tokenize, TokenReader } from "./tokens.js";
import type { Token } from "./tokens.js";

/** Where a statement stands. `line` is 1-based. */
export interface Position {
  file: string;
  line: number;
  text: string;
}

export type Statement = Position &
  (
    | { kind: "label"; name: string }
    | { kind: "set"; name: string; value: Expression }
    | { kind: "mode"; long: boolean }
    | { kind: "data"; emit: Emit }
    | { kind: "instruction"; mnemonic: string; operands: Operand[]; prefixes: number[] }
  );

type Body = Statement extends infer S ? (S extends Position ? Omit<S, keyof Position> : never) : never;

function split(tokens: readonly Token[]): Token[][] {
  const parts: Token[][] = [[]];
  for (const token of tokens) {
    if (token.text === ";") parts.push([]);
    else parts[parts.length - 1].push(token);
  }
  return parts;
}

function checkName(name: string): string {
  if (REGISTERS.has(name.toLowerCase()))
    throw new Complaint(`"${name}" is a register and cannot be a symbol`);
  return name;
}

function parseInstruction(reader: TokenReader): Body {
  const prefixes: number[] = [];
  let mnemonic = reader.next().text.toLowerCase();
  while (PREFIXES.has(mnemonic)) {
    prefixes.push(FORMS.get(mnemonic)?.[0].opcode[0] ?? 0);
    if (reader.done) throw new Complaint(`${mnemonic} stands before an instruction on the same line`);
    mnemonic = reader.next().text.toLowerCase();
  }
  if (!FORMS.has(mnemonic)) throw new Complaint(`unknown instruction "${mnemonic}"`);
  const operands: Operand[] = [];
  if (!reader.done) {
    do operands.push(parseOperand(reader));
    while (reader.take(","));
  }
  return { kind: "instruction", mnemonic, operands, prefixes };
}

function parseBody(reader: TokenReader): Body {
  const first = reader.peek();
  if (first?.kind !== "name") throw new Complaint(`a statement cannot begin with "${first?.text}"`);
  const word = first.text.toLowerCase();
  if (reader.peek(1)?.text === "=" || word === ".set" || word === ".equ") {
    if (word === ".set" || word === ".equ") reader.next();
    const name = checkName(reader.next().text);
    if (!reader.take("=")) reader.expect(",");
    return { kind: "set", name, value: parseExpression(reader) };
  }
  if (word === ".code32" || word === ".code64") {
    reader.next();
    return { kind: "mode", long: word === ".code64" };
  }
  if (!word.startsWith(".")) return parseInstruction(reader);
  reader.next();
  return { kind: "data", emit: parseDirective(word, reader) };
}

function parseLine(line: string): Body[] {
  const bodies: Body[] = [];
  for (const part of split(tokenize(line))) {
    const reader = new TokenReader(part);
    while (reader.peek()?.kind === "name" && reader.peek(1)?.text === ":") {
      bodies.push({ kind: "label", name: checkName(reader.next().text) });
      reader.next();
    }
    if (reader.done) continue;
    bodies.push(parseBody(reader));
    if (!reader.done) throw new Complaint(`"${reader.next().text}" cannot stand here`);
  }
  return bodies;
}

/** Runs `action`, turning a complaint into an error with its position. */
export function at<T>({ file, line, text }: Position, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof Complaint) throw new AssemblyError(error.message, file, line, text);
    throw error;
  }
}

/** Parses a source file into statements. */
export function parseFile(file: string, source: string): Statement[] {
  return source.split("\n").flatMap((text, index) => {
    const position = { file, line: index + 1, text };
    return at(position, () => parseLine(text)).map((body) => ({ ...body, ...position }));
  });
}
