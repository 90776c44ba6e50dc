import type { PhysicalMemory } from "../../../machine/physical-memory.js";
import { PAGE_GLOBAL, PAGE_LARGE, PAGE_PRESENT, PAGE_WRITABLE } from "../../../spec/page-bits.js";
import { ERROR_BUSY, ERROR_INVALID, ERROR_PERMISSION, HYPERVISOR_SLOT } from "../../../spec/paravirtual.js";
import { LARGE_PAGE_BYTES, PAGE_BYTES } from "../layout.js";
import { FrameTypes, READ_ONLY, UNTYPED, WRITABLE, type Level } from "./frame-types.js";

const ENTRIES = 512;
const ENTRY_BYTES = 8;
/** Address bits in the upper half of an entry: a frame above 4 GiB is nobody's. */
const HIGH_ADDRESS = 0x000f_ffff;
/** Tables that lost their last use are taken apart at most so many at a time. */
const MOST_DISMANTLED = 16;

/** What direct paging needs from outside. */
export interface DirectResources {
  memory: PhysicalMemory;
  /** Machine-physical address of the guest's frame 0, on a 2 MiB boundary, and the bytes of its RAM. */
  base: number;
  bytes: number;
  /** Drops every cached translation. */
  flush: () => void;
  /** Low and high half of the entry that is the hypervisor's in every level-4 table. */
  hypervisorEntry: readonly [low: number, high: number];
}

/**
 * Direct paging: the processor uses the guest's own page tables, which hold machine addresses. What keeps that safe is that every
 * change is looked at first. A page becomes a table when all its entries are found good, is a table of one level as long as
 * something uses it as one, and is meanwhile mapped nowhere writable.
 *
 * An entry may name a frame of the guest, present or writable or for the user as it likes: at level 1 and as a large page of
 * level 2 any frame, writable if it is no table; above, a table of the next level. A page that is to become a table of level 2 or
 * more must lead to tables alone: they are made from the bottom up, so that no call looks at more than one page for each request.
 * Global pages, pages of 1 GiB and the PAT bit are refused.
 */
export class DirectPaging {
  readonly types: FrameTypes;
  /** Pages whose entries have been looked at or dropped so far; for the cost model. */
  tablesChecked = 0;
  readonly #memory: PhysicalMemory;
  readonly #firstFrame: number;
  /** Tables that nothing uses, still to be taken apart. */
  readonly #unused = new Set<number>();

  constructor(private readonly resources: DirectResources) {
    this.#memory = resources.memory;
    this.#firstFrame = resources.base / PAGE_BYTES;
    this.types = new FrameTypes(resources.bytes / PAGE_BYTES, () => this.flush());
  }

  /** Drops every cached translation. */
  flush(): void {
    this.resources.flush();
    this.types.flushed();
  }

  /** Guest-physical number of the frame at a machine address; −1 when it is not the guest's. */
  frameAt(machine: bigint): number {
    const frame = Number(machine >> 12n) - this.#firstFrame;
    return frame >= 0 && frame < this.types.frames ? frame : -1;
  }
  /** Machine address of a frame. */
  addressOf(frame: number): number {
    return (frame + this.#firstFrame) * PAGE_BYTES;
  }

  // #region direct-update
  /**
   * Writes a page-table entry: what it is to name is taken into use, the entry written, what it named let go.
   * @param machine - of the entry
   * @returns 0 or an error
   */
  update(machine: bigint, value: bigint): number {
    const frame = this.frameAt(machine);
    if (frame < 0) return ERROR_PERMISSION;
    const level = this.types.type(frame);
    if ((machine & 7n) !== 0n || level < 1 || level > 4 || this.types.uses(frame) === 0) return ERROR_INVALID;
    const index = Number(machine & 0xfffn) / ENTRY_BYTES;
    if (level === 4 && index === HYPERVISOR_SLOT) return ERROR_PERMISSION;
    const low = Number(value & 0xffff_ffffn);
    const high = Number((value >> 32n) & 0xffff_ffffn);
    const error = this.#take(level as Level, low, high, true);
    if (error !== 0) return error;
    const at = Number(machine);
    const oldLow = this.#memory.read32(at);
    const oldHigh = this.#memory.read32(at + 4);
    this.#memory.write64(at, value);
    this.#letGo(level as Level, oldLow, oldHigh);
    return 0;
  }
  // #endregion

  /** A page becomes and stays a table of a level. @returns 0 or an error */
  pin(machine: bigint, level: Level): number {
    const frame = this.frameAt(machine);
    if (frame < 0) return ERROR_PERMISSION;
    if ((machine & 0xfffn) !== 0n || this.types.isPinned(frame)) return ERROR_INVALID;
    const error = this.useTable(frame, level, true);
    if (error === 0) this.types.setPinned(frame, true);
    return error;
  }

  unpin(machine: bigint): number {
    const frame = this.frameAt(machine);
    if (frame < 0) return ERROR_PERMISSION;
    if ((machine & 0xfffn) !== 0n || !this.types.isPinned(frame)) return ERROR_INVALID;
    this.types.setPinned(frame, false);
    this.dropTable(frame);
    return 0;
  }

  /**
   * One more use of a frame as a table of a level.
   * @param mayBecome - it is made one if it is nothing yet
   * @returns 0 or an error
   */
  useTable(frame: number, level: Level, mayBecome: boolean): number {
    const { types } = this;
    if (types.type(frame) !== level && types.uses(frame) === 0) this.#dismantle(frame);
    const fresh = types.type(frame) === UNTYPED;
    if (fresh && !mayBecome) return ERROR_INVALID;
    if (!types.use(frame, level)) return ERROR_BUSY;
    return fresh ? this.#check(frame, level) : 0;
  }

  /** All entries of a page that becomes a table are taken into use, or none. */
  #check(frame: number, level: Level): number {
    this.tablesChecked++;
    const table = this.addressOf(frame);
    if (level === 4) this.#writeHypervisorEntry(table, this.resources.hypervisorEntry);
    for (let i = 0; i < ENTRIES; i++) {
      if (level === 4 && i === HYPERVISOR_SLOT) continue;
      const error = this.#takeAt(table, i, level);
      if (error === 0) continue;
      if (level === 4) this.#writeHypervisorEntry(table, [0, 0]);
      while (--i >= 0) if (level !== 4 || i !== HYPERVISOR_SLOT) this.#letGoAt(table, i, level);
      this.types.drop(frame);
      this.types.clear(frame);
      return error;
    }
    return 0;
  }

  /** One more writable mapping of a frame. @returns false when it is used as something else */
  useWritable(frame: number): boolean {
    if (this.types.uses(frame) === 0) this.#dismantle(frame);
    return this.types.use(frame, WRITABLE);
  }

  /** One use of a table less. */
  dropTable(frame: number): void {
    if (this.types.drop(frame) === 0) this.#unused.add(frame);
  }

  /** Takes some of the tables apart that nothing uses any more. */
  dismantleSome(): void {
    let left = MOST_DISMANTLED;
    for (const frame of this.#unused) {
      if (left-- === 0) return;
      this.#unused.delete(frame);
      this.#dismantle(frame);
    }
  }

  /** A table that nothing uses is none any more. */
  #dismantle(frame: number): void {
    const level = this.types.type(frame);
    if (level < 1 || level > 4 || this.types.uses(frame) > 0) return;
    this.tablesChecked++;
    const table = this.addressOf(frame);
    for (let i = 0; i < ENTRIES; i++)
      if (level !== 4 || i !== HYPERVISOR_SLOT) this.#letGoAt(table, i, level as Level);
    if (level === 4) this.#writeHypervisorEntry(table, [0, 0]);
    this.types.clear(frame);
  }

  /** A frame that is never to be written by the guest. */
  keepReadOnly(frame: number): void {
    if (!this.types.use(frame, READ_ONLY)) throw new Error(`frame ${frame} is used as something else`);
  }
  /** A frame that is never to become a table: the hypervisor writes it. */
  keepWritable(frame: number): void {
    if (!this.types.use(frame, WRITABLE)) throw new Error(`frame ${frame} is used as something else`);
  }

  #takeAt(table: number, index: number, level: Level): number {
    const at = table + index * ENTRY_BYTES;
    return this.#take(level, this.#memory.read32(at), this.#memory.read32(at + 4), false);
  }
  #letGoAt(table: number, index: number, level: Level): void {
    const at = table + index * ENTRY_BYTES;
    this.#letGo(level, this.#memory.read32(at), this.#memory.read32(at + 4));
  }

  // #region direct-take
  /** What an entry names is taken into use. @returns 0 or an error, and then nothing has changed */
  #take(level: Level, low: number, high: number, mayBecome: boolean): number {
    if ((low & PAGE_PRESENT) === 0) return 0;
    if ((low & PAGE_GLOBAL) !== 0) return ERROR_INVALID;
    const frame = this.#named(low, high);
    if (frame < 0) return ERROR_PERMISSION;
    const large = (low & PAGE_LARGE) !== 0;
    if (large && level !== 2) return ERROR_INVALID;
    if (level === 1) return (low & PAGE_WRITABLE) === 0 || this.useWritable(frame) ? 0 : ERROR_BUSY;
    if (!large) return this.useTable(frame, (level - 1) as Level, mayBecome);
    if ((low & (LARGE_PAGE_BYTES - PAGE_BYTES)) !== 0) return ERROR_INVALID;
    if (frame + LARGE_PAGE_BYTES / PAGE_BYTES > this.types.frames) return ERROR_PERMISSION;
    return (low & PAGE_WRITABLE) === 0 || this.types.useLarge(frame) ? 0 : ERROR_BUSY;
  }
  // #endregion

  /** What an entry named is let go. */
  #letGo(level: Level, low: number, high: number): void {
    if ((low & PAGE_PRESENT) === 0) return;
    const frame = this.#named(low, high);
    if (level > 1 && (low & PAGE_LARGE) === 0) this.dropTable(frame);
    else if ((low & PAGE_WRITABLE) === 0) return;
    else if (level === 1) this.types.drop(frame);
    else this.types.dropLarge(frame);
  }

  #named(low: number, high: number): number {
    if ((high & HIGH_ADDRESS) !== 0) return -1;
    const frame = (low >>> 12) - this.#firstFrame;
    return frame >= 0 && frame < this.types.frames ? frame : -1;
  }

  #writeHypervisorEntry(table: number, [low, high]: readonly [number, number]): void {
    const at = table + HYPERVISOR_SLOT * ENTRY_BYTES;
    this.#memory.write32(at, low);
    this.#memory.write32(at + 4, high);
  }
}
