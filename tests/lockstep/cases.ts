/**
 * Seeded cases of the lock-step comparison: a mode, descriptors, registers and a few random instructions of the instruction
 * table, among them far transfers through random selectors.
 */
import * as encoding from "../../src/cpu/instructions/encoding.js";
import { parseEncoding } from "../../src/cpu/instructions/generate.js";
import { SIMD } from "../../src/cpu/instructions/simd.js";
import { TABLE, type Row } from "../../src/cpu/instructions/table.js";
import { X87 } from "../../src/cpu/instructions/x87.js";
import { generator } from "../cpu/random.js";
import { C, CODE, DATA, RECORD_BYTES, STACK_TOP } from "./layout.js";

type LegacyMode = "protected 32" | "protected 16" | "virtual 8086" | "real";
export type Mode = LegacyMode | "64-bit" | "compatibility";
export interface Case {
  readonly mode: Mode;
  readonly ring: number;
  readonly paging: number;
  readonly seed: number;
  readonly code: readonly number[];
  readonly record: Uint8Array;
}

export type Below = (limit: number) => number;

/** General instructions: not those that need a case of their own, nor those that differ by what CPUID says. */
const GENERAL: readonly Row[] = TABLE.filter(
  (row) =>
    row.handler !== undefined &&
    (row.class === "integer" || row.class === "branch" || /^(movs|cmps|stos|lods|scas)$/.test(row.handler)) &&
    !SIMD.includes(row) &&
    !X87.includes(row) &&
    !/^(shld|shrd|bswap|bsf|bsr|call_near|clflush|salc|cmpxchg8b|cmpxchg16b)/.test(row.handler) &&
    !(
      /^(nop|mfence)$/.test(row.handler) &&
      (row.feature !== undefined || /^0F (0D|18)/.test(row.encoding))
    ) &&
    !/^F[67] \/1/.test(row.encoding),
);

export const bits = (mode: Mode): 16 | 32 | 64 =>
  mode === "64-bit" ? 64 : mode === "protected 32" || mode === "compatibility" ? 32 : 16;

export interface Context {
  readonly mode: Mode;
  readonly ring: number;
  readonly below: Below;
  /** A debug exception may come between an instruction and the one that hides its undefined flags. */
  readonly stepping: boolean;
}

const byte = (below: Below): number => below(256);
export const le = (value: number, bytes: number): number[] =>
  Array.from({ length: bytes }, (_, i) => Math.floor(value / 2 ** (8 * i)) & 0xff);

/** A memory operand near one of the pointers: ModRM without its reg field, and what follows. */
function memory(context: Context, wideAddress: boolean): number[] {
  const { below } = context;
  if (!wideAddress) return [0x40 | below(8), below(64)];
  return [0x40 | [3, 5, 6, 7][below(4)], below(64)];
}

export function general(context: Context): number[] {
  const { below, mode } = context;
  const size = bits(mode);
  while (true) {
    const row = GENERAL[below(GENERAL.length)];
    const only64 = row.modes === "64";
    if (only64 ? size !== 64 : size === 64 && /legacy/.test(row.modes ?? "")) continue;
    if (context.stepping && row.flags.undefined !== undefined) continue;
    const form = parseEncoding(row);
    if (row.handler === "lea" && form.mod !== encoding.MOD_MEMORY) continue;
    return encodeGeneral(context, row, form);
  }
}

function encodeGeneral(context: Context, row: Row, form: ReturnType<typeof parseEncoding>): number[] {
  const { below, mode } = context;
  const size = bits(mode);
  const out: number[] = [];
  const branch = row.class === "branch";
  const stack = /^(push|pop|pusha|popa|enter|leave)/.test(row.handler ?? "");
  const other =
    !branch &&
    !stack &&
    form.prefix !== encoding.PREFIX_NONE &&
    form.prefix !== encoding.PREFIX_W &&
    below(3) === 0;
  // Sixteen-bit addresses mean the first 64 KiB, where flat segments have the supervisor's tables.
  const otherAddress = size === 16 && below(4) === 0;
  const string = /^[XY]/.test(row.operands);
  if (other) out.push(0x66);
  if (otherAddress) out.push(0x67);
  if (below(6) === 0 && !branch && !string)
    out.push(
      [0x26, 0x36, 0x3e, 0x64, 0x65][
        below(size === 16 && mode.startsWith("p") ? 2 : mode.startsWith("p") ? 3 : 5)
      ],
    );
  if (form.prefix === encoding.PREFIX_F3) out.push(0xf3);
  if (string && below(3) > 0) out.push(below(2) ? 0xf2 : 0xf3);
  const wide = size === 64 && (form.prefix === encoding.PREFIX_W || below(2) === 0);
  if (wide) out.push(0x48 | (form.modrm && form.digit === encoding.ANY ? below(2) << 2 : 0));
  const map = form.map + (form.plusRegister ? [0, 1, 2, 3, 5, 6, 7][below(7)] : 0);
  if (map >= 0x300) out.push(0x0f, 0x3a);
  else if (map >= 0x200) out.push(0x0f, 0x38);
  else if (map >= 0x100) out.push(0x0f);
  out.push(map & 0xff);
  const wideAddress = size === 64 || (size === 32) !== otherAddress;
  // With a register operand QEMU 7.2 aborts at LOCK BTS and its like, and executes LOCK XCHG, XADD and XOR of one register.
  let locked = row.lock === true && below(6) === 0;
  if (form.modrm) {
    const reg = form.digit === encoding.ANY ? [0, 1, 2, 0, 1, 2, 0, 1][below(8)] : form.digit;
    const rm = form.rm !== encoding.ANY ? form.rm : [0, 1, 2, 3, 5, 6, 7][below(7)];
    const inMemory = form.mod === encoding.MOD_MEMORY || (form.mod === encoding.MOD_ANY && below(2) === 0);
    if (inMemory) {
      const [modrm, ...rest] = memory(context, wideAddress);
      out.push(modrm | (reg << 3), ...rest);
    } else {
      locked = false;
      out.push(0xc0 | (reg << 3) | rm);
    }
  } else locked = false;
  if (locked) out.unshift(0xf0);
  const operand16 = wide ? false : (size === 16) !== other;
  for (const operand of row.operands.split(",")) {
    if (operand === "Ib") out.push(row.handler === "enter" ? below(3) : byte(below));
    else if (operand === "Iw") out.push(byte(below) & 0x3f, 0);
    else if (operand === "Iz") out.push(...Array.from({ length: operand16 ? 2 : 4 }, () => byte(below)));
    else if (operand === "Iv")
      out.push(...Array.from({ length: operand16 ? 2 : wide ? 8 : 4 }, () => byte(below)));
    else if (operand === "Jb") out.push(1, 0x90);
    else if (operand === "Jz") out.push(...le(1, size === 16 ? 2 : 4), 0x90);
    else if (/^O/.test(operand))
      out.push(
        ...le(
          size === 16 ? 0x500 + below(64) : DATA + 0x500 + below(64),
          size === 64 ? 8 : wideAddress ? 4 : 2,
        ),
      );
  }
  // Undefined flags are hidden by CMP EDI,ESI.
  if (row.flags.undefined !== undefined) out.push(0x39, 0xf7);
  return out;
}

/** Slots of the GDT that cases fill: 16–19 flat code, 20–21 code at CODE, 22–24 data, 25–31 gates and the like. */
function selector(below: Below): number {
  const rpl = below(4);
  const kind = below(20);
  if (kind === 0) return rpl;
  if (kind === 1) return (below(64) << 3) | rpl;
  if (kind < 6) return (below(8) << 3) | 4 | rpl;
  if (kind < 10) return [0x08, 0x10, 0x28, 0x30, 0x40, 0x50, 0x58, 0x78][below(8)] | rpl;
  return ((16 + below(16)) << 3) | rpl;
}

const code = (below: Below, base: number, big: boolean): bigint =>
  descriptor(base, 0xf_ffff, 0x18 | [2, 3, 6, 7, 2, 3, 0, 1][below(8)] | levels(below), big ? 0xc : 0x8);
export const levels = (below: Below): number => (below(4) << 5) | (below(10) > 0 ? 0x80 : 0);

export function descriptor(base: number, limit: number, access: number, flags: number): bigint {
  const low = (BigInt(base & 0xffff) << 16n) | BigInt(limit & 0xffff);
  const high =
    ((base >>> 16) & 0xff) | (access << 8) | ((limit >>> 16) << 16) | (flags << 20) | (base & 0xff00_0000);
  return low | (BigInt(high >>> 0) << 32n);
}

const gate = (below: Below, type: number, target: number, offset: number, count: number): bigint =>
  BigInt(offset & 0xffff) |
  (BigInt(target) << 16n) |
  (BigInt(count | ((levels(below) | type) << 8)) << 32n) |
  (BigInt(offset >>> 16) << 48n);

const flatCode = (below: Below): number => [0x08, 0x28, 0x80, 0x88, 0x90, 0x98, 4, 12][below(8)] | below(4);
const localCode = (below: Below): number => [0x78, 0x40, 0xa0, 0xa8][below(4)] | below(4);

function randomGate(below: Below): bigint {
  const kind = below(8);
  if (kind < 4) return gate(below, 12, flatCode(below), CODE + 0x200, below(4));
  if (kind === 4) return gate(below, 4, localCode(below), 0x200, below(4));
  if (kind === 5) return gate(below, 5, [0x50, 0x58, 0x51, 0x48][below(4)], 0, 0);
  if (kind === 6) return gate(below, 12, selector(below), CODE + 0x200, 0);
  return gate(below, [0, 8, 10, 13][below(4)], selector(below), CODE + 0x200, 0);
}

function interruptGate(below: Below): bigint {
  const kind = below(10);
  if (kind < 6) return gate(below, 14 + below(2), flatCode(below), CODE + 0x240, 0) | (3n << 45n);
  if (kind < 8) return gate(below, 6 + below(2), localCode(below), 0x240, 0) | (3n << 45n);
  if (kind === 8) return gate(below, 5, [0x50, 0x58, 0x48, 0x0c][below(4)], 0, 0) | (3n << 45n);
  return gate(below, [4, 12, 14, 1][below(4)], selector(below), CODE + 0x240, 0);
}

const data = (below: Below): bigint =>
  descriptor(0, 0xf_ffff, 0x10 | [2, 3, 2, 3, 0, 1][below(6)] | levels(below), 0xc);

function tables(below: Below, view: DataView): void {
  const put = (at: number, value: bigint): void => {
    view.setBigUint64(at, BigInt.asUintN(64, value), true);
  };
  for (let slot = 16; slot < 32; slot++) {
    const at = C.GDT + 8 * (slot - 16);
    if (slot < 20) put(at, code(below, 0, true));
    else if (slot < 22) put(at, code(below, CODE, below(2) === 0));
    else if (slot < 25) put(at, data(below));
    else put(at, randomGate(below));
  }
  for (let slot = 0; slot < 8; slot++) {
    put(
      C.LDT + 8 * slot,
      slot < 2 || slot === 7
        ? code(below, 0, true)
        : slot < 4 || slot === 6
          ? data(below)
          : randomGate(below),
    );
  }
  for (let i = 0; i < 8; i++) put(C.IDT + 8 * i, interruptGate(below));
}

const farOffset = (sel: number): number =>
  [0x40, 0x78, 0xa0, 0xa8].includes(sel & 0xfffc) || (sel & 0xfffc) === 0 ? 0x200 : CODE + 0x200;

/** An instruction that concerns the system. */
function system(context: Context): number[] {
  const { below, mode, ring } = context;
  const size = bits(mode);
  const wide = size === 32;
  const segmented = mode !== "real" && mode !== "virtual 8086";
  const sel = segmented ? selector(below) : [0x1000, 0x2000, 0x3000][below(3)];
  // Sixteen-bit offsets reach code at CODE only through segments that begin there.
  const codeSel = !segmented
    ? 0x1000
    : wide
      ? sel
      : below(3) === 0
        ? [0, 0x10, 0x30, 0x50, 0x58, 0xb0, 0xc0, 0xe8, 0xf0][below(9)]
        : [0x40, 0x78, 0xa0, 0xa8, 0xc8, 0xd8, 0xe0][below(7)] | below(4);
  const offset = segmented ? farOffset(codeSel) : 0x200;
  const pushImmediate = (value: number): number[] => [0x68, ...le(value, wide ? 4 : 2)];
  const flags = (below(0x10000) & 0x3ed5) | 2;
  const ax = (value: number): number[] => (wide ? [0x66, 0xb8, ...le(value, 2)] : [0xb8, ...le(value, 2)]);
  // MOV [DATA + 0x700], far pointer
  const store = (value: number, selectorValue: number): number[] => {
    const at = size === 16 ? le(0x700, 2) : le(DATA + 0x700, 4);
    const next = size === 16 ? le(0x702, 2) : le(DATA + 0x704, 4);
    const rm = size === 16 ? 6 : 5;
    return [
      0xc7,
      rm,
      ...at,
      ...le(value, wide ? 4 : 2),
      ...(wide ? [0x66] : []),
      0xc7,
      rm,
      ...next,
      ...le(selectorValue, 2),
    ];
  };
  const pointer = size === 16 ? [6, ...le(0x700, 2)] : [5, ...le(DATA + 0x700, 4)];
  const withReg = (reg: number): number[] => [pointer[0] | (reg << 3), ...pointer.slice(1)];
  const dx = 0x520 + below(0xe0);
  const dxLoad = wide ? [0x66, 0xba, ...le(dx, 2)] : [0xba, ...le(dx, 2)];
  const frame = (): number[] => [
    ...pushImmediate(flags),
    ...pushImmediate(codeSel),
    ...pushImmediate(offset),
    0xcf,
  ];
  const outward = (): number[] => {
    const outer = (Math.max(ring, below(4)) & 3) as number;
    const codeSelector = [0x08, 0x80, 0x88, 0x28, 0x90, 0x98][below(6)] | outer;
    const stackSelector = below(3) > 0 ? [0x10, 0x30, 0x33, 0x30][outer] | outer : selector(below);
    return [
      ...pushImmediate(stackSelector),
      ...pushImmediate(STACK_TOP - 0x800),
      ...(below(2)
        ? [...pushImmediate(flags), ...pushImmediate(codeSelector), ...pushImmediate(CODE + 0x200), 0xcf]
        : [...pushImmediate(codeSelector), ...pushImmediate(CODE + 0x200), 0xcb]),
    ];
  };
  const choices: (() => number[])[] = [
    () => [...ax(sel), 0x8e, 0xc0 | ((segmented ? [4, 5, 4, 5] : [0, 3, 4, 5])[below(4)] << 3)],
    () => (segmented ? [0x90] : [0x68, ...le(sel, 2), [0x07, 0x1f][below(2)]]),
    () => [...pushImmediate(sel), 0x0f, below(2) ? 0xa1 : 0xa9],
    () => [[0x06, 0x0e, 0x16, 0x1e][below(4)]],
    () => [
      ...store(byte(below) * 257, sel),
      ...[[0xc4], [0xc5], [0x0f, 0xb4], [0x0f, 0xb5]][segmented ? 2 + below(2) : below(4)],
      ...withReg(below(3)),
    ],
    () => [0xea, ...le(offset, wide ? 4 : 2), ...le(codeSel, 2)],
    () => [0x9a, ...le(offset, wide ? 4 : 2), ...le(codeSel, 2)],
    () => [...store(offset, codeSel), 0xff, ...withReg(below(2) ? 3 : 5)],
    () => [
      ...pushImmediate(codeSel),
      ...pushImmediate(offset),
      ...(below(2) ? [0xcb] : [0xca, below(4) << 2, 0]),
    ],
    frame,
    () => [0xcd, 0x40 + below(8)],
    () => [below(2) ? 0xce : 0xcc],
    () => [...ax(selector(below)), 0x0f, below(2) ? 2 : 3, 0xc0 | (below(3) << 3)],
    () => [...ax(selector(below)), 0x0f, 0x00, 0xc0 | ((4 + below(2)) << 3)],
    () => [...ax(selector(below)), 0x63, 0xc0 | (below(3) << 3)],
    () => [0x0f, 0x00, 0xc0 | (below(2) << 3) | below(3)],
    () => [0x0f, 0x01, 0xe0 | below(3)],
    () => [0x9c],
    () => [...pushImmediate(flags & (mode === "real" ? 0x7ed5 : 0xfed5)), 0x9d],
    () => [below(2) ? 0xfa : 0xfb],
    () => [...dxLoad, [0xec, 0xec, 0xee, 0xef][below(4)]],
    () => [...dxLoad, 0x6c],
    () => [0x0f, 0x06],
    () => [0x0f, 0x20, 0xc0 | ((ring === 0 ? [0, 2, 3, 1, 8] : [0, 2, 3, 0, 4])[below(5)] << 3) | below(3)],
    () => [0x0f, 0x21, 0xc0 | ([0, 1, 3, 6, 7][below(5)] << 3) | below(3)],
    () => [...store(below(100) - 50, 0), 0x62, ...withReg(below(3))],
    () => [0x0f, [0x0b, 0xb9, 0xff, 0xaa][below(4)], 0xc0],
  ];
  if (segmented && ring === 0) {
    choices.push(
      () => [...ax(selector(below)), 0x0f, 0x00, 0xd0 | (below(2) << 3)],
      () => [0x0f, 0x01, 0xf0 | below(3)],
    );
  }
  if (wide && segmented) {
    choices.push(
      outward,
      outward,
      () => [0x0f, 0x34],
      () => [0xba, ...le(CODE + 0x200, 4), 0xb9, ...le(STACK_TOP - 0x400, 4), 0x0f, 0x35],
    );
  }
  return choices[below(choices.length)]();
}

/** Without paging a repeated string instruction with a large count would go through 4 GiB. */
const wideOpen = (mode: Mode): boolean => mode === "protected 32";

export function makeCase(seed: number): Case {
  const random = generator(Math.imul(seed + 1, 0x9e37_79b1));
  for (let i = 0; i < 8; i++) random();
  const below: Below = (limit) => (random() >>> 4) % limit;
  const mode = (["protected 32", "protected 32", "protected 16", "virtual 8086", "real"] as const)[below(5)];
  const middle = mode === "protected 32" && below(3) === 0;
  const ring = mode === "virtual 8086" ? 3 : mode === "real" ? 0 : middle ? 1 + below(2) : below(2) * 3;
  const paging = mode === "real" ? 0 : wideOpen(mode) ? 1 + below(3) : below(4);
  const stepping = mode !== "real" && below(8) === 0;
  const context: Context = { mode, ring, below, stepping };
  const code: number[] = [];
  while (code.length < 64) code.push(...(below(3) === 0 ? system(context) : general(context)));
  const record = new Uint8Array(RECORD_BYTES);
  const view = new DataView(record.buffer);
  tables(below, view);
  if (middle) flatSegments(view, ring);
  record.set(code.slice(0, 128), C.CODE);
  record.fill(0xcc, C.CODE + code.length, C.CODE + 128);
  view.setUint32(C.MODE, mode === "real" ? 2 : 0, true);
  view.setUint32(C.PAGING, paging, true);
  const iopl = below(3) === 0 ? 0x3000 : below(4) << 12;
  view.setUint32(
    C.FLAGS,
    2 |
      (random() & 0xad5) |
      iopl |
      (below(12) === 0 ? 0x4000 : 0) |
      (mode === "virtual 8086" ? 0x2_0000 : 0) |
      (stepping ? 0x100 : 0),
    true,
  );
  view.setUint32(C.CR0, below(2) ? 0x1_0000 : 0, true);
  setRegisters(view, context, random);
  setSegments(view, mode, ring);
  view.setUint32(C.RIP, bits(mode) === 16 ? 0 : CODE, true);
  // Both at once end QEMU 7.2 with a segmentation fault.
  if (!stepping && mode === "protected 32" && below(6) === 0) setBreakpoints(view, below, [0, 1, 3]);
  return { mode, ring, paging, seed, code, record };
}

function setRegisters(view: DataView, context: Context, random: () => number): void {
  const { mode, below } = context;
  const wide = bits(mode) !== 16;
  const base = wide ? DATA : 0;
  const put = (number: number, value: number): void => {
    view.setUint32(C.REGISTERS + 8 * number, value, true);
  };
  for (const number of [0, 2]) put(number, below(3) === 0 ? below(0x100) : random());
  put(1, below(40));
  const near = (): number => base + (below(6) === 0 ? 0x1f00 + below(0x200) : 0x400 + below(0x800));
  for (const number of [3, 6, 7]) put(number, near());
  put(5, wide ? near() : 0xe000 + below(0x400));
  put(4, wide ? STACK_TOP - 0x200 : 0xec00);
}

/** Flat code and data of ring 1 or 2 in slots of the case. */
function flatSegments(view: DataView, ring: number): void {
  view.setBigUint64(C.GDT, descriptor(0, 0xf_ffff, 0x9b | (ring << 5), 0xc), true);
  view.setBigUint64(C.GDT + 8 * 6, descriptor(0, 0xf_ffff, 0x93 | (ring << 5), 0xc), true);
}

function setSegments(view: DataView, mode: LegacyMode, ring: number): void {
  const flat = (code: number, data: number): number[] => [data, code, data, data, data, data];
  const selectors = {
    "protected 32": [flat(0x08, 0x10), flat(0x81, 0xb1), flat(0x82, 0xb2), flat(0x2b, 0x33)][ring],
    "protected 16": ring === 0 ? [0x38, 0x78, 0x70, 0x38, 0x38, 0x38] : [0x3b, 0x43, 0x6b, 0x3b, 0x3b, 0x3b],
    "virtual 8086": [0x2000, 0x1000, 0x3000, 0x2000, 0x2000, 0x2000],
    real: [0x2000, 0x1000, 0x3000, 0x2000, 0x2000, 0x2000],
  }[mode];
  selectors.forEach((value, i) => {
    view.setUint32(C.SELECTORS + 4 * i, value, true);
  });
}

/** Watched data is aligned: QEMU does not mask the lower bits of an address as 18.2.5 has it. */
export function setBreakpoints(view: DataView, below: Below, lengths: readonly number[]): void {
  let dr7 = 0x400;
  for (let i = 0; i < 4; i++) {
    const onData = below(2) === 1;
    const length = lengths[below(lengths.length)];
    const bytes = [1, 2, 8, 4][length];
    const address = onData ? DATA + 0x400 + below(0x400 / bytes) * bytes : CODE + below(8);
    view.setBigUint64(C.DR + 8 * i, BigInt(address), true);
    if (below(2)) dr7 |= 1 << (2 * i + below(2));
    if (onData) dr7 |= ([1, 3][below(2)] | (length << 2)) << (16 + 4 * i);
  }
  view.setUint32(C.DR + 32, dr7 >>> 0, true);
}
