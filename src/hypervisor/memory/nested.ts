import {
  EPT_EXECUTE,
  EPT_LARGE,
  EPT_MEMORY_TYPE_WB,
  EPT_READ,
  EPT_VIOLATION_FETCH,
  EPT_VIOLATION_WRITE,
  EPT_WRITE,
  EPTP_MEMORY_TYPE_WB,
  EPTP_WALK_LENGTH_4,
} from "../../spec/page-bits.js";
import { LARGE_PAGE_BYTES, PAGE_BYTES } from "./layout.js";
import type { MemoryResources, MemoryVirtualizer, ViolationOutcome } from "./memory-virtualizer.js";

/** Permissions of an EPT entry, bits 2:0. */
export const READ_WRITE_EXECUTE = EPT_READ | EPT_WRITE | EPT_EXECUTE;
export const READ_EXECUTE = EPT_READ | EPT_EXECUTE;
const FRAME_MASK = 0x000f_ffff_ffff_f000n;

/** Levels of an EPT walk: 4 = EPT PML4 … 1 = EPT page table (SDM 29.3.2). */
type Level = 1 | 2 | 3 | 4;

/**
 * Nested paging: the VM's guest-physical memory as extended page tables in the machine's own memory, which the
 * processor walks by itself. All of the guest's RAM is mapped from the start. An address without RAM or device behind it reads
 * as all ones, as on a bus where nothing answers, and a write there goes nowhere.
 */
export class NestedPaging implements MemoryVirtualizer {
  readonly root: number;
  /** One frame of all ones and, above it, tables that lead there from everywhere: index = level of the table. */
  readonly #void: number[];

  /** @param permissions - of all of RAM */
  constructor(
    private readonly resources: MemoryResources,
    private readonly permissions = READ_WRITE_EXECUTE,
  ) {
    const { frames, guestBase, guestBytes } = resources;
    this.root = frames.allocate();
    this.#void = this.#buildVoid();
    let gpa = 0;
    while (gpa < guestBytes) {
      const bytes = guestBytes - gpa >= LARGE_PAGE_BYTES ? LARGE_PAGE_BYTES : PAGE_BYTES;
      this.map(gpa, guestBase + gpa, bytes, permissions);
      gpa += bytes;
    }
  }

  get eptPointer(): bigint {
    return BigInt(this.root | EPTP_WALK_LENGTH_4 | EPTP_MEMORY_TYPE_WB);
  }

  // #region ept-map
  /**
   * Maps one page, 4 KiB or 2 MiB, of guest-physical memory (SDM 29.3.2).
   *
   *     47     39 38     30 29     21 20     12 11       0
   *    |  PML4   |  PDPT   |   PD    |   PT    |  offset  |   9 bits an index; a 2 MiB page ends at the PD
   */
  map(gpa: number, hpa: number, bytes: number, permissions: number): void {
    const leaf: Level = bytes === LARGE_PAGE_BYTES ? 2 : 1;
    let table = this.root;
    for (let level: Level = 4; level > leaf; level = (level - 1) as Level) {
      const entry = entryAddress(table, gpa, level);
      if (this.resources.memory.read64(entry) === 0n) {
        this.resources.memory.write64(entry, BigInt(this.resources.frames.allocate() | READ_WRITE_EXECUTE));
      }
      table = Number(this.resources.memory.read64(entry) & FRAME_MASK);
    }
    const large = leaf === 2 ? EPT_LARGE : 0;
    this.resources.memory.write64(
      entryAddress(table, gpa, leaf),
      BigInt(hpa) | BigInt(EPT_MEMORY_TYPE_WB | large | permissions),
    );
  }
  // #endregion

  // #region ept-violation-policy
  /**
   * RAM is mapped with every permission, so a violation is an access to a device, to nothing, or to RAM that was unmapped. A
   * device's registers are reached by emulation, and so is a write to nothing, which must leave no trace; a read or fetch there
   * gets the frame of all ones.
   */
  violation(address: bigint, qualification: number): ViolationOutcome {
    const page = Math.floor(Number(address) / PAGE_BYTES) * PAGE_BYTES;
    if (this.#isUnmapped(page)) {
      this.map(page, this.resources.guestBase + page, PAGE_BYTES, this.permissions);
      return { kind: "mapped" };
    }
    const device = this.resources.isDevice(page, PAGE_BYTES);
    if (device && (qualification & EPT_VIOLATION_FETCH) !== 0) {
      return {
        kind: "refused",
        why: `The guest jumped to the device at guest-physical 0x${address.toString(16)}.`,
      };
    }
    if (device || (qualification & EPT_VIOLATION_WRITE) !== 0) return { kind: "emulate" };
    this.#mapVoid(page);
    return { kind: "mapped" };
  }
  // #endregion

  /** A large page is broken into small ones first. */
  unmap(page: number): void {
    const { memory, guestBase, guestBytes, flush } = this.resources;
    if (page + PAGE_BYTES > guestBytes) return;
    const large = this.#entry(page, 2);
    if ((memory.read64(large) & BigInt(EPT_LARGE)) !== 0n) {
      const first = Math.floor(page / LARGE_PAGE_BYTES) * LARGE_PAGE_BYTES;
      memory.write64(large, 0n);
      for (let at = first; at < first + LARGE_PAGE_BYTES; at += PAGE_BYTES)
        this.map(at, guestBase + at, PAGE_BYTES, this.permissions);
    }
    memory.write64(this.#entry(page, 1), 0n);
    flush();
  }

  #isUnmapped(page: number): boolean {
    const { memory, guestBytes } = this.resources;
    if (page + PAGE_BYTES > guestBytes) return false;
    const large = (memory.read64(this.#entry(page, 2)) & BigInt(EPT_LARGE)) !== 0n;
    return !large && memory.read64(this.#entry(page, 1)) === 0n;
  }

  /** Address of the entry of a level on the way to an address of RAM. */
  #entry(gpa: number, wanted: Level): number {
    let table = this.root;
    for (let level: Level = 4; level > wanted; level = (level - 1) as Level)
      table = Number(this.resources.memory.read64(entryAddress(table, gpa, level)) & FRAME_MASK);
    return entryAddress(table, gpa, wanted);
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
