/**
 * Differences between QEMU's TCG and the manual that cases of IA-32e mode run into: each with the reason.
 */
import type { Case } from "./cases.js";
import { every, isEnabled, watchesData } from "./breakpoints.js";
import { C, CODE, DATA, L, LONG_REPORT, STACK_TOP } from "./layout.js";

const INVALID_OPCODE = 6;
const GENERAL_PROTECTION = 13;
const PAGE_FAULT = 14;
const DEBUG = 1;
const ACCESSED = 0x20n;
const RF = 0x1_0000n;
const CR4_DE = 8;
const CR4_SMAP = 0x20_0000;
const ARITHMETIC = 0x8d5n;
const ZF = 0x40n;

const [PRESENT, WRITE, USER, RESERVED] = [1, 2, 4, 8];

const NOT_CANONICAL = 0x8000_0000_0000n;
const STACK_FAULT = 12;
const NOT_PRESENT = 11;

class Report {
  readonly vector: number;
  readonly errorCode: number;
  readonly rip: bigint;
  constructor(readonly bytes: Buffer) {
    this.vector = bytes.readUInt32LE(128);
    this.errorCode = bytes.readUInt32LE(132);
    this.rip = bytes.readBigUInt64LE(136);
  }
  field(wanted: string): bigint {
    const [at, size] = LONG_REPORT.find(([, , name]) => name === wanted)!;
    return size === 8 ? this.bytes.readBigUInt64LE(at) : BigInt(this.bytes.readUInt32LE(at));
  }
}

/** Bytes of the instruction at an address, without prefixes; empty when it is not one of the case's. */
function opcode(one: Case, rip: bigint): readonly number[] {
  const at = Number(rip) - CODE;
  if (at < 0 || at >= one.code.length) return [];
  const prefixes = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3];
  const code = one.code.slice(at);
  let start = 0;
  while (prefixes.includes(code[start])) start++;
  if (one.mode === "64-bit" && (code[start] & 0xf0) === 0x40) start++;
  return code.slice(start);
}

/** Far transfers: they push or pop, or go through a gate. */
function isFar([first, second]: readonly number[]): boolean {
  const throughMemory = first === 0xff && [3, 5].includes((second >> 3) & 7);
  return [0xca, 0xcb, 0xcd, 0xce, 0xcf].includes(first) || throughMemory;
}

const LEAVE = 0xc9;
const PUSHA = 0x60;
/** Not canonical, or so near to it that an item is not. */
const outOfForm = (address: bigint): boolean => {
  const upper = (address + 0x80n) >> 47n;
  return (upper !== 0n && upper !== 0x1_ffffn) || (address - 0x80n) >> 47n !== upper;
};

/** The base is RBP or RSP (ModRM of the instructions that cases have), and far from the canonical form. */
function stackOperand(code: readonly number[], core: Report): boolean {
  if (code[0] === LEAVE) return outOfForm(core.field("rbp"));
  const modrm = code[code[0] === 0x0f ? 2 : 1];
  const bitString = code[0] === 0x0f && [0xa3, 0xab, 0xb3, 0xbb].includes(code[1]);
  const base = (modrm & 7) === 5 ? core.field("rbp") : core.field("rsp");
  return outOfForm(base) || (bitString && (modrm & 7) === 5);
}

/** Stacks that the TSS names. */
const onStack = (address: bigint): boolean =>
  (address >= STACK_TOP - 0x3000 && address < STACK_TOP + 0x1000) ||
  (address >= DATA + 0x2000 && address < DATA + 0x4000);

const nearStack = (report: Report): boolean => {
  const distance = report.field("cr2") - report.field("rsp");
  return distance > -0x80n && distance < 0x80n;
};

/** The descriptor that a selector names, of those that the case has. */
function descriptor(one: Case, selector: number): bigint {
  const view = new DataView(one.record.buffer);
  const at = selector & 4 ? C.LDT + (selector & 0xfff8) : C.GDT + (selector & 0xfff8) - 0x90;
  return at >= C.GDT && at < C.LDT + 64 ? view.getBigUint64(at, true) : 0n;
}

/** A gate of the case, for a vector of INT n. */
function gateOf(
  one: Case,
  vector: number,
): { stack: number; canonical: boolean; selector: number } | undefined {
  if (vector < 0x40 || vector > 0x47) return undefined;
  const view = new DataView(one.record.buffer);
  const at = L.IDT + 16 * (vector - 0x40);
  return {
    stack: view.getUint8(at + 4) & 7,
    selector: view.getUint16(at + 2, true),
    canonical: view.getUint32(at + 8, true) === 0 || view.getUint32(at + 8, true) === 0xffff_ffff,
  };
}

/** L and D of a code segment descriptor of the case. */
const BOTH_SIZES = 0x60_0000_0000_0000n;
const isNotLongCode = (one: Case, selector: number): boolean =>
  (descriptor(one, selector) & BOTH_SIZES) === BOTH_SIZES;

function isReservedDebugRegister(one: Case, core: Report): boolean {
  const [first, second, modrm] = opcode(one, core.rip);
  const register = (modrm >> 3) & 7;
  const moves = first === 0x0f && (second === 0x21 || second === 0x23);
  return moves && (register === 4 || register === 5) && (Number(core.field("cr4")) & CR4_DE) !== 0;
}

const isString = ([first]: readonly number[]): boolean =>
  (first >= 0xa4 && first <= 0xa7) || (first >= 0xaa && first <= 0xaf);
const isRotate = ([first, second]: readonly number[]): boolean =>
  ((first & ~3) === 0xd0 || (first & ~1) === 0xc0) && [2, 3].includes((second >> 3) & 7);

/** Why a field may differ in a page fault that both report at the same instruction. */
function reasonInPageFault(one: Case, core: Report, name: string, bits: bigint): string | undefined {
  const reserved = (core.errorCode & RESERVED) !== 0;
  if (name === "error code" && bits === BigInt(WRITE))
    return "QEMU reads before it writes: the page fault of a read-modify-write says that it was a read";
  if (name === "error code" && reserved && (bits & ~BigInt(PRESENT | WRITE)) === 0n)
    return "QEMU reports a reserved bit as one of an entry that is not present";
  if (name === "pages" || (name.startsWith("entry") && bits === ACCESSED))
    return "QEMU sets accessed flags of upper levels in a walk that ends in a fault";
  if (name === "rflags" && (bits & ~ARITHMETIC) === 0n)
    return "QEMU loses lazily kept flags where an instruction that reads them faults";
  if (/^(cr2|error code|pages)$/.test(name) && [0xa6, 0xa7].includes(opcode(one, core.rip)[0]))
    return "CMPS reads its two operands in the other order";
  if (name === "rflags" && bits > 0x3f_ffffn && isRotate(opcode(one, core.rip)))
    return "QEMU pushes flags that do not exist, at a fault of a rotate through carry";
  if (name === "cr2" && opcode(one, core.rip)[0] === PUSHA)
    return "QEMU stores what PUSHA pushes from the lowest";
  return undefined;
}

const isFastReturn = ([first, second]: readonly number[]): boolean =>
  first === 0x0f && (second === 0x07 || second === 0x35);

/** RETF, IRET; MOV to SS and LSS, whose error code is 0 for a null selector alone. */
const loadsStack = ([first, second, third]: readonly number[]): boolean =>
  [0xca, 0xcb, 0xcf].includes(first) ||
  (first === 0x8e && ((second >> 3) & 7) === 2) ||
  (first === 0x0f && second === 0xb2 && third < 0xc0);

const FLAT_CODE = [0x08, 0x18, 0x20, 0x30, 0x38, 0x48, 0x58, 0x60, 0x68];
/** DS, ES, FS or GS is null, or of code. */
function hasUnfitSegment(one: Case, core: Report): boolean {
  return ["ds", "es", "fs", "gs"].some((name) => {
    const chosen = Number(core.field(name));
    return (
      chosen < 4 || FLAT_CODE.includes(chosen & ~3) || ((descriptor(one, chosen) >> 40n) & 0x18n) === 0x18n
    );
  });
}

const LAR = 2;
const LSL = 3;
const STI = 0xfb;
const SYSCALL = 5;

export function explainedLong(one: Case, qemuBytes: Buffer, coreBytes: Buffer): string | undefined {
  const [qemu, core] = [new Report(qemuBytes), new Report(coreBytes)];
  const others = LONG_REPORT.flatMap(([, , name]) => {
    const bits = (qemu.field(name) ^ core.field(name)) & (name === "rflags" ? ~RF : ~0n);
    return bits === 0n ? [] : [{ name, bits }];
  });
  const only = (...names: string[]): boolean => others.every(({ name }) => names.includes(name));
  const bothAt = qemu.vector === core.vector && qemu.rip === core.rip;
  const [theirs, mine] = [qemu.errorCode, core.errorCode];
  if (bothAt && (mine & 2) !== 0 && theirs === (mine & ~7) * 2 + (mine & 7) && only("error code"))
    return "QEMU numbers the gates of the IDT by 16 bytes in error codes";
  if (bothAt && core.vector === PAGE_FAULT) {
    const reasons = others.map(({ name, bits }) => reasonInPageFault(one, core, name, bits));
    if (!reasons.includes(undefined)) return [...new Set(reasons)].join("; ");
  }
  const here = opcode(one, core.rip);
  if (core.vector === GENERAL_PROTECTION && bothAt) {
    if (only("pages") && [0xa6, 0xa7].includes(here[0]))
      return "CMPS reads its two operands in the other order";
    if (isRotate(here) && others.every(({ name, bits }) => name === "rflags" && (bits & ~ARITHMETIC) === 0n))
      return "QEMU loses lazily kept flags where an instruction that reads them faults";
  }
  if (core.vector === DEBUG && bothAt && !others.some(({ name }) => name === "dr6") && isString(here))
    return "QEMU reports a data breakpoint before the element of a repeated instruction that meets it";
  const there = opcode(one, qemu.rip);
  if (
    qemu.vector === PAGE_FAULT &&
    (theirs & (USER | PRESENT)) === PRESENT &&
    Number(qemu.field("cr4")) & CR4_SMAP &&
    (onStack(qemu.field("cr2")) || nearStack(qemu)) &&
    (qemu.field("cs") & 3n) === 3n &&
    isFar(there)
  )
    return theirs & WRITE
      ? "QEMU takes what a gate pushes for implicit accesses, which EFLAGS.AC does not exempt from SMAP"
      : "QEMU reads the frame of a far return from ring 3 as a supervisor, and meets SMAP";
  if (
    one.mode === "compatibility" &&
    core.vector === INVALID_OPCODE &&
    here[0] === 0x0f &&
    [5, 7].includes(here[1])
  )
    return "QEMU takes SYSCALL and SYSRET in compatibility mode";
  const called = one.code.some((byte, i) => byte === 0x0f && one.code[i + 1] === SYSCALL);
  if (called && bothAt && others.every(({ name, bits }) => name === "rflags" && (bits & ~ARITHMETIC) === 0n))
    return "QEMU loses the arithmetic flags at SYSCALL";
  if (bothAt && only("cs") && (others[0].bits & ~3n) === 0n)
    return "QEMU leaves the RPL of CS 0 after a call gate to conforming code";
  if (qemu.vector === DEBUG) {
    const more = Number(qemu.field("dr6") & ~core.field("dr6") & 0xfn);
    if (only("dr6") && every(more, (i) => !isEnabled(one, i)))
      return "QEMU reports breakpoints that are not enabled, as the manual allows";
    if (every(more, (i) => !isEnabled(one, i) || watchesData(one, i)))
      return "QEMU reports data breakpoints that the access does not touch";
  }
  if (
    core.vector === INVALID_OPCODE &&
    qemu.vector === GENERAL_PROTECTION &&
    isReservedDebugRegister(one, core)
  )
    return "QEMU looks at the ring before it looks whether CR4.DE allows DR4 and DR5";
  if (core.vector === GENERAL_PROTECTION && isNotLongCode(one, core.errorCode))
    return "QEMU takes code segments with L and D both set";
  if (core.vector === GENERAL_PROTECTION && mine === 0 && qemu.rip === NOT_CANONICAL && isFastReturn(here))
    return "QEMU does not look whether SYSRET and SYSEXIT go to a canonical address";
  const nullStack = Number(qemu.field("ss")) < 4 || !isFar(here);
  if (core.vector === GENERAL_PROTECTION && mine === 0 && loadsStack(here) && nullStack)
    return "QEMU takes a null SS in compatibility mode, and whatever its RPL";
  if (core.vector === GENERAL_PROTECTION && qemu.vector === NOT_PRESENT && only("vector"))
    return "QEMU looks whether a gate's code segment is present before it looks whether it is one of 64 bits";
  if (core.vector === STACK_FAULT && qemu.vector === NOT_PRESENT && only("vector") && loadsStack(here))
    return "QEMU raises #NP where the stack segment of a return is not present; the manual has #SS";
  const asked = one.code.some((byte, i) => byte === 0x0f && [LAR, LSL].includes(one.code[i + 1]));
  const answers = others.every(
    ({ name, bits }) => /^r[acd]x$/.test(name) || (name === "rflags" && bits === ZF),
  );
  if (asked && bothAt && answers)
    return "LAR and LSL of QEMU take descriptor types that IA-32e mode does not have";
  if (core.vector === DEBUG && core.rip === BigInt(CODE) + 1n && one.code[0] === STI)
    return "QEMU does not see a breakpoint on the instruction after STI";
  if (
    one.mode === "compatibility" &&
    core.vector === GENERAL_PROTECTION &&
    mine === 0 &&
    hasUnfitSegment(one, core)
  )
    return "QEMU looks neither at the type of a data segment nor whether its selector is null";
  const gate = here[0] === 0xcd ? gateOf(one, here[1]) : undefined;
  const userStack = core.vector === PAGE_FAULT && (mine & (USER | WRITE)) === (USER | WRITE);
  if (gate !== undefined && gate.stack !== 0 && userStack)
    return "QEMU pushes as a supervisor where a gate with IST stays in ring 3";
  const bad = gate?.canonical === false || (isFar(here) && qemu.rip === NOT_CANONICAL);
  if (core.vector === GENERAL_PROTECTION && mine === 0 && bad)
    return "QEMU does not look whether the offset in a gate is canonical";
  if (
    bothAt &&
    only("ss") &&
    (qemu.field("ss") & ~3n) === 0n &&
    (core.field("ss") & 3n) === (core.field("cs") & 3n)
  )
    return "QEMU makes SS null where a gate with IST stays in its ring";
  if (
    core.vector === STACK_FAULT &&
    qemu.vector === GENERAL_PROTECTION &&
    only("vector", "rflags") &&
    stackOperand(here, core)
  )
    return "QEMU raises #GP for every address that is not canonical, through SS too";
  return undefined;
}
