import { Complaint } from "./error.js";

/** One token of a statement. `text` is the spelling; a number or character has its value, a string its bytes. */
export type Token =
  | { kind: "name"; text: string }
  | { kind: "number"; text: string; value: bigint }
  | { kind: "string"; text: string; bytes: number[] }
  | { kind: "mark"; text: string };

const PATTERNS = {
  space: /[ \t\r]+/y,
  comment: /#.*|\/\/.*/y,
  name: /[A-Za-z_.$][\w.$]*/y,
  number: /0x[\da-f]+\b|0b[01]+\b|0o[0-7]+\b|\d+\b/iy,
  mark: /<<|>>|[-+*/%&|^~()[\],:;=]/y,
};
const ESCAPES: Record<string, string> = {
  n: "\n",
  r: "\r",
  t: "\t",
  "0": "\0",
  "\\": "\\",
  '"': '"',
  "'": "'",
  b: "\b",
};

function match(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

/** The UTF-8 bytes of the quoted text at `at`, and the position after the closing quote. */
function quoted(text: string, at: number): { bytes: number[]; end: number } {
  const quote = text[at];
  let value = "";
  let position = at + 1;
  while (position < text.length && text[position] !== quote) {
    const escaped = text[position] === "\\";
    const character = text[escaped ? ++position : position];
    if (escaped && !(character in ESCAPES))
      throw new Complaint(`unknown escape sequence \\${character ?? ""}`);
    value += escaped ? ESCAPES[character] : character;
    position++;
  }
  if (position >= text.length) throw new Complaint("the closing quote is missing");
  return { bytes: [...new TextEncoder().encode(value)], end: position + 1 };
}

/**
 * Tokens of one line without its comment (`#` or `//` to the end of the line).
 * @throws Complaint for a character that begins no token
 */
export function tokenize(line: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < line.length) {
    const skipped = match(PATTERNS.space, line, at) ?? match(PATTERNS.comment, line, at);
    if (skipped !== undefined) {
      at += skipped.length;
      continue;
    }
    if (line[at] === '"' || line[at] === "'") {
      const { bytes, end } = quoted(line, at);
      const text = line.slice(at, end);
      if (line[at] === '"') tokens.push({ kind: "string", text, bytes });
      else if (bytes.length === 1) tokens.push({ kind: "number", text, value: BigInt(bytes[0]) });
      else throw new Complaint(`${text} is not one ASCII character`);
      at = end;
      continue;
    }
    const number = match(PATTERNS.number, line, at);
    const name = number === undefined ? match(PATTERNS.name, line, at) : undefined;
    const text = number ?? name ?? match(PATTERNS.mark, line, at);
    if (text === undefined)
      throw new Complaint(`"${line.slice(at).split(/\s/)[0]}" is neither a number, a name nor an operator`);
    if (number !== undefined) tokens.push({ kind: "number", text, value: BigInt(text.toLowerCase()) });
    else tokens.push({ kind: name !== undefined ? "name" : "mark", text });
    at += text.length;
  }
  return tokens;
}

/** Reads tokens one after another. */
export class TokenReader {
  #at = 0;

  constructor(readonly tokens: readonly Token[]) {}

  get done(): boolean {
    return this.#at >= this.tokens.length;
  }

  peek(ahead = 0): Token | undefined {
    return this.tokens[this.#at + ahead];
  }

  next(): Token {
    const token = this.tokens[this.#at++];
    if (token === undefined) throw new Complaint("the line ends too early");
    return token;
  }

  /** Takes the next token if it is spelled so (case does not matter). */
  take(text: string): boolean {
    const found = this.peek()?.text.toLowerCase() === text;
    if (found) this.#at++;
    return found;
  }

  expect(text: string): void {
    if (!this.take(text))
      throw new Complaint(`expected "${text}", found "${this.peek()?.text ?? "the end of the line"}"`);
  }
}
