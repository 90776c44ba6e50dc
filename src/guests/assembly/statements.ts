import { AssemblyError } from "./error.js";
import { preprocess, type Line } from "./preprocess.js";

/** A source file; several are assembled one after another as if they were one. */
export interface AssemblySource {
  name: string;
  text: string;
}

/** Labels, and the instruction or directive behind them, if there is one. */
export interface Statement {
  /** Index into the sources. */
  file: number;
  /** 1-based line in that source. */
  line: number;
  labels: string[];
  /** Name of the constant that `.set`, `.equ` or `=` defines. */
  constant: string | null;
  /** Without labels and comments; empty for labels alone. */
  code: string;
  kind: "code" | "data" | "none";
  /** What the processor runs where the statement stands. */
  bits: 16 | 32 | 64;
}

/** Bytes of an item of the directives that list numbers. */
export const ITEM_BYTES: Readonly<Record<string, number>> = {
  ".byte": 1,
  ".word": 2,
  ".long": 4,
  ".quad": 8,
};

const DATA_DIRECTIVES = [...Object.keys(ITEM_BYTES), ".ascii", ".asciz", ".balign", ".skip"];
const MODE_DIRECTIVES = [".code16", ".code32", ".code64"];

/** A quoted text, a comment, a separator, plain text, or a quote that is never closed. */
const PIECES = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)'|#.*|\/\/.*|;|[^"'#;/]+|[^]/g;
const QUOTED_OR_NOT = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)'|[^"']+/g;
const LABEL = /^([A-Za-z_.][\w.$]*)\s*:/;
const CONSTANT = /^(?:\.(?:set|equ)\s+([A-Za-z_.][\w.$]*)\s*,|([A-Za-z_.][\w.$]*)\s*=)/;
const FIRST_WORD = /^\.?[A-Za-z]\w*/;
const NAME = /(?<![\w.$])[A-Za-z_.][\w.$]*/g;

/** A cause without its position. */
class Complaint extends Error {}

function outsideQuotes(code: string, replace: (text: string) => string): string {
  return code.replace(QUOTED_OR_NOT, (piece) => (/^["']/.test(piece) ? piece : replace(piece)));
}

/** The text with its names replaced, those in quotes apart: symbols, registers, mnemonics, directives. */
export function replaceNames(code: string, replace: (name: string) => string): string {
  return outsideQuotes(code, (text) => text.replace(NAME, replace));
}

/** How many items a data directive lists. */
export function itemsIn(code: string): number {
  let commas = 0;
  outsideQuotes(code, (text) => {
    commas += text.split(",").length - 1;
    return text;
  });
  return commas + 1;
}

/** Parts of a line between `;`, without comments. */
function partsOf(line: string): string[] {
  const parts = [""];
  for (const piece of line.match(PIECES) ?? []) {
    if (piece === '"' || piece === "'") throw new Complaint("the closing quote is missing");
    if (piece.startsWith("#") || piece.startsWith("//")) continue;
    if (piece === ";") parts.push("");
    else parts[parts.length - 1] += piece;
  }
  return parts.map((part) => part.trim());
}

/** Keystone takes `lea rax, [` for an instruction and never comes back from `((((`. */
function checkBrackets(code: string): void {
  const open: string[] = [];
  outsideQuotes(code, (text) => {
    for (const [bracket] of text.matchAll(/[()[\]]/g)) {
      if (bracket === "(" || bracket === "[") open.push(bracket);
      else if (open.pop() !== (bracket === ")" ? "(" : "["))
        throw new Complaint(`"${bracket}" closes nothing`);
    }
    return text;
  });
  if (open.length > 0) throw new Complaint(`"${open[0]}" is never closed`);
}

/** The first word of a statement, in small letters. */
export function wordOf(code: string): string {
  return FIRST_WORD.exec(code)?.[0].toLowerCase() ?? "";
}

function kindOf(code: string): Statement["kind"] {
  const word = wordOf(code);
  if (word === "") throw new Complaint(`"${code.split(/\s/)[0]}" begins no statement`);
  if (!word.startsWith(".")) return "code";
  if (MODE_DIRECTIVES.includes(word)) return "none";
  if (word === ".set" || word === ".equ") throw new Complaint(`write "${word} NAME, value"`);
  if (!DATA_DIRECTIVES.includes(word)) throw new Complaint(`unknown directive "${word}"`);
  if (word === code.toLowerCase()) throw new Complaint(`${word} of what?`);
  return "data";
}

function parse(part: string): Pick<Statement, "labels" | "constant" | "code" | "kind"> {
  const labels: string[] = [];
  let code = part;
  for (let label = LABEL.exec(code); label !== null; label = LABEL.exec(code)) {
    labels.push(label[1]);
    code = code.slice(label[0].length).trim();
  }
  checkBrackets(code);
  const assigned = CONSTANT.exec(code);
  const constant = assigned === null ? null : (assigned[1] ?? assigned[2]);
  return { labels, constant, code, kind: code === "" || constant !== null ? "none" : kindOf(code) };
}

/**
 * The statements of sources that are assembled as one, beginning in 64-bit mode, with conditions and macros carried out. Refuses
 * what keystone would take without a word or never come back from: open quotes and brackets, and directives that are not in the
 * list.
 * @throws AssemblyError
 */
export function statementsOf(sources: readonly AssemblySource[]): Statement[] {
  const complain = ({ file, line }: Pick<Line, "file" | "line">, reason: string): never => {
    const { name, text } = sources[file];
    throw new AssemblyError(reason, name, line, text.split("\n")[line - 1]);
  };
  const explained = <T>(line: Pick<Line, "file" | "line">, work: () => T): T => {
    try {
      return work();
    } catch (error) {
      if (error instanceof Complaint) return complain(line, error.message);
      throw error;
    }
  };
  const lines = sources.flatMap(({ text }, file) =>
    text.split("\n").flatMap((written, index) => {
      const line = { file, line: index + 1 };
      const parts = explained(line, () => partsOf(written));
      return parts.filter((part) => part !== "").map((part): Line => ({ ...line, part }));
    }),
  );
  let bits: Statement["bits"] = 64;
  return preprocess(lines, complain).map((line): Statement => {
    const parsed = explained(line, () => parse(line.part));
    if (MODE_DIRECTIVES.includes(parsed.code)) bits = Number(parsed.code.slice(5)) as Statement["bits"];
    return { file: line.file, line: line.line, bits, ...parsed };
  });
}
