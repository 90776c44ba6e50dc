import {
  EPT_DIRTY,
  EPT_EXECUTE,
  EPT_LARGE,
  EPT_MEMORY_TYPE_WB,
  EPT_READ,
  EPT_VIOLATION_WRITE,
  EPT_WRITE,
  EPTP_ACCESSED_DIRTY,
  EPTP_MEMORY_TYPE_WB,
  EPTP_WALK_LENGTH_4,
} from "../../spec/page-bits.js";
import { HUGE_PAGE_BYTES, LARGE_PAGE_BYTES, PAGE_BYTES } from "./layout.js";
import type { MemoryResources, MemoryVirtualizer, ViolationOutcome } from "./memory-virtualizer.js";

/** Permissions of an EPT entry, bits 2:0. */
export const READ_WRITE_EXECUTE = EPT_READ | EPT_WRITE | EPT_EXECUTE;
export const READ_EXECUTE = EPT_READ | EPT_EXECUTE;
const FRAME_MASK = 0x000f_ffff_ffff_f000n;

/** Levels of an EPT walk: 4 = EPT PML4 … 1 = EPT page table (SDM 29.3.2). */
type Level = 1 | 2 | 3 | 4;

/** Each larger page that is broken takes a frame for good, and it is the guest that asks. */
const MOST_BROKEN = 64;

/** How a VM's memory is mapped. */
export interface NestedOptions {
  /** Of all of RAM; read, write and execute unless given. */
  permissions?: number;
  /** Largest pages, where RAM and its place in the machine allow them; 1 GiB unless given. */
  largestPage?: typeof PAGE_BYTES | typeof LARGE_PAGE_BYTES | typeof HUGE_PAGE_BYTES;
  /** The processor keeps accessed and dirty flags in the tables (SDM 29.3.5). */
  accessedDirty?: boolean;
}

/**
 * Nested paging: the VM's guest-physical memory as extended page tables in the machine's own memory, which the
 * processor walks by itself. All of the guest's RAM is mapped from the start. An address without RAM or device behind it reads
 * as all ones, as on a bus where nothing answers, and a write there goes nowhere.
 */
export class NestedPaging implements MemoryVirtualizer {
  readonly root: number;
  /** One frame of all ones and, above it, tables that lead there from everywhere: index = level of the table. */
  readonly #void: number[];
  /** Larger pages that were broken into smaller ones. */
  #broken = 0;

  constructor(
    private readonly resources: MemoryResources,
    private readonly options: NestedOptions = {},
  ) {
    const { frames, guestBase, guestBytes } = resources;
    this.root = frames.allocate();
    this.#void = this.#buildVoid();
    let gpa = 0;
    while (gpa < guestBytes) {
      const bytes = this.#pageAt(gpa);
      this.map(gpa, guestBase + gpa, bytes, this.#permissions);
      gpa += bytes;
    }
  }

  /** The largest page that begins at a guest-physical address: all of it RAM, and aligned in the machine as well. */
  #pageAt(gpa: number): number {
    const { guestBase, guestBytes } = this.resources;
    const { largestPage = HUGE_PAGE_BYTES } = this.options;
    const fits = (bytes: number): boolean =>
      bytes <= largestPage &&
      gpa + bytes <= guestBytes &&
      gpa % bytes === 0 &&
      (guestBase + gpa) % bytes === 0;
    return [HUGE_PAGE_BYTES, LARGE_PAGE_BYTES].find(fits) ?? PAGE_BYTES;
  }

  get eptPointer(): bigint {
    const flags = this.options.accessedDirty === true ? EPTP_ACCESSED_DIRTY : 0;
    return BigInt(this.root | EPTP_WALK_LENGTH_4 | EPTP_MEMORY_TYPE_WB | flags);
  }

  // #region ept-map
  /**
   * Maps one page, 4 KiB, 2 MiB or 1 GiB, of guest-physical memory (SDM 29.3.2).
   *
   *     47     39 38     30 29     21 20     12 11       0
   *    |  PML4   |  PDPT   |   PD    |   PT    |  offset  |   9 bits an index; a 2 MiB page ends at the PD, 1 GiB at the PDPT
   */
  map(gpa: number, hpa: number, bytes: number, permissions: number): void {
    const leaf: Level = bytes === HUGE_PAGE_BYTES ? 3 : bytes === LARGE_PAGE_BYTES ? 2 : 1;
    let table = this.root;
    for (let level: Level = 4; level > leaf; level = (level - 1) as Level) {
      const entry = entryAddress(table, gpa, level);
      if (this.resources.memory.read64(entry) === 0n) {
        this.resources.memory.write64(entry, BigInt(this.resources.frames.allocate() | READ_WRITE_EXECUTE));
      }
      table = Number(this.resources.memory.read64(entry) & FRAME_MASK);
    }
    const large = leaf > 1 ? EPT_LARGE : 0;
    this.resources.memory.write64(
      entryAddress(table, gpa, leaf),
      BigInt(hpa) | BigInt(EPT_MEMORY_TYPE_WB | large | permissions),
    );
  }
  // #endregion

  // #region ept-violation-policy
  /**
   * RAM is mapped with every permission, so a violation is an access to a device, to nothing, or to RAM that was unmapped. A
   * device's registers are reached by emulation, and so are ROM, code in it too, and a write to nothing, which must leave no
   * trace; a read or fetch there gets the frame of all ones.
   */
  violation(address: bigint, qualification: number): ViolationOutcome {
    const page = Math.floor(Number(address) / PAGE_BYTES) * PAGE_BYTES;
    if (this.#isUnmapped(page)) {
      this.map(page, this.resources.guestBase + page, PAGE_BYTES, this.#permissions);
      return { kind: "mapped" };
    }
    const device = this.resources.isDevice(page, PAGE_BYTES);
    if (device || (qualification & EPT_VIOLATION_WRITE) !== 0) return { kind: "emulate" };
    this.#mapVoid(page);
    return { kind: "mapped" };
  }
  // #endregion

  /**
   * Pages that the guest has written since this was asked last, with {@link NestedOptions.accessedDirty}: their dirty flags are
   * cleared, and cached translations dropped, since a processor that has a page as dirty sets no flag again (SDM 29.3.5).
   */
  takeDirty(): { gpa: number; bytes: number }[] {
    const dirty: { gpa: number; bytes: number }[] = [];
    const { memory, guestBytes } = this.resources;
    for (let gpa = 0; gpa < guestBytes;) {
      const { entry, bytes } = this.#leaf(gpa);
      const value = memory.read64(entry);
      if ((value & BigInt(EPT_DIRTY)) !== 0n) {
        memory.write64(entry, value & ~BigInt(EPT_DIRTY));
        dirty.push({ gpa, bytes });
      }
      gpa += bytes;
    }
    if (dirty.length > 0) this.resources.flush();
    return dirty;
  }

  /** A larger page is broken into smaller ones first; one that would take a frame too many stays mapped. */
  unmap(page: number): void {
    const { memory, guestBase, guestBytes, flush } = this.resources;
    if (page + PAGE_BYTES > guestBytes) return;
    let leaf = this.#leaf(page);
    while (leaf.bytes > PAGE_BYTES && this.#broken++ < MOST_BROKEN) {
      const first = Math.floor(page / leaf.bytes) * leaf.bytes;
      const piece = leaf.bytes / 512;
      memory.write64(leaf.entry, 0n);
      for (let at = first; at < first + leaf.bytes; at += piece)
        this.map(at, guestBase + at, piece, this.#permissions);
      leaf = this.#leaf(page);
    }
    if (leaf.bytes === PAGE_BYTES) memory.write64(leaf.entry, 0n);
    flush();
  }

  #isUnmapped(page: number): boolean {
    const { memory, guestBytes } = this.resources;
    return page + PAGE_BYTES <= guestBytes && memory.read64(this.#leaf(page).entry) === 0n;
  }

  get #permissions(): number {
    return this.options.permissions ?? READ_WRITE_EXECUTE;
  }

  /** The entry that maps a page of RAM, and the page's size. */
  #leaf(gpa: number): { entry: number; bytes: number } {
    const { memory } = this.resources;
    let table = this.root;
    for (let level: Level = 4; ; level = (level - 1) as Level) {
      const entry = entryAddress(table, gpa, level);
      const value = memory.read64(entry);
      if (level === 1 || (value & BigInt(EPT_LARGE)) !== 0n) return { entry, bytes: 2 ** (3 + 9 * level) };
      table = Number(value & FRAME_MASK);
    }
  }

  /** Links the void at the highest level on the way to `gpa` that has no table yet and holds no device. */
  #mapVoid(gpa: number): void {
    const { memory, frames, isDevice } = this.resources;
    let table = this.root;
    for (let level: Level = 4; level >= 1; level = (level - 1) as Level) {
      const entry = entryAddress(table, gpa, level);
      let next = memory.read64(entry);
      const bytes = 2 ** (3 + 9 * level);
      if (next === 0n && !isDevice(Math.floor(gpa / bytes) * bytes, bytes))
        return memory.write64(entry, voidEntry(level, this.#void[level - 1]));
      if (next === 0n) memory.write64(entry, (next = BigInt(frames.allocate() | READ_WRITE_EXECUTE)));
      table = Number(next & FRAME_MASK);
    }
  }

  /** Index 0: the frame of all ones; index n: a level-n table, every entry of which leads to index n − 1. */
  #buildVoid(): number[] {
    const frame = this.resources.frames.allocate();
    this.resources.memory.fill(frame, PAGE_BYTES, 0xff);
    const chain = [frame];
    for (const level of [1, 2, 3] as const) {
      const table = this.resources.frames.allocate();
      for (let i = 0; i < 512; i++)
        this.resources.memory.write64(table + i * 8, voidEntry(level, chain[level - 1]));
      chain.push(table);
    }
    return chain;
  }
}

/** An entry of a level-`level` table that leads to the next part of the void; only the leaf withholds writes. */
function voidEntry(level: Level, next: number): bigint {
  return BigInt(level === 1 ? next | EPT_MEMORY_TYPE_WB | READ_EXECUTE : next | READ_WRITE_EXECUTE);
}

function entryAddress(table: number, gpa: number, level: Level): number {
  return table + (Math.floor(gpa / 2 ** (3 + 9 * level)) % 512) * 8;
}
