import {
  PAGE_ACCESSED,
  PAGE_DIRTY,
  PAGE_GLOBAL,
  PAGE_LARGE,
  PAGE_PRESENT,
  PAGE_USER,
  PAGE_WRITABLE,
} from "../../../spec/page-bits.js";
import { LARGE_PAGE_BYTES, PAGE_BYTES } from "../layout.js";
import { HIGH_ADDRESS } from "../guest-walk.js";
import type { LowTables } from "./low-range.js";
import { ReverseMap } from "./reverse-map.js";
import type { ShadowResources, ShadowStatistics } from "./shadow-memory.js";
import { ShadowTable, tableKey, type TableSource } from "./shadow-table.js";

/** Entries written one after another, without a use of the table between, that make a page no table any more. */
const MOST_STRAYS = 4;
const ENTRIES = 512;
const PAGES_IN_LARGE = LARGE_PAGE_BYTES / PAGE_BYTES;
/** Of the roles, {@link roleOf}: 32-bit paging, whose entries have 4 bytes. */
export const ROLE_NARROW = 1;
/** An entry that permits everything; accessed and dirty are set so that the processor need not. */
export const ALL_RIGHTS = PAGE_PRESENT | PAGE_WRITABLE | PAGE_USER | PAGE_ACCESSED;

/**
 * The tables there are, what leads where, and which pages of the guest are write-protected since they hold tables of its own.
 * Everything here keeps one invariant: *no entry permits a write to a page that a guest table's shadow is made from.*
 */
export class ShadowTables {
  /** Counts walks: what was used in the present one has this stamp, and stays. */
  clock = 0;
  /** Counts entries for split large pages that were cleared. */
  splitsChanged = 0;
  /** The entry that each level-4 table has for the monitor: its number, and where it leads. */
  window: { slot: number; table: number } | null = null;
  /** The monitor's memory below 4 GiB. */
  low: LowTables | null = null;
  readonly #byKey = new Map<string, ShadowTable>();
  readonly #byFrame = new Map<number, ShadowTable>();
  /** By number of the guest page that holds the guest's table. */
  readonly #byGuest = new Map<number, ShadowTable[]>();
  /** Pages that hold no table and are traced all the same. */
  readonly #watched = new Set<number>();
  /** Traced pages by 2 MiB of the guest: there is no large page over one. */
  readonly #tracedIn = new Map<number, number>();
  /** Leaf entries of guest tables' shadows by guest page, and large ones by 2 MiB. */
  readonly #leaves = new ReverseMap();
  readonly #largeLeaves = new ReverseMap();
  readonly #free: number[] = [];
  #allocated = 0;
  /** Cached translations must go before the guest runs again. */
  #stale = false;
  /** Entries were cleared that the processor may still have cached: the guest has its own flush to make. */
  #lingering = false;

  constructor(
    private readonly resources: ShadowResources,
    private readonly poolFrames: number,
    private readonly statistics: ShadowStatistics,
  ) {}

  /** The table that shadows `source`, found or built. */
  get(source: TableSource, level: number, role: number): ShadowTable {
    const key = tableKey(source, level, role);
    const table = this.#byKey.get(key) ?? this.#build(source, level, role, key);
    table.used = this.clock;
    return table;
  }

  /** Whether no write to a page of the guest may go through. */
  traced(page: number): boolean {
    return this.#byGuest.has(page) || this.#watched.has(page);
  }
  /** The same for a page that holds no table, for somebody else's reasons. */
  watch(page: number): void {
    if (this.#watched.has(page)) return;
    this.#watched.add(page);
    this.#protectPage(page);
  }
  unwatch(page: number): void {
    if (this.#watched.delete(page)) this.#unprotectPage(page);
  }
  /** Whether any page of a guest-physical 2 MiB is. */
  tracedIn(region: number): boolean {
    return this.#tracedIn.has(region);
  }

  /** The table that entry `index` leads to. */
  child(table: ShadowTable, index: number): ShadowTable | undefined {
    const entry = table.frame + 8 * index;
    const low = this.resources.memory.read32(entry);
    if ((low & PAGE_PRESENT) === 0 || isLeaf(table.level, low)) return undefined;
    return this.#byFrame.get(this.#target(entry, low));
  }
  /** Whether entry `index` maps a large page. */
  mapsLarge(table: ShadowTable, index: number): boolean {
    const low = this.resources.memory.read32(table.frame + 8 * index);
    return (low & PAGE_PRESENT) !== 0 && table.level > 1 && (low & PAGE_LARGE) !== 0;
  }

  /** Has entry `index` lead to another table, with these flags. @returns whether it has not until now */
  link(table: ShadowTable, index: number, child: ShadowTable, low: number, high: number): boolean {
    const entry = table.frame + 8 * index;
    if (this.child(table, index) !== child) this.clear(table, index);
    child.parents.add(entry);
    return this.#write(entry, child.frame, low, high);
  }

  /** Has entry `index` of a directory lead to a page table of the monitor's. */
  linkMonitor(table: ShadowTable, index: number, frame: number): void {
    this.clear(table, index);
    this.#write(table.frame + 8 * index, frame, ALL_RIGHTS, 0);
  }

  /** Has entry `index` map machine memory, 4 KiB at level 1 and 2 MiB at level 2, with these flags. @returns as {@link link} */
  map(table: ShadowTable, index: number, machine: number, low: number, high: number): boolean {
    const entry = table.frame + 8 * index;
    const old = this.resources.memory.read32(entry);
    const same =
      (old & PAGE_PRESENT) !== 0 && isLeaf(table.level, old) && this.#target(entry, old) === machine;
    if (!same) this.clear(table, index);
    const changed = this.#write(entry, machine, table.level > 1 ? low | PAGE_LARGE : low, high);
    if (!same) this.#track(table, entry, machine, true);
    return changed;
  }

  /** Empties an entry; a table that nothing leads to any more goes. The monitor's own entry stays. */
  clear(table: ShadowTable, index: number): void {
    if (table.level === 4 && index === this.window?.slot) return;
    const { memory } = this.resources;
    const entry = table.frame + 8 * index;
    const low = memory.read32(entry);
    if ((low & PAGE_PRESENT) === 0) return;
    const target = this.#target(entry, low);
    memory.write64(entry, 0n);
    this.#lingering = true;
    if (isLeaf(table.level, low)) {
      // Half a page of 4 MiB.
      if (table.level === 2 && (table.role & ROLE_NARROW) !== 0) this.splitsChanged++;
      return this.#track(table, entry, target, false);
    }
    const child = this.#byFrame.get(target);
    if (child === undefined) return;
    if (child.source.kind === "direct") this.splitsChanged++;
    child.parents.delete(entry);
    if (child.parents.size === 0 && child.pins === 0 && child.used !== this.clock) this.#drop(child);
  }

  /** Bytes `first` to `last` of a guest page have been written: what was made from them is made anew when it is wanted. */
  written(page: number, first: number, last: number): void {
    for (const table of [...(this.#byGuest.get(page) ?? [])]) {
      if (this.#byFrame.get(table.frame) !== table) continue;
      const bytes = (table.role & ROLE_NARROW) !== 0 ? 4 : 8;
      const written = Math.floor(first / bytes);
      for (let i = written; i <= Math.floor(last / bytes); i++) this.#clearGuestEntry(table, i);
      if (written !== table.lastWritten) table.strays++;
      table.lastWritten = written;
      if (table.strays < MOST_STRAYS || table.pins > 0) continue;
      this.#drop(table);
      this.statistics.tablesDropped++;
    }
  }

  /** Clears what an entry of the guest's table became: of 32-bit paging a part of it, or two entries of a directory. */
  #clearGuestEntry(table: ShadowTable, index: number): void {
    if (table.source.kind !== "guest") return;
    if ((table.role & ROLE_NARROW) === 0) return this.clear(table, index);
    const perTable = table.level === 1 ? 512 : 256;
    if (Math.floor(index / perTable) !== table.source.part) return;
    const own = index % perTable;
    if (table.level === 1) return this.clear(table, own);
    this.clear(table, 2 * own);
    this.clear(table, 2 * own + 1);
  }

  /** Before the guest runs again. */
  settle(): void {
    if (!this.#stale) return;
    this.#stale = this.#lingering = false;
    this.resources.flush();
  }

  /** Every level-4 table, for the monitor's window. */
  *roots(): Iterable<ShadowTable> {
    for (const table of this.#byFrame.values()) if (table.level === 4) yield table;
  }
  markStale(): void {
    this.#stale = true;
  }

  /** A zeroed frame for a table; the least recently used tables make room. */
  takeFrame(): number {
    if (this.#free.length === 0 && this.#allocated >= this.poolFrames) this.#evict();
    const frame = this.#free.pop();
    if (frame !== undefined) return frame;
    this.#allocated++;
    return this.resources.frames.allocate();
  }
  giveFrame(frame: number): void {
    this.resources.memory.fill(frame, PAGE_BYTES, 0);
    this.#free.push(frame);
    this.#stale = true;
  }

  #build(source: TableSource, level: number, role: number, key: string): ShadowTable {
    const table = new ShadowTable(this.takeFrame(), level, source, role, key);
    table.used = this.clock;
    this.#byKey.set(key, table);
    this.#byFrame.set(table.frame, table);
    this.statistics.tablesBuilt++;
    if (source.kind === "guest") this.#trace(source.frame, table);
    if (source.kind === "direct" && level === 1) this.#fill(table, source.base, source.global);
    if (level === 4 && this.window !== null)
      this.#write(table.frame + 8 * this.window.slot, this.window.table, ALL_RIGHTS, 0);
    return table;
  }

  /** A split large page has all its pages of RAM from the start: they need no walk of the guest's tables. */
  #fill(table: ShadowTable, base: number, global: boolean): void {
    const { guestBase, guestBytes } = this.resources;
    const flags = ALL_RIGHTS | PAGE_DIRTY | (global ? PAGE_GLOBAL : 0);
    for (let i = 0; i < ENTRIES; i++) {
      const address = base + i * PAGE_BYTES;
      if (address + PAGE_BYTES > guestBytes) return;
      const traced = this.traced(address / PAGE_BYTES);
      this.#write(table.frame + 8 * i, guestBase + address, traced ? flags & ~PAGE_WRITABLE : flags, 0);
    }
  }

  /** The guest's page is a table: from now on no entry permits a write to it. */
  #trace(page: number, table: ShadowTable): void {
    const tables = this.#byGuest.get(page);
    if (tables !== undefined) return void tables.push(table);
    this.#byGuest.set(page, [table]);
    this.#protectPage(page);
  }

  #protectPage(page: number): void {
    const region = Math.floor(page / PAGES_IN_LARGE);
    this.#tracedIn.set(region, (this.#tracedIn.get(region) ?? 0) + 1);
    if (this.#lingering) this.#stale = true;
    for (const entry of this.#leaves.of(page)) this.#protect(entry);
    for (const global of [false, true]) {
      const source = { kind: "direct", base: region * LARGE_PAGE_BYTES, global } as const;
      const split = this.#byKey.get(tableKey(source, 1, 0));
      if (split !== undefined) this.#protect(split.frame + 8 * (page % PAGES_IN_LARGE));
    }
    for (const entry of this.#largeLeaves.of(region)) {
      const holder = this.#byFrame.get(entry - (entry % PAGE_BYTES))!;
      this.clear(holder, (entry % PAGE_BYTES) / 8);
      this.#stale = true;
    }
  }

  #protect(entry: number): void {
    const low = this.resources.memory.read32(entry);
    if ((low & PAGE_WRITABLE) === 0) return;
    this.resources.memory.write32(entry, low & ~PAGE_WRITABLE);
    this.#stale = true;
  }

  #untrace(page: number, table: ShadowTable): void {
    const others = this.#byGuest.get(page)!.filter((other) => other !== table);
    if (others.length > 0) return void this.#byGuest.set(page, others);
    this.#byGuest.delete(page);
    this.#unprotectPage(page);
  }

  #unprotectPage(page: number): void {
    const region = Math.floor(page / PAGES_IN_LARGE);
    const count = this.#tracedIn.get(region)! - 1;
    if (count === 0) this.#tracedIn.delete(region);
    else this.#tracedIn.set(region, count);
  }

  #drop(table: ShadowTable): void {
    const { memory } = this.resources;
    this.#byKey.delete(table.key);
    this.#byFrame.delete(table.frame);
    if (table.source.kind === "guest") this.#untrace(table.source.frame, table);
    for (const entry of table.parents) memory.write64(entry, 0n);
    for (let i = 0; i < ENTRIES; i++) this.clear(table, i);
    this.giveFrame(table.frame);
  }

  /** A quarter of the tables that nobody walks now, the least recently used first. */
  #evict(): void {
    const idle = [...this.#byFrame.values()].filter(({ pins, used }) => pins === 0 && used < this.clock);
    if (idle.length === 0) throw new RangeError(`${this.poolFrames} frames are too few for shadow tables`);
    idle.sort((x, y) => x.used - y.used);
    for (const table of idle.slice(0, Math.ceil(idle.length / 4))) {
      if (this.#byFrame.get(table.frame) !== table) continue;
      this.#drop(table);
      this.statistics.tablesEvicted++;
    }
  }

  /** A leaf appears or goes. Those of split large pages are found by their table. */
  #track(table: ShadowTable, entry: number, machine: number, appears: boolean): void {
    const { guestBase, guestBytes } = this.resources;
    const address = machine - guestBase;
    if (address < 0 || address >= guestBytes) return;
    if (table.level === 1 && table.source.kind === "direct") return;
    const map = table.level === 1 ? this.#leaves : this.#largeLeaves;
    const page = Math.floor(address / (table.level === 1 ? PAGE_BYTES : LARGE_PAGE_BYTES));
    if (appears) map.add(page, entry);
    else map.remove(page, entry);
  }

  #target(entry: number, low: number): number {
    const high = this.resources.memory.read32(entry + 4) & HIGH_ADDRESS;
    return high * 2 ** 32 + ((low & 0xffff_f000) >>> 0);
  }

  #write(entry: number, address: number, low: number, high: number): boolean {
    const { memory } = this.resources;
    const upper = (high | Math.floor(address / 2 ** 32)) >>> 0;
    const lower = ((address % 2 ** 32) | low) >>> 0;
    if (memory.read32(entry) === lower && memory.read32(entry + 4) === upper) return false;
    memory.write32(entry + 4, upper);
    memory.write32(entry, lower);
    return true;
  }
}

function isLeaf(level: number, low: number): boolean {
  return level === 1 || (low & PAGE_LARGE) !== 0;
}
