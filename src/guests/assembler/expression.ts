import { Complaint } from "./error.js";
import type { TokenReader } from "./tokens.js";

/**
 * What an expression comes to. `labels` counts the addresses in it: 0 for a plain number or a difference of two
 * labels, 1 for an address. `late`: depends on where code comes to lie, so it must not choose an encoding's length.
 */
export interface Value {
  value: bigint;
  labels: number;
  late: boolean;
}

/** Looks a symbol up; `.` and `$` are the address of the statement. */
export type Lookup = (name: string) => Value;

/** A parsed expression, evaluated once addresses are known. */
export type Expression = (lookup: Lookup) => Value;

export const ZERO: Expression = () => ({ value: 0n, labels: 0, late: false });

const LEVELS: readonly (readonly string[])[] = [
  ["|"],
  ["^"],
  ["&"],
  ["<<", ">>"],
  ["+", "-"],
  ["*", "/", "%"],
];

const OPERATIONS: Record<string, (a: bigint, b: bigint) => bigint> = {
  "|": (a, b) => a | b,
  "^": (a, b) => a ^ b,
  "&": (a, b) => a & b,
  "<<": (a, b) => a << b,
  ">>": (a, b) => a >> b,
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
  "%": (a, b) => a % b,
};

function combine(operator: string, left: Expression, right: Expression): Expression {
  return (lookup) => {
    const a = left(lookup);
    const b = right(lookup);
    if ((operator === "/" || operator === "%") && b.value === 0n) throw new Complaint("division by zero");
    if ((operator === "<<" || operator === ">>") && (b.value < 0n || b.value > 63n)) {
      throw new Complaint(`shift by ${b.value}: only 0 to 63 make sense`);
    }
    const labels = operator === "-" ? a.labels - b.labels : operator === "+" ? a.labels + b.labels : 0;
    return { value: OPERATIONS[operator](a.value, b.value), labels, late: a.late || b.late };
  };
}

function parsePrimary(reader: TokenReader): Expression {
  if (reader.take("(")) {
    const inner = parseExpression(reader);
    reader.expect(")");
    return inner;
  }
  const token = reader.next();
  if (token.kind === "mark" && "+-~".includes(token.text)) {
    const inner = parsePrimary(reader);
    if (token.text === "+") return inner;
    return (lookup) => {
      const { value, labels, late } = inner(lookup);
      return { value: token.text === "-" ? -value : ~value, labels: -labels, late };
    };
  }
  if (token.kind === "number") return () => ({ value: token.value, labels: 0, late: false });
  if (token.kind === "name") return (lookup) => lookup(token.text);
  throw new Complaint(`"${token.text}" cannot stand here; expected a number or a name`);
}

/** Parses one expression: C's operators and precedence, numbers of any size. */
export function parseExpression(reader: TokenReader, level = 0): Expression {
  if (level === LEVELS.length) return parsePrimary(reader);
  let left = parseExpression(reader, level + 1);
  for (
    let token = reader.peek();
    token?.kind === "mark" && LEVELS[level].includes(token.text);
    token = reader.peek()
  ) {
    reader.next();
    left = combine(token.text, left, parseExpression(reader, level + 1));
  }
  return left;
}
