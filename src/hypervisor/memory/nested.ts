import type { PhysicalMemory } from "../../machine/physical-memory.js";
import {
  EPT_EXECUTE,
  EPT_LARGE,
  EPT_MEMORY_TYPE_WB,
  EPT_READ,
  EPT_VIOLATION_WRITE,
  EPT_WRITE,
  EPTP_MEMORY_TYPE_WB,
  EPTP_WALK_LENGTH_4,
} from "../../spec/page-bits.js";
import type { FrameAllocator } from "./frame-allocator.js";
import { LARGE_PAGE_BYTES, PAGE_BYTES } from "./layout.js";
import type { MemoryVirtualizer, ViolationOutcome } from "./memory-virtualizer.js";

/** Permissions of an EPT entry, bits 2:0. */
export const READ_WRITE_EXECUTE = EPT_READ | EPT_WRITE | EPT_EXECUTE;
const READ_EXECUTE = EPT_READ | EPT_EXECUTE;
const FRAME_MASK = 0x000f_ffff_ffff_f000n;

/** Levels of an EPT walk: 4 = EPT PML4 … 1 = EPT page table (SDM 29.3.2). */
type Level = 1 | 2 | 3 | 4;

/**
 * Nested paging: the VM's guest-physical memory as extended page tables in the machine's own memory, which the
 * processor walks by itself. All of the guest's RAM is mapped from the start. An address without RAM behind it reads
 * as all ones, as on a bus where nothing answers; a write there ends the VM.
 */
export class NestedPaging implements MemoryVirtualizer {
  readonly root: number;
  /** One frame of all ones and, above it, tables that lead there from everywhere: index = level of the table. */
  readonly #void: number[];

  /**
   * @param guestBase - machine-physical address of guest-physical 0
   * @param guestBytes - RAM of the guest
   */
  constructor(
    private readonly memory: PhysicalMemory,
    private readonly frames: FrameAllocator,
    guestBase: number,
    guestBytes: number,
  ) {
    this.root = frames.allocate();
    this.#void = this.#buildVoid();
    let gpa = 0;
    while (gpa < guestBytes) {
      const bytes = guestBytes - gpa >= LARGE_PAGE_BYTES ? LARGE_PAGE_BYTES : PAGE_BYTES;
      this.map(gpa, guestBase + gpa, bytes, READ_WRITE_EXECUTE);
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
      if (this.memory.read64(entry) === 0n) {
        this.memory.write64(entry, BigInt(this.frames.allocate() | READ_WRITE_EXECUTE));
      }
      table = Number(this.memory.read64(entry) & FRAME_MASK);
    }
    const large = leaf === 2 ? EPT_LARGE : 0;
    this.memory.write64(
      entryAddress(table, gpa, leaf),
      BigInt(hpa) | BigInt(EPT_MEMORY_TYPE_WB | large | permissions),
    );
  }
  // #endregion

  // #region ept-violation-policy
  /**
   * RAM is mapped with every permission, so a violation is an access to nothing. A read or fetch gets the frame of all
   * ones; a write cannot be let through, as the next read would find it.
   */
  violation(address: bigint, qualification: number): ViolationOutcome {
    if ((qualification & EPT_VIOLATION_WRITE) !== 0) {
      const why = `The guest wrote to guest-physical 0x${address.toString(16)}, where it has neither RAM nor a device.`;
      return { kind: "refused", why };
    }
    this.#mapVoid(Number(address));
    return { kind: "mapped" };
  }
  // #endregion

  /** Links the void below the deepest table on the way to `gpa`. */
  #mapVoid(gpa: number): void {
    let table = this.root;
    for (let level: Level = 4; level >= 1; level = (level - 1) as Level) {
      const entry = entryAddress(table, gpa, level);
      const next = this.memory.read64(entry);
      if (next === 0n) return this.memory.write64(entry, voidEntry(level, this.#void[level - 1]));
      table = Number(next & FRAME_MASK);
    }
  }

  /** Index 0: the frame of all ones; index n: a level-n table, every entry of which leads to index n − 1. */
  #buildVoid(): number[] {
    const frame = this.frames.allocate();
    this.memory.fill(frame, PAGE_BYTES, 0xff);
    const chain = [frame];
    for (const level of [1, 2, 3] as const) {
      const table = this.frames.allocate();
      for (let i = 0; i < 512; i++) this.memory.write64(table + i * 8, voidEntry(level, chain[level - 1]));
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
