import { Complaint } from "./error.js";
import { parseExpression, ZERO } from "./expression.js";
import type { Expression } from "./expression.js";
import { REGISTERS } from "./registers.js";
import type { Register } from "./registers.js";
import { TokenReader } from "./tokens.js";
import type { Token } from "./tokens.js";

/** A memory operand: segment:[base + index * scale + displacement]; `size` in bytes if `… ptr` gave it. */
export interface MemoryOperand {
  kind: "memory";
  size?: number;
  segment?: Register;
  base?: Register;
  index?: Register;
  scale: number;
  displacement: Expression;
}

export type Operand =
  | { kind: "register"; register: Register }
  | { kind: "immediate"; value: Expression; offset: boolean }
  | { kind: "far"; selector: Expression; offset: Expression }
  | MemoryOperand;

const SIZES: Record<string, number> = { byte: 1, word: 2, dword: 4, fword: 6, qword: 8, oword: 16 };

function isRegister(token: Token | undefined): Register | undefined {
  return token?.kind === "name" ? REGISTERS.get(token.text.toLowerCase()) : undefined;
}

/** The terms of a sum up to the closing bracket, each with its sign. */
function splitTerms(reader: TokenReader): Token[][] {
  const terms: Token[][] = [[]];
  let depth = 0;
  while (!(depth === 0 && reader.peek()?.text === "]")) {
    const token = reader.next();
    if (token.text === "(") depth++;
    if (token.text === ")") depth--;
    const startsTerm = depth === 0 && (token.text === "+" || token.text === "-");
    if (startsTerm && terms[terms.length - 1].length > 0) terms.push([]);
    terms[terms.length - 1].push(token);
  }
  reader.expect("]");
  return terms;
}

function addRegister(memory: MemoryOperand, register: Register, scale: number | undefined): void {
  const size = register.kind === "instruction-pointer" ? 8 : register.kind === "general" ? register.size : 0;
  if (size < 4) throw new Complaint(`${register.name} cannot be part of an address`);
  if (scale === undefined && memory.base === undefined) memory.base = register;
  else if (memory.index === undefined) {
    memory.index = register;
    memory.scale = scale ?? 1;
  } else
    throw new Complaint(`too many registers in an address: ${register.name} is one more than base and index`);
}

function parseAddress(reader: TokenReader): MemoryOperand {
  const memory: MemoryOperand = { kind: "memory", scale: 1, displacement: ZERO };
  const rest: Token[] = [];
  for (const term of splitTerms(reader)) {
    const body = term[0]?.text === "+" ? term.slice(1) : term;
    const register = isRegister(body[0]) ?? (body.length === 3 ? isRegister(body[2]) : undefined);
    if (register === undefined) {
      if (rest.length > 0 && term[0].text !== "+" && term[0].text !== "-")
        rest.push({ kind: "mark", text: "+" });
      rest.push(...term);
    } else if (body.length === 1) addRegister(memory, register, undefined);
    else {
      const factor = isRegister(body[0]) ? body[2] : body[0];
      if (
        body.length !== 3 ||
        body[1].text !== "*" ||
        factor?.kind !== "number" ||
        ![1n, 2n, 4n, 8n].includes(factor.value)
      ) {
        throw new Complaint(
          `"${body.map((token) => token.text).join("")}": an index is scaled by 1, 2, 4 or 8`,
        );
      }
      addRegister(memory, register, Number(factor.value));
    }
  }
  if (rest.length > 0) {
    const inner = new TokenReader(rest);
    memory.displacement = parseExpression(inner);
    if (!inner.done) throw new Complaint(`"${inner.next().text}" cannot stand here in an address`);
  }
  return memory;
}

/** Parses one operand up to the comma or the end of the line. */
export function parseOperand(reader: TokenReader): Operand {
  let size: number | undefined;
  const first = reader.peek();
  if (
    first?.kind === "name" &&
    first.text.toLowerCase() in SIZES &&
    reader.peek(1)?.text.toLowerCase() === "ptr"
  ) {
    size = SIZES[first.text.toLowerCase()];
    reader.next();
    reader.next();
  }
  const register = isRegister(reader.peek());
  if (register !== undefined && size === undefined && reader.peek(1)?.text !== ":") {
    reader.next();
    return { kind: "register", register };
  }
  if (register !== undefined) {
    if (register.kind !== "segment") throw new Complaint(`${register.name} is not a segment register`);
    reader.next();
    reader.expect(":");
    reader.expect("[");
    return { ...parseAddress(reader), size, segment: register };
  }
  if (reader.take("[")) return { ...parseAddress(reader), size };
  if (size !== undefined) throw new Complaint('"ptr" is followed by an address in brackets');
  const offset = reader.take("offset");
  const value = parseExpression(reader);
  if (!reader.take(":")) return { kind: "immediate", value, offset };
  reader.take("offset");
  return { kind: "far", selector: value, offset: parseExpression(reader) };
}
