import { PAGE_LARGE, PAGE_PRESENT, PAGE_USER, PAGE_WRITABLE } from "../src/spec/page-bits.js";
import { PROBE_RAM_BYTES, USER_ACCESSES, type Contents } from "./memory-probe.js";

export const PAGE_BYTES = 4096;
const LARGE_BYTES = 0x20_0000;
/** Where the tables lie: the guest's own code reaches them there, linear = physical. */
const FIRST_TABLE = 0x28_0000;

export const NO_EXECUTE = 1n << 63n;
const ALL = PAGE_PRESENT | PAGE_WRITABLE | PAGE_USER;
const KERNEL = PAGE_PRESENT | PAGE_WRITABLE;

/** Level of the entry that maps a page: 1 for 4 KiB, 2 for 2 MiB, 3 for 1 GiB. */
export type Leaf = 1 | 2 | 3;

/** Builds the page tables that a script speaks of. */
export class Tables {
  readonly #tables: bigint[][] = [];

  /** A PML4 table with the guest's own memory: RAM for ring 0, and the page that ring 3 executes. */
  root(): number {
    const root = this.#allocate();
    for (let at = 0; at < 2 * LARGE_BYTES; at += PAGE_BYTES)
      this.map(root, BigInt(at), at, BigInt(at === USER_ACCESSES ? ALL : KERNEL));
    for (let at = 2 * LARGE_BYTES; at < PROBE_RAM_BYTES; at += LARGE_BYTES)
      this.map(root, BigInt(at), at, BigInt(KERNEL), 2);
    return root;
  }

  /** Maps a page; `flags` are those of its entry, bits 62:12 added to the address. Upper entries that are missing permit all. */
  map(root: number, linear: bigint, physical: number, flags: bigint, leaf: Leaf = 1): void {
    let table = root;
    for (let level = 4; level > leaf; level--) {
      const index = indexOf(linear, level);
      const entries = this.#of(table);
      entries[index] ||= BigInt(this.#allocate() | ALL);
      table = Number(entries[index] & 0x7f_ffff_f000n);
    }
    const large = leaf > 1 && (flags & BigInt(PAGE_PRESENT)) !== 0n ? BigInt(PAGE_LARGE) : 0n;
    this.#of(table)[indexOf(linear, leaf)] = BigInt(physical) + flags + large;
  }

  /** Address and value of the entry of a level on the way to a linear address. */
  entry(root: number, linear: bigint, level: number): { address: number; value: bigint } {
    let table = root;
    for (let above = 4; above > level; above--)
      table = Number(this.#of(table)[indexOf(linear, above)] & 0x7f_ffff_f000n);
    return { address: table + 8 * indexOf(linear, level), value: this.#of(table)[indexOf(linear, level)] };
  }

  /** Changes an entry before anything runs. */
  set(root: number, linear: bigint, level: number, change: (entry: bigint) => bigint): void {
    const { address, value } = this.entry(root, linear, level);
    this.#of(address - (address % PAGE_BYTES))[(address % PAGE_BYTES) / 8] = change(value);
  }

  contents(): Contents[] {
    return this.#tables.map((words, i) => ({ address: FIRST_TABLE + i * PAGE_BYTES, words }));
  }

  #allocate(): number {
    return FIRST_TABLE + PAGE_BYTES * (this.#tables.push(Array.from({ length: 512 }, () => 0n)) - 1);
  }
  #of(table: number): bigint[] {
    return this.#tables[(table - FIRST_TABLE) / PAGE_BYTES];
  }
}

function indexOf(linear: bigint, level: number): number {
  return Number((linear >> BigInt(12 + 9 * (level - 1))) & 511n);
}
