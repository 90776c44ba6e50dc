/**
 * Breakpoints of a case, by their number.
 */
import type { Case } from "./cases.js";
import { C } from "./layout.js";

const dr7 = (one: Case): number => new DataView(one.record.buffer).getUint32(C.DR + 32, true);
/** It is enabled in DR7, locally or globally. */
export const isEnabled = (one: Case, breakpoint: number): boolean =>
  ((dr7(one) >> (2 * breakpoint)) & 3) !== 0;
export const watchesData = (one: Case, breakpoint: number): boolean =>
  ((dr7(one) >> (16 + 4 * breakpoint)) & 1) !== 0;
/** Some of four bits is set, and for each set one it holds. */
export const every = (bits: number, holds: (bit: number) => boolean): boolean =>
  bits !== 0 && [0, 1, 2, 3].every((bit) => ((bits >> bit) & 1) === 0 || holds(bit));
