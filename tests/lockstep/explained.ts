/**
 * Differences between QEMU's TCG and the manual that cases run into: each with the reason.
 */
import type { Case } from "./cases.js";
import { REPORT } from "./layout.js";

const differs = (one: Buffer, other: Buffer, at: number, size: number): boolean =>
  !one.subarray(at, at + size).equals(other.subarray(at, at + size));

const VECTOR = 128;
const ERROR_CODE = 132;
const RIP = 136;
const FLAGS = 144;
const DR6 = 192;

const PAGE_FAULT = 14;
const DEBUG = 1;

export function explained(one: Case, qemu: Buffer, core: Buffer): string | undefined {
  const same = (at: number): boolean => qemu.readUInt32LE(at) === core.readUInt32LE(at);
  const vector = core.readUInt32LE(VECTOR);
  const bothAt = same(VECTOR) && same(RIP);
  if (bothAt && vector === PAGE_FAULT && (qemu.readUInt32LE(ERROR_CODE) ^ core.readUInt32LE(ERROR_CODE)) === 2)
    return "QEMU reads before it writes: the page fault of a read-modify-write says that it was a read";
  if (bothAt && vector === DEBUG && ((qemu.readUInt32LE(DR6) ^ core.readUInt32LE(DR6)) & ~0xf) === 0)
    return "QEMU adds to a single step what breakpoints the next instruction meets";
  if (bothAt && qemu.readUInt32LE(FLAGS) > 0x3f_ffff) return "QEMU pushes flags that do not exist, at a fault of a rotate through carry";
  const others = REPORT.filter(([at, size, name]) => !/^tasks|^tss\+36/.test(name) && differs(qemu, core, at, size));
  if (others.length === 0) return "QEMU saves stale arithmetic flags into the TSS of the task that is left";
  const register = (from: Buffer, number: number): number => from.readUInt32LE(8 * number) & 0xffff;
  const wraps = [4, 5, 6, 7].some((number) => register(core, number) >= 0xffc0 || register(core, number) < 0x40);
  if (one.mode !== "protected 32" && !same(VECTOR) && (vector === 12 || vector === 13) && core.readUInt32LE(ERROR_CODE) === 0 && wraps)
    return "QEMU checks no segment limits: an item at offset FFFFH wraps";
  return undefined;
}
