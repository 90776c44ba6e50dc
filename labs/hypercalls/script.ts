import type { ScenarioRun } from "../../src/grading/scenario.js";
import { GUEST_RAM_BASE } from "../../src/hypervisor/memory/layout.js";
import * as H from "../../src/spec/hypercalls.js";
import { PAGE_PRESENT } from "../../src/spec/page-bits.js";
import { FLUSH_PAGE } from "../../src/spec/paravirtual.js";

/**
 * The other side of the hypercall probe, `src/guests/labs/hypercall-probe.s`: real machine code at ring 1 that makes the
 * hypercalls of a script and writes what came of each to memory.
 * @module
 */
const ORIGIN = 0x10_0000;
/** What is loaded ends before the page tables. */
const SCRIPT = 0x10_2000;
const LISTS = 0x10_8000;
const RESULTS = 0x30_0000;
const LINE_BYTES = 32;
const READ = 0x100n;
const WRITE = 0x101n;
/** Offset of the end of what is cleared in the image, whose paravirtual header stands first. */
const HEADER_END = 24;

/** The last 2 MiB are not all there. */
export const RAM_BYTES = 7 << 20;
/** The guest's first page tables, guest-physical. The last maps the first 2 MiB by small pages. */
export const [LEVEL_4, LEVEL_3, LEVEL_2, LEVEL_1] = [0x11_0000, 0x11_1000, 0x11_2000, 0x11_3000];
/** First address that no part of the guest and of what the hypervisor places for it uses, mapped by small pages to 4 MiB. */
export const FREE_MEMORY = 0x38_0000;

/** A request: where the entry is and what it is to become; machine addresses. */
export type Request = [entry: bigint, value: bigint];

/** One line, and what it is about. */
export interface ScriptLine {
  topic: string;
  words: readonly [bigint, bigint, bigint, bigint];
  says: string;
}

/** RAX and RDX after a line. */
export interface LineResult {
  result: bigint;
  second: bigint;
}

/** Machine address of a guest-physical one. */
export function machine(address: number): bigint {
  return BigInt(address + GUEST_RAM_BASE);
}
/** Machine address of an entry of a table. */
export function entry(table: number, index: number): bigint {
  return machine(table + 8 * index);
}

/** Writes a script. Lines belong to the topic that was named last. */
export class ScriptWriter {
  readonly lines: ScriptLine[] = [];
  /** Memory with contents: the lists of requests. */
  readonly #lists: { address: number; words: readonly bigint[] }[] = [];
  #nextList = LISTS;
  #topic = "";

  topic(name: string): void {
    this.#topic = name;
  }

  /** MMU_UPDATE of these requests. */
  update(...requests: Request[]): void {
    const list = this.#nextList;
    this.#lists.push({ address: list, words: requests.flat() });
    this.#nextList += 16 * requests.length;
    this.updateFrom(list, requests.length);
  }
  /** MMU_UPDATE of a list that lies somewhere. */
  updateFrom(list: number | bigint, count: number | bigint): void {
    this.#line(
      BigInt(H.MMU_UPDATE + 1),
      BigInt(list),
      BigInt(count),
      0n,
      `MMU_UPDATE of ${count} requests at 0x${list.toString(16)}`,
    );
  }
  /** The page of the guest's own mapping becomes read-only, or writable again. */
  protect(page: number, writable = false): void {
    const value = machine(page) | BigInt(writable ? PAGE_PRESENT | 2 : PAGE_PRESENT);
    const says = `UPDATE_MAPPING of 0x${page.toString(16)}`;
    this.#line(BigInt(H.UPDATE_MAPPING + 1), BigInt(page), value, BigInt(FLUSH_PAGE), says);
  }
  read(linear: number): void {
    this.#line(READ, BigInt(linear), 0n, 0n, `the read at 0x${linear.toString(16)}`);
  }
  write(linear: number, value: bigint): void {
    this.#line(WRITE, BigInt(linear), value, 0n, `the write at 0x${linear.toString(16)}`);
  }

  /** The guest with this script: a paravirtual image. */
  image(guest: Uint8Array): Uint8Array {
    const all = [
      { address: SCRIPT, words: [...this.lines.flatMap(({ words }) => [...words]), 0n] },
      ...this.#lists,
    ];
    const image = new Uint8Array(LEVEL_4 - ORIGIN);
    image.set(guest);
    const view = new DataView(image.buffer);
    view.setUint32(HEADER_END, RESULTS + LINE_BYTES * (this.lines.length + 1), true);
    for (const { address, words } of all)
      words.forEach((word, i) => view.setBigUint64(address - ORIGIN + 8 * i, BigInt.asUintN(64, word), true));
    return image;
  }

  #line(kind: bigint, rdi: bigint, rsi: bigint, rdx: bigint, says: string): void {
    this.lines.push({ topic: this.#topic, words: [kind, rdi, rsi, rdx], says });
  }
}

/** All that is looked at in the end: from the first page table to the end of free memory. */
export const CAPTURE = { address: LEVEL_4, bytes: 0x40_0000 - LEVEL_4 };

/** As many results as the guest has written. */
export function readResults(
  { memory }: Pick<ScenarioRun, "memory">,
  lines: readonly ScriptLine[],
): LineResult[] {
  const view = new DataView(memory.buffer, memory.byteOffset + RESULTS - CAPTURE.address);
  const written = Math.min(Number(view.getBigUint64(0, true)), lines.length);
  return Array.from({ length: written }, (_, i) => {
    const at = (i + 1) * LINE_BYTES;
    return { result: view.getBigUint64(at, true), second: view.getBigUint64(at + 8, true) };
  });
}
