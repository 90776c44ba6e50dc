/**
 * What the tests exercise, found from what they are made of: the recordings, the seeds, the byte strings, the titles.
 */
import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { gunzipSync } from "node:zlib";
import { placeRows } from "../src/cpu/instructions/generate.js";
import { TABLE, type Row } from "../src/cpu/instructions/table.js";
import { BareCore, type CodeBits } from "./cpu/bare-core.js";
import { comparable, decoderStrings, FIRST_ROW } from "./cpu/decoder-strings.js";
import { CASES } from "./cpu/silicon/case.js";
import { readRecording } from "./cpu/silicon/recording.js";
import { SUITES as SILICON } from "./cpu/silicon/suites.js";
import { bits } from "./lockstep/cases.js";
import type { Recording } from "./lockstep/core.js";
import { SUITES } from "./lockstep/suites.js";

const placed = placeRows(TABLE);
const count = <Key>(counts: Map<Key, number>, key: Key): void => {
  counts.set(key, (counts.get(key) ?? 0) + 1);
};

/** Cases recorded on a real processor, by row: with a register operand or none, and with one in memory. */
export function siliconCases(): Map<Row, { register: number; memory: number }> {
  const found = new Map<Row, { register: number; memory: number }>();
  for (const [suite, forms] of Object.entries(SILICON)) {
    const recording = readRecording(suite);
    for (const { row, key } of forms) {
      if (!recording.has(key)) continue;
      const cases = found.get(row) ?? { register: 0, memory: 0 };
      cases[key.endsWith(" memory") ? "memory" : "register"] += CASES;
      found.set(row, cases);
    }
  }
  return found;
}

/** Byte strings on which the decoder is compared with an independent one, by row. */
export function decodedStrings(): Map<Row, number> {
  const core = new BareCore();
  const found = new Map<Row, number>();
  for (const mode of [16, 32, 64] as const) {
    for (const bytes of decoderStrings(mode)) {
      const { row } = core.decode(mode, bytes)!;
      if (row >= FIRST_ROW && comparable(placed[row - FIRST_ROW].row))
        count(found, placed[row - FIRST_ROW].row);
    }
  }
  return found;
}

function instructionsOf(core: BareCore, mode: CodeBits, code: readonly number[]): Row[] {
  const rows: Row[] = [];
  for (let at = 0; at < code.length;) {
    const decoded = core.decode(mode, Uint8Array.from(code.slice(at, at + 15)));
    if (!decoded || decoded.row < FIRST_ROW) break;
    const { row } = placed[decoded.row - FIRST_ROW];
    rows.push(row);
    // An undefined instruction ends its case.
    if (row.handler === undefined || row.handler === "ud2") break;
    at += decoded.length;
  }
  return rows;
}

/** Instructions in the recorded lock-step cases, by row: drawn, whether a case comes to them or ends before. */
export function lockstepInstructions(): Map<Row, number> {
  const core = new BareCore();
  const found = new Map<Row, number>();
  for (const suite of Object.values(SUITES)) {
    const file = new URL(`lockstep/${suite.recording}`, import.meta.url);
    const { images } = JSON.parse(gunzipSync(readFileSync(file)).toString()) as Recording;
    for (const seed of images.flatMap(({ agreed }) => agreed)) {
      const { mode, code } = suite.make(seed);
      for (const row of instructionsOf(core, bits(mode), code)) count(found, row);
    }
  }
  return found;
}

/** A test, by its file from tests/ and its title; a row of `it.each` by its first item. */
export interface NamedTest {
  readonly file: string;
  readonly title: string;
  readonly text: string;
}

/** A definition is no use of what it defines. */
const DEFINITION = /^const [A-Z_\d]+ = .*$/gm;
const TITLE = /\b(?:it|describe)\("((?:[^"\\]|\\.)+)"|\[\s*"((?:[^"\\]|\\.)+)",/g;

/** The hand-written tests of the processor, each with its text to the next title. */
export function namedTests(): NamedTest[] {
  const folder = path.join(import.meta.dirname, "cpu");
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) =>
    file.endsWith(".test.ts"),
  );
  return files.sort().flatMap((file) => {
    const text = readFileSync(path.join(folder, file), "utf8").replace(DEFINITION, "");
    const titles = [...text.matchAll(TITLE)];
    return titles.map((match, i) => ({
      file: `cpu/${file.split(path.sep).join("/")}`,
      title: match[1] ?? match[2],
      text: text.slice(match.index, titles[i + 1]?.index),
    }));
  });
}

/** Operands of MOV that make it another instruction, as texts write them: "MOV CR0, rax", "MOV to CR3", "MOV rax, DR6". */
const MOV_FORMS: readonly (readonly [operands: RegExp, text: RegExp])[] = [
  [/^Cy/, /\bMOV (?:to )?CR\d?\b/],
  [/,Cy$/, /\bMOV \w+, CR\d\b/],
  [/^Dy/, /\bMOV (?:to )?DR\d?\b/],
  [/,Dy$/, /\bMOV \w+, DR\d\b/],
  [/^Sw/, /\bMOV (?:to )?[DEFGS]S\b/],
  [/,Sw$/, /\bMOV \w+, [CDEFGS]S\b/],
];

/** Whether a text names the instruction of a row: its mnemonic in capitals, and its register where that tells rows apart. */
export function names(text: string, { mnemonic, encoding, operands, handler = "" }: Row): boolean {
  // NOP pads the code of many tests and says nothing about its longer forms: they are named with their opcode.
  if (mnemonic === "nop") return text.includes(`NOP ${encoding}`);
  if (mnemonic === "mov") return MOV_FORMS.some(([codes, form]) => codes.test(operands) && form.test(text));
  const register = /_sreg$/.test(handler) ? ` ${operands}` : "";
  const size = /^(movs|cmps|stos|lods|scas|ins|outs)$/.test(handler) ? "[BWDQ]?" : "";
  return new RegExp(`\\b${mnemonic.toUpperCase()}${size}${register}\\b`).test(text);
}

const REASONS = [
  /\breason: (\d+)/g,
  /\bexits\((\d+)/g,
  /EXIT_REASON\)\)\.toBe\((\w+)\)/g,
  /\.(?:reason|exitReason\.value\))\)*\.toBe\((\d+)\)/g,
];

/** Basic exit reasons that the text of a test expects. */
export function reasonsIn({ text }: NamedTest): number[] {
  const numbers = REASONS.flatMap((pattern) =>
    [...text.matchAll(pattern)].map((match) => Number(match[1].replace(/n$|_/g, "")) & 0xffff),
  );
  return [...new Set(numbers)];
}
