import type { ScenarioRun } from "../src/grading/scenario.js";
import type { Variant } from "../src/grading/variant.js";

/**
 * The other side of the memory probe, `src/guests/labs/memory-probe.s`: real machine code that makes the memory accesses of a
 * script and writes what came of each to memory. Its own page tables map the first 16 MiB by large pages, linear =
 * guest-physical, for ring 0 alone; a script may load others.
 * @module
 */

/** What a line does. The number is the script's. */
const KINDS = {
  read: 1,
  write: 2,
  fetch: 3,
  "user read": 4,
  "user write": 5,
  "user fetch": 6,
  invlpg: 7,
  "load cr3": 8,
  "load cr0": 9,
  "load cr4": 10,
  mark: 11,
  invpcid: 12,
} as const;
export type LineKind = keyof typeof KINDS;

/** One line of a script. */
export interface Line {
  kind: LineKind;
  /** Linear address of the access; what goes into the register; CPUID leaf of a mark; descriptor of INVPCID. */
  operand: bigint;
  /** What is written; type of INVPCID. */
  value: bigint;
}

export function line(kind: LineKind, operand: bigint | number, value: bigint | number = 0n): Line {
  return { kind, operand: BigInt(operand), value: BigInt(value) };
}

/** What came of a line. */
export interface LineResult {
  /** What was read. */
  value: bigint;
  /** 14 or 13 when it faulted, else 0. */
  vector: number;
  errorCode: number;
  cr2: bigint;
}

/** CPUID leaf that marks a place in a script for whoever watches. */
export const MARK_LEAF = 0x4fff_0000;

/** Offset of bss_end_addr in the image, whose multiboot header stands first. */
const HEADER_BSS_END = 24;
const ORIGIN = 0x10_0000;
const SCRIPT = 0x20_0000;
const RESULTS = 0x30_0000;
const LINE_BYTES = 32;
/** Where the guest keeps the code that makes the accesses of ring 3: to be mapped at this linear address. */
export const USER_ACCESSES = 0x1f_0000;
/** Guest-physical memory from here on is the script's. */
export const FREE_MEMORY = 0x40_0000;
/** INT 0x30: what a fetch has to find. */
export const FETCHED = 0x30cdn;
export const PROBE_RAM_BYTES = 8 << 20;

/** Contents of guest-physical memory. */
export interface Contents {
  address: number;
  words: readonly bigint[];
}

/** The guest with a script and the memory it speaks of: a multiboot image. */
export function withScript(
  guest: Uint8Array,
  script: readonly Line[],
  contents: readonly Contents[] = [],
): Uint8Array {
  const lines = script.flatMap(({ kind, operand, value }) => [BigInt(KINDS[kind]), operand, value, 0n]);
  const all = [{ address: SCRIPT, words: [...lines, 0n] }, ...contents];
  const end = Math.max(...all.map(({ address, words }) => address + 8 * words.length));
  const image = new Uint8Array(end - ORIGIN);
  image.set(guest);
  const view = new DataView(image.buffer);
  view.setUint32(HEADER_BSS_END, end, true);
  for (const { address, words } of all)
    words.forEach((word, i) => view.setBigUint64(address - ORIGIN + 8 * i, word, true));
  return image;
}

/** The guest's memory that holds the results of a script. */
export function resultRange(script: readonly Line[]): { address: number; bytes: number } {
  return { address: RESULTS, bytes: (script.length + 1) * LINE_BYTES };
}

/** Reads the results out of that memory; as many as the guest has written. */
export function readResults({ memory }: Pick<ScenarioRun, "memory">, script: readonly Line[]): LineResult[] {
  const view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
  const written = Math.min(Number(view.getBigUint64(0, true)), script.length);
  return Array.from({ length: written }, (_, i) => {
    const at = (word: number): bigint => view.getBigUint64((i + 1) * LINE_BYTES + 8 * word, true);
    const [value, vector, errorCode, cr2] = [0, 1, 2, 3].map(at);
    return { value, vector: Number(vector), errorCode: Number(errorCode), cr2 };
  });
}

/** A line in words, e.g. `the guest's write to 0x400000`. */
export function lineInWords({ kind, operand, value }: Line): string {
  const at = `0x${operand.toString(16)}`;
  switch (kind) {
    case "read":
    case "write":
    case "fetch":
      return `the ${kind} at ${at}`;
    case "user read":
    case "user write":
    case "user fetch":
      return `the ${kind.slice(5)} in ring 3 at ${at}`;
    case "invpcid":
      return `INVPCID of type ${value}`;
    default:
      return `${kind.toUpperCase()} ${at}`;
  }
}

/** What came of a line, in words. */
export function resultInWords({ kind }: Line, { value, vector, errorCode }: LineResult): string {
  if (vector !== 0) return `${vector === 14 ? "#PF" : "#GP"} with error code 0x${errorCode.toString(16)}`;
  return kind.endsWith("read") ? `0x${value.toString(16)}` : "no fault";
}

/** Different pages of guest-physical memory that a script may use, by their addresses. */
export function freePages(variant: Variant, count: number): number[] {
  const pages = new Set<number>();
  while (pages.size < count)
    pages.add(FREE_MEMORY + 4096 * variant.below((PROBE_RAM_BYTES - FREE_MEMORY) / 4096));
  return [...pages];
}
