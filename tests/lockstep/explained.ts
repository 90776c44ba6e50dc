/**
 * Differences between QEMU's TCG and the manual that cases run into: each with the reason.
 */
import { every, isEnabled, watchesData } from "./breakpoints.js";
import type { Case } from "./cases.js";
import { CODE, LEGACY_REPORT } from "./layout.js";
import { reachesOut } from "./segment-limits.js";

/** Bit 0 of the third byte of EFLAGS: RF. */
function differs(one: Buffer, other: Buffer, at: number, size: number): boolean {
  const [mine, yours] = [one, other].map((from) => Buffer.from(from.subarray(at, at + size)));
  if (at === FLAGS) for (const flags of [mine, yours]) flags[2] &= ~1;
  return !mine.equals(yours);
}

const VECTOR = 128;
const ERROR_CODE = 132;
const RIP = 136;
const FLAGS = 144;
const DR6 = 192;

const CS = 156;
const TR = 180;
const MAIN_TASK = 0x48;

const INVALID_TSS = 10;
const NOT_PRESENT = 11;
const GENERAL_PROTECTION = 13;
const PAGE_FAULT = 14;
const STI = 0xfb;
const INT = 0xcd;
const POPA = 0x61;
const ARITHMETIC = 0x8d5;
const RF = 0x1_0000;
const DEBUG = 1;

export function explained(one: Case, qemu: Buffer, core: Buffer): string | undefined {
  const same = (at: number): boolean => qemu.readUInt32LE(at) === core.readUInt32LE(at);
  const vector = core.readUInt32LE(VECTOR);
  const bothAt = same(VECTOR) && same(RIP);
  if (
    bothAt &&
    vector === PAGE_FAULT &&
    (qemu.readUInt32LE(ERROR_CODE) ^ core.readUInt32LE(ERROR_CODE)) === 2
  )
    return "QEMU reads before it writes: the page fault of a read-modify-write says that it was a read";
  if (bothAt && vector === DEBUG && ((qemu.readUInt32LE(DR6) ^ core.readUInt32LE(DR6)) & ~0xf) === 0)
    return "QEMU adds to a single step what breakpoints the next instruction meets";
  if (bothAt && qemu.readUInt32LE(FLAGS) > 0x3f_ffff)
    return "QEMU pushes flags that do not exist, at a fault of a rotate through carry";
  const others = LEGACY_REPORT.filter(
    ([at, size, name]) => !/^tasks|^tss\+36/.test(name) && differs(qemu, core, at, size),
  );
  if (others.length === 0) return "QEMU saves stale arithmetic flags into the TSS of the task that is left";
  const inTask = qemu.readUInt32LE(TR) !== MAIN_TASK && same(TR);
  if (inTask && others.every(([, , name]) => name === "rflags"))
    return "QEMU enters a task with stale arithmetic flags";
  if (inTask && same(VECTOR) && vector === INVALID_TSS && same(ERROR_CODE))
    return "QEMU reports a fault in the new task at the instruction of the old one";
  if (
    qemu.readUInt32LE(VECTOR) === INVALID_TSS &&
    vector === GENERAL_PROTECTION &&
    same(ERROR_CODE) &&
    same(RIP)
  )
    return "QEMU raises #TS where the selector in a task gate is one of the LDT; the manual has #GP";
  const only = (...names: string[]): boolean => others.every(([, , name]) => names.includes(name));
  const lost = (qemu.readUInt32LE(FLAGS) ^ core.readUInt32LE(FLAGS)) & ~(ARITHMETIC | RF);
  if (bothAt && vector === PAGE_FAULT && only("rflags", "stack") && lost === 0)
    return "QEMU loses lazily kept flags where an instruction that reads them faults";
  if (bothAt && vector === PAGE_FAULT && only("cr2")) return "CMPS reads its two operands in the other order";
  if (
    one.mode === "virtual 8086" &&
    vector === GENERAL_PROTECTION &&
    qemu.readUInt32LE(VECTOR) === INVALID_TSS
  )
    return "QEMU looks for the stack of a ring that a gate may not lead to from virtual-8086 mode";
  const more = qemu.readUInt32LE(DR6) & ~core.readUInt32LE(DR6) & 0xf;
  const early =
    vector === DEBUG && qemu.readUInt32LE(RIP) < core.readUInt32LE(RIP) && core.readUInt32LE(DR6) & 0xf;
  if (
    qemu.readUInt32LE(VECTOR) === DEBUG &&
    (every(more, (i) => !isEnabled(one, i) || watchesData(one, i)) ||
      every(Number(early), (i) => isEnabled(one, i) && watchesData(one, i)))
  )
    return "QEMU reports data breakpoints that the access does not touch, and such as are not enabled";
  if (
    qemu.readUInt32LE(VECTOR) === GENERAL_PROTECTION &&
    vector === NOT_PRESENT &&
    same(ERROR_CODE) &&
    same(RIP)
  )
    return "QEMU raises #GP where a call gate names a segment that is not present; the manual has #NP";
  if (
    same(VECTOR) &&
    same(RIP) &&
    only("cs", "ss", "rsp") &&
    (core.readUInt32LE(CS) ^ qemu.readUInt32LE(CS)) <= 3
  )
    return "QEMU leaves the RPL of CS 0, and goes to ring 0, after a call gate to conforming code";
  const interrupts = one.code[core.readUInt32LE(RIP) % CODE] === INT;
  const beyond = qemu.readUInt32LE(RIP) > 0xffff && [0x40, 0x78].includes(qemu.readUInt32LE(CS) & ~3);
  if (vector === GENERAL_PROTECTION && core.readUInt32LE(ERROR_CODE) === 0 && interrupts && beyond)
    return "QEMU does not compare the offset in a gate with the limit of the segment";
  if (one.code[0] === STI && vector === DEBUG)
    return "QEMU does not see a breakpoint on the instruction after STI";
  if (qemu.readUInt32LE(TR) < 4) return "QEMU takes LTR with a null selector";
  if (
    !bothAt &&
    (vector === 12 || vector === GENERAL_PROTECTION) &&
    core.readUInt32LE(ERROR_CODE) === 0 &&
    reachesOut(one, core)
  )
    return "QEMU checks no segment limits: an item at offset FFFFH wraps, a bit string reaches out";
  if (bothAt && vector === PAGE_FAULT && one.code[core.readUInt32LE(RIP) % CODE] === POPA)
    return "QEMU's POPA has loaded registers when a later item faults";
  return undefined;
}
