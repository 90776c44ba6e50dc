/**
 * From the instruction table to AssemblyScript: the decoder's tables, the function table of handlers, and the executor
 * with its hot switch.
 */
import * as encoding from "./encoding";
import { HOT_KINDS } from "./hot-kinds";
import type { Row } from "./row";

/** The forms of ModRM that a row asks for, and its opcode's place in the tables. */
interface Form {
  readonly map: number;
  readonly plusRegister: boolean;
  readonly modrm: boolean;
  readonly prefix: number;
  readonly digit: number;
  readonly mod: number;
  readonly rm: number;
}

const PREFIXES: Record<string, number> = {
  NP: encoding.PREFIX_NONE,
  "66": encoding.PREFIX_66,
  F3: encoding.PREFIX_F3,
  F2: encoding.PREFIX_F2,
  NR: encoding.PREFIX_NO_REPEAT,
  "REX.W": encoding.PREFIX_W,
};

export function parseEncoding(row: Row): Form {
  const parts = row.encoding.split(" ");
  let prefix = encoding.PREFIX_ANY as number;
  if (parts.length > 1 && parts[0] in PREFIXES && !/^[+/]/.test(parts[1])) prefix = PREFIXES[parts.shift()!];
  const bytes: number[] = [];
  while (parts.length > 0 && /^[0-9A-F]{2}$/.test(parts[0])) bytes.push(parseInt(parts.shift()!, 16));
  let map = bytes.shift()!;
  if (map === 0x0f) {
    const second = bytes.shift()!;
    map = second === 0x38 ? 0x200 | bytes.shift()! : second === 0x3a ? 0x300 | bytes.shift()! : 0x100 | second;
  }
  const tail = parts[0] ?? "";
  const fixed = bytes.shift();
  const codes = row.operands.split(",");
  let mod = encoding.MOD_ANY as number;
  if (/^M/.test(tail) || codes.some((code) => /^M/.test(code))) mod = encoding.MOD_MEMORY;
  if (/^R/.test(tail) || codes.some((code) => /^[RNU]/.test(code))) mod = encoding.MOD_REGISTER;
  if (codes.some((code) => /^[CD]y/.test(code))) mod = encoding.MOD_IGNORED;
  const digit = /\/([0-7])/.exec(tail);
  if (fixed !== undefined) {
    return { map, plusRegister: false, modrm: true, prefix, digit: (fixed >> 3) & 7, mod: encoding.MOD_REGISTER, rm: fixed & 7 };
  }
  const modrm = tail.includes("/");
  return {
    map, plusRegister: tail === "+r", modrm, prefix,
    digit: digit ? Number(digit[1]) : encoding.ANY,
    mod: modrm ? mod : encoding.MOD_ANY,
    rm: encoding.ANY,
  };
}

const SIZES = {
  v: encoding.SIZE_V, byte: encoding.SIZE_BYTE, word: encoding.SIZE_WORD, double: encoding.SIZE_DOUBLE,
  quad: encoding.SIZE_QUAD, y: encoding.SIZE_Y, d64: encoding.SIZE_D64, f64: encoding.SIZE_F64, native: encoding.SIZE_NATIVE,
};

function sizeRule(row: Row): number {
  if (row.size) return SIZES[row.size];
  const first = row.operands.split(",")[0];
  if (first === "AL") return encoding.SIZE_BYTE;
  if (first === "rAX") return encoding.SIZE_V;
  switch (first.at(-1)) {
    case "b": return encoding.SIZE_BYTE;
    case "w": return encoding.SIZE_WORD;
    case "d": return encoding.SIZE_DOUBLE;
    case "q": return encoding.SIZE_QUAD;
    case "y": return encoding.SIZE_Y;
    default: return encoding.SIZE_V;
  }
}

function immediate(row: Row, form: Form): number {
  const codes = row.operands.split(",");
  if (form.map >= 0xd8 && form.map <= 0xdf) return encoding.IMMEDIATE_POINTER;
  if (codes.includes("Iw") && codes.includes("Ib")) return encoding.IMMEDIATE_ENTER;
  for (const code of codes) {
    switch (code) {
      case "Ib": case "Jb": return encoding.IMMEDIATE_B;
      case "Iw": return encoding.IMMEDIATE_W;
      case "Iz": case "Jz": return encoding.IMMEDIATE_Z;
      case "Iv": return encoding.IMMEDIATE_V;
      case "Ob": case "Ov": return encoding.IMMEDIATE_OFFSET;
      case "Ap": return encoding.IMMEDIATE_FAR;
      case "1": return encoding.IMMEDIATE_ONE;
    }
  }
  return encoding.IMMEDIATE_NONE;
}

function shape(row: Row, form: Form): number {
  const codes = row.operands.split(",");
  if (row.class === "branch") return encoding.SHAPE_BRANCH;
  if (form.modrm) return encoding.SHAPE_MODRM;
  if (form.plusRegister) return encoding.SHAPE_OPCODE;
  if (codes.includes("DX")) return encoding.SHAPE_ACCUMULATOR_DX;
  if (codes.some((code) => code === "AL" || code === "rAX")) return encoding.SHAPE_ACCUMULATOR;
  if (/^[XY]/.test(codes[0]) || row.handler === "xlat" || row.handler === "monitor") return encoding.SHAPE_STRING;
  if (row.handler === "push_sreg" || row.handler === "pop_sreg") return encoding.SHAPE_SEGMENT;
  return encoding.SHAPE_NONE;
}

const kindNumber = new Map(HOT_KINDS.map((kind, i) => [kind.name, i + 3]));

/** Names of a row's cases in the hot switch: register operands of 1, 2, 4, 8 bytes, then memory operands. */
function hotKinds(row: Row): number[] {
  const family = row.hot;
  if (family === undefined) return new Array<number>(8).fill(0);
  if (row.class === "branch") return [kindNumber.get(family)!, 0, 0, 0, 0, 0, 0, 0];
  const codes = row.operands === "" ? [] : row.operands.split(",");
  const letters = codes.map((code) => (/^[EMR]/.test(code) ? "E" : /^(Z|AL|rAX)/.test(code) ? "Z" : /^[I1]/.test(code) ? "I" : code[0])).join("");
  const forms: Record<string, [string, string]> = {
    EG: ["rr", "mr"], GE: ["rr", "rm"], EI: ["ri", "mi"], ZI: ["ri", ""], E: ["r", "m"], Z: ["r", ""], "": ["n", ""],
    GEI: ["rr", "rmi"], I: ["n", ""],
  };
  const [register, memory] = forms[letters] ?? ["", ""];
  const of = (form: string): number[] =>
    [1, 2, 4, 8].map((size) => kindNumber.get(`${family}_${form}${size}`) ?? kindNumber.get(`${family}_${form}`) ?? 0);
  return family === "nop" ? new Array<number>(8).fill(kindNumber.get("nop_n")!) : [...of(register), ...of(memory)];
}

/** Register files of ModRM.rm and ModRM.reg, by the codes of appendix A. */
function registerFiles(row: Row): number {
  const codes = row.operands.split(",");
  const file = (byte: RegExp, xmm: RegExp, mmx: RegExp): number => {
    if (codes.some((code) => byte.test(code))) return encoding.FILE_BYTE;
    if (codes.some((code) => xmm.test(code))) return encoding.FILE_XMM;
    return codes.some((code) => mmx.test(code)) ? encoding.FILE_MMX : encoding.FILE_GENERAL;
  };
  return file(/^[ERMZ]b$/, /^[WU]/, /^[QN]/) | (file(/^Gb$/, /^V/, /^P/) << 4);
}

const ONLY_WRITTEN = /^(mov|movnti|set\w+|pop)$/;
const TRANSFERS = ["call_near", "call_indirect_", "jmp_indirect", "ret_near", "loop", "loope", "loopne", "jcxz"];
/** They pop, or read where to go: a register is waited for as long as memory is. */
const READERS = ["pop_rm", "ret_near", "leave", "call_indirect_", "jmp_indirect"];

function timing(row: Row): number {
  const operands = row.operands.split(",");
  const reads = operands.some((code, i) => /^[EM]/.test(code) && !(i === 0 && ONLY_WRITTEN.test(row.mnemonic)));
  const handler = row.handler ?? "";
  return (
    (READERS.includes(handler) ? encoding.TIMING_READS : reads && !row.addressOnly ? encoding.TIMING_READS_OPERAND : 0) |
    (TRANSFERS.includes(handler) ? encoding.TIMING_TRANSFER : 0)
  );
}

function rowBytes(row: Row, form: Form, last: boolean): number[] {
  const modes = row.modes ?? "";
  const either = !modes.includes("legacy") && !modes.includes("64");
  const modeBits =
    (either || modes.includes("legacy") ? encoding.MODE_LEGACY : 0) |
    (either || modes.includes("64") ? encoding.MODE_64 : 0) |
    (modes.includes("protected") ? encoding.MODE_PROTECTED : 0);
  const flags =
    (row.lock ? encoding.FLAG_LOCK : 0) | (row.class !== "integer" ? encoding.FLAG_SYSTEM : 0) | (last ? encoding.FLAG_LAST : 0) |
    (/^G/.test(row.operands) ? encoding.FLAG_REVERSED : 0) | (row.hotOnlyIn64 ? encoding.FLAG_LONG_ONLY : 0) |
    (row.addressOnly ? encoding.FLAG_ADDRESS_ONLY : 0);
  const extra = row.extra ?? 0;
  return [
    form.prefix, form.digit, form.mod, form.rm, modeBits, sizeRule(row), immediate(row, form), shape(row, form), registerFiles(row),
    flags, row.cycles, 0, extra & 0xff, extra >> 8, timing(row), 0,
    ...hotKinds(row).flatMap((kind) => [kind & 0xff, kind >> 8]),
  ];
}

export interface PlacedRow {
  readonly row: Row;
  readonly form: Form;
  readonly map: number;
}

/** Rows by opcode, in the order of the table; a row of +r stands at eight opcodes. */
export function placeRows(table: readonly Row[]): PlacedRow[] {
  const placed = table.flatMap((row) => {
    const form = parseEncoding(row);
    const count = form.plusRegister ? 8 : 1;
    return Array.from({ length: count }, (_, i) => ({ row, form, map: form.map + i }));
  });
  return placed.sort((a, b) => a.map - b.map);
}

/** Rows 0 and 1 stand for what is no instruction: an undefined opcode, more than 15 bytes. */
const RESERVED_ROWS = ["undefined_opcode", "too_long"];

const numbers = (values: readonly number[]): string => {
  const lines: string[] = [];
  for (let i = 0; i < values.length; i += 32) lines.push(values.slice(i, i + 32).join(","));
  return lines.join(",\n");
};

/** `fileOf`: where the function of a handler is, relative to src/cpu/build. */
export function generateTables(table: readonly Row[], fileOf: (handler: string) => string): string {
  const placed = placeRows(table);
  const opcodes = new Array<number>(0x400).fill(0);
  const bytes: number[] = [];
  const handlers: string[] = [...RESERVED_ROWS];
  const reserved = new Array<number>(encoding.ROW_LENGTH).fill(0);
  reserved[encoding.ROW_FLAGS] = encoding.FLAG_SYSTEM | encoding.FLAG_LAST;
  reserved[encoding.ROW_CYCLES] = 1;
  bytes.push(...RESERVED_ROWS.flatMap(() => reserved));
  placed.forEach(({ row, form, map }, i) => {
    const index = i + RESERVED_ROWS.length;
    if (opcodes[map] === 0) opcodes[map] = index | (form.modrm ? 0x1_0000 : 0);
    if (form.modrm !== (opcodes[map] & 0x1_0000) > 0) {
      throw new RangeError(`rows of opcode ${map.toString(16)} disagree about ModRM: ${row.encoding}`);
    }
    bytes.push(...rowBytes(row, form, placed[i + 1]?.map !== map));
    handlers.push(row.handler ?? "unimplemented");
  });
  const names = [...new Set(handlers)];
  const imports = new Map<string, string[]>();
  for (const name of names) {
    const file = fileOf(name);
    imports.set(file, [...(imports.get(file) ?? []), name]);
  }
  return `// Generated by src/cpu/build.ts from src/cpu/instructions.
import { HANDLERS } from '../../spec/memory-map';
${[...imports].map(([file, list]) => `import { ${list.map((name) => `${name} as handle_${name}`).join(", ")} } from '${file}';`).join("\n")}

export const KIND_COLD: u16 = 0;
export const KIND_SYSTEM: u16 = 1;
/** The end of a block without an instruction that ends it. */
export const KIND_END: u16 = 2;
/** The first of the sixteen conditional jumps. */
export const KIND_JUMP_IF: u16 = ${kindNumber.get("j0")};
export const UNDEFINED_ROW: u32 = 0;
export const TOO_LONG_ROW: u32 = 1;
export const ROW_BYTES: usize = ${encoding.ROW_LENGTH};
export const OPCODE_MODRM: u32 = 0x1_0000;
export const OPCODE_FIRST_MASK: u32 = 0xffff;

export const ROWS: usize = memory.data<u8>([
${numbers(bytes)}
], 16);
export const OPCODES: usize = memory.data<u32>([
${numbers(opcodes)}
]);
/** By kind: the case that takes a conditional jump along, or 0. */
export const FUSED_KINDS: usize = memory.data<u16>([
${numbers([0, 0, 0, ...HOT_KINDS.map(({ name }) => kindNumber.get(`${name}_j`) ?? 0)])}
]);
const ROW_HANDLERS: usize = memory.data<u16>([
${numbers(handlers.map((name) => names.indexOf(name)))}
]);
const ROW_COUNT = ${handlers.length};

function handlerIndex(number: u32): u32 {
  switch (number) {
${names.map((name, i) => `    case ${i}: return load<u32>(changetype<usize>(handle_${name}));`).join("\n")}
    default: return 0;
  }
}

/** Puts the index of each row's handler in the module's function table where the executor looks for it. */
export function installHandlers(): void {
  for (let row = 0; row < ROW_COUNT; row++) {
    store<u32>(HANDLERS + (<usize>row << 2), handlerIndex(load<u16>(ROW_HANDLERS + (<usize>row << 1))));
  }
}
`;
}

export function generateExecutor(template: string): string {
  const cases = HOT_KINDS.map(({ body }, i) => `      case ${i + 3}: { ${body} }`).join("\n");
  return template.replace("/* HOT CASES */", () => cases.trimStart());
}
