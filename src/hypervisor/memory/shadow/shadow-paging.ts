import { CR4_PSE, EFER_NXE } from "../../../spec/control-bits.js";
import {
  FAULT_FETCH,
  FAULT_PRESENT,
  FAULT_WRITE,
  PAGE_ACCESSED,
  PAGE_DIRTY,
  PAGE_GLOBAL,
  PAGE_PRESENT,
  PAGE_USER,
  PAGE_WRITABLE,
} from "../../../spec/page-bits.js";
import { LARGE_PAGE_BYTES, PAGE_BYTES } from "../layout.js";
import {
  FOUND,
  GuestWalk,
  guestMode,
  HIGH_NX,
  type FaultingAccess,
  type GuestPaging,
} from "../guest-walk.js";
import { LowTables } from "./low-range.js";
import { buildWindow } from "./monitor-window.js";
import type {
  AddressSpace,
  FaultOutcome,
  HardwareMode,
  LowRange,
  MonitorWindow,
  ShadowMemory,
  ShadowResources,
  ShadowStatistics,
} from "./shadow-memory.js";
import type { ShadowTable, TableSource } from "./shadow-table.js";
import { ALL_RIGHTS, ROLE_NARROW, ShadowTables } from "./shadow-tables.js";

/** Frames for tables unless the resources say otherwise: 2 MiB. */
const POOL_FRAMES = 512;
const MODE_ROLE = { unpaged: 0, "32-bit": ROLE_NARROW, pae: 2, "4-level": 4 } as const;
const ROLE_NX = 8;
const ROLE_PSE = 16;
/** Top levels that the guest lacks look different in the two hardware modes. */
const ROLE_IA32E = 32;

/** What the meaning of entries depends on, beside what the processor itself looks at while it walks. */
function roleOf(paging: GuestPaging): number {
  const mode = guestMode(paging);
  const nx = (paging.efer & EFER_NXE) !== 0 ? ROLE_NX : 0;
  return MODE_ROLE[mode] | nx | (mode === "32-bit" && (paging.cr4 & CR4_PSE) !== 0 ? ROLE_PSE : 0);
}

/** A table below an entry that the guest does not have. */
const EMPTY = { kind: "top", root: "empty" } as const;

/** Bytes that an entry of a table maps. */
function spanOf(level: number): number {
  return 2 ** (12 + 9 * (level - 1));
}

/**
 * Shadow paging: for each page table of the guest that is used, a table for the processor with machine addresses in it, made
 * entry by entry as page faults ask for them. A guest table that has a shadow is write-protected, so that the two are always in
 * step. Rights are mirrored level by level; an entry exists only once the guest's has its accessed flag, and permits writes only
 * once it has its dirty flag, so that both flags are what the processor would have made them.
 */
export class ShadowPaging implements ShadowMemory {
  readonly statistics: ShadowStatistics = {
    hidden: 0,
    reflected: 0,
    traced: 0,
    device: 0,
    tablesBuilt: 0,
    tablesDropped: 0,
    tablesEvicted: 0,
  };
  readonly #tables: ShadowTables;
  readonly #spaces: ShadowSpace[] = [];
  /** Reads as all ones, as a bus does where nothing answers. */
  readonly #void: number;
  #window: { slot: number; frames: number[] } | null = null;

  constructor(private readonly resources: ShadowResources) {
    this.#tables = new ShadowTables(resources, resources.poolFrames ?? POOL_FRAMES, this.statistics);
    this.#void = resources.frames.allocate();
    resources.memory.fill(this.#void, PAGE_BYTES, 0xff);
  }

  addressSpace(): AddressSpace {
    const { resources, statistics } = this;
    const space = new ShadowSpace(resources, this.#tables, statistics, this.#void);
    this.#spaces.push(space);
    return space;
  }

  traced(guestPhysical: number): boolean {
    return this.#tables.traced(Math.floor(guestPhysical / PAGE_BYTES));
  }

  watch(guestPhysical: number): void {
    this.#tables.watch(Math.floor(guestPhysical / PAGE_BYTES));
    this.#tables.settle();
  }
  unwatch(guestPhysical: number): void {
    this.#tables.unwatch(Math.floor(guestPhysical / PAGE_BYTES));
  }

  written(guestPhysical: number, bytes: number): void {
    const end = guestPhysical + bytes;
    this.#tables.clock++;
    for (let at = guestPhysical; at < end;) {
      const page = Math.floor(at / PAGE_BYTES);
      const first = at - page * PAGE_BYTES;
      const last = Math.min(end - page * PAGE_BYTES, PAGE_BYTES) - 1;
      this.#tables.written(page, first, last);
      at = (page + 1) * PAGE_BYTES;
    }
    this.#tables.settle();
    const slot = this.#window?.slot;
    if (slot !== undefined && this.#spaces.some((space) => space.uses(slot)))
      this.resources.onConflict?.(slot);
  }

  setWindow(window: MonitorWindow | null): void {
    const tables = this.#tables;
    tables.clock++;
    for (const frame of this.#window?.frames ?? []) tables.giveFrame(frame);
    if (tables.window !== null)
      for (const { frame } of tables.roots())
        this.resources.memory.write64(frame + 8 * tables.window.slot, 0n);
    this.#window = tables.window = null;
    if (window !== null) this.#open(window);
    tables.markStale();
    tables.settle();
  }

  #open(window: MonitorWindow): void {
    const tables = this.#tables;
    const frames: number[] = [];
    const take = (): number => {
      const frame = tables.takeFrame();
      frames.push(frame);
      return frame;
    };
    const { slot } = window;
    const table = buildWindow(this.resources.memory, take, window);
    for (const root of tables.roots()) {
      tables.clear(root, slot);
      this.resources.memory.write64(root.frame + 8 * slot, BigInt(table | ALL_RIGHTS));
    }
    this.#window = { slot, frames };
    tables.window = { slot, table };
  }

  setLowRange(range: LowRange): void {
    const tables = this.#tables;
    tables.clock++;
    tables.low = new LowTables(this.resources.memory, () => this.resources.frames.allocate(), range);
    tables.markStale();
    tables.settle();
  }

  freeSlot(): number | null {
    for (let slot = 255; slot > 0; slot--) if (!this.#spaces.some((space) => space.uses(slot))) return slot;
    return null;
  }
}

/** One virtual CPU's tables. */
class ShadowSpace implements AddressSpace {
  readonly #walk: GuestWalk;
  #paging: GuestPaging = { cr0: 0, cr3: 0n, cr4: 0, efer: 0 };
  #role = 0;
  #root: ShadowTable | null = null;
  #hardware: HardwareMode = "pae";
  #splitsSeen = 0;

  constructor(
    private readonly resources: ShadowResources,
    private readonly tables: ShadowTables,
    private readonly statistics: ShadowStatistics,
    private readonly voidFrame: number,
  ) {
    this.#walk = new GuestWalk(resources.memory, resources.guestBase, resources.guestBytes);
  }

  load(paging: GuestPaging, hardware: HardwareMode): number {
    const { tables } = this;
    const mode = guestMode(paging);
    if (mode === "4-level" && hardware !== "4-level")
      throw new RangeError("a guest with 4-level paging needs the processor in IA-32e mode");
    tables.clock++;
    this.#paging = paging;
    this.#hardware = hardware;
    this.#role = roleOf(paging);
    const source: TableSource =
      mode === "4-level"
        ? { kind: "guest", frame: this.#frameOfCr3(), part: 0 }
        : { kind: "top", root: mode === "pae" ? paging.pdptes!.join() : `${this.#frameOfCr3()}` };
    const root = tables.get(source, hardware === "4-level" ? 4 : 3, this.#roleFor(source));
    root.pins++;
    if (this.#root !== null) this.#root.pins--;
    this.#root = root;
    tables.settle();
    const slot = tables.window?.slot;
    if (slot !== undefined && this.uses(slot)) this.resources.onConflict?.(slot);
    return root.frame;
  }

  /** Whether the guest's own hierarchy has anything in a PML4 entry. */
  uses(slot: number): boolean {
    if (this.#root === null) return false;
    if (guestMode(this.#paging) !== "4-level") return slot === 0;
    const entry = Number(this.#paging.cr3 & 0x7f_ffff_f000n) + 8 * slot;
    if (entry + 8 > this.resources.guestBytes) return true;
    return (this.resources.memory.read32(this.resources.guestBase + entry) & PAGE_PRESENT) !== 0;
  }

  splitPageChanged(): boolean {
    const changed = this.tables.splitsChanged !== this.#splitsSeen;
    this.#splitsSeen = this.tables.splitsChanged;
    return changed;
  }

  fault(access: FaultingAccess): FaultOutcome {
    this.tables.clock++;
    const outcome = this.#classify(access);
    if (outcome.kind === "hidden") this.statistics.hidden++;
    else if (outcome.kind === "reflect") this.statistics.reflected++;
    else if (outcome.kind === "traced") this.statistics.traced++;
    else this.statistics.device++;
    this.tables.settle();
    return outcome;
  }

  supplyLow(linear: number): "mapped" | "conflict" | "outside" {
    const { tables } = this;
    const { low } = tables;
    if (low === null || !low.contains(linear)) return "outside";
    tables.clock++;
    const walk = this.#walk;
    const found = walk.walk(this.#paging, linear) === FOUND;
    if (found && (walk.mode !== "unpaged" || linear < this.resources.guestBytes)) return "conflict";
    if (!found) walk.leaf = 0;
    let table = this.#root!;
    for (let level = table.level; level > 2; level--) {
      const index = Math.floor(linear / spanOf(level)) & (level === 3 && this.#hardware === "pae" ? 3 : 511);
      const source = this.#lowSource(table, linear);
      const role = this.#roleFor(source);
      const child = tables.child(table, index) ?? tables.get(source, level - 1, role);
      const guests = source.kind === "guest" && table.source.kind === "guest";
      tables.link(table, index, child, guests ? this.#linkFlags(table, level) : ALL_RIGHTS, 0);
      table = child;
    }
    tables.linkMonitor(table, Math.floor(linear / spanOf(2)) & 511, low.tableFor(linear));
    tables.settle();
    return "mapped";
  }

  /** What the guest has below an entry; where it has nothing, an empty table, which goes when the guest writes the entry. */
  #lowSource(table: ShadowTable, linear: number): TableSource {
    const { source, level } = table;
    const walk = this.#walk;
    if (source.kind === "top" && source.root !== EMPTY.root) {
      if (level === 4) return source;
      const entry = this.#paging.pdptes?.[Math.floor(linear / 2 ** 30) & 3] ?? 0n;
      if (walk.mode === "pae" && (entry & 1n) === 0n) return EMPTY;
      return this.#sourceBelowTop(Math.floor(linear / 2 ** 30) & 3);
    }
    if (source.kind === "guest" && (walk.low[level]! & PAGE_PRESENT) !== 0)
      return this.#sourceBelow(table, linear);
    return source.kind === "direct" ? this.#sourceBelow(table, linear) : EMPTY;
  }

  /** What the guest's own tables say decides; only an access that they permit can be one that the shadow was not ready for. */
  #classify(access: FaultingAccess): FaultOutcome {
    const walk = this.#walk;
    const linear = Number(access.linear & 0xffff_ffff_ffffn);
    const cause = walk.walk(this.#paging, linear);
    if (cause !== FOUND) return { kind: "reflect", errorCode: walk.errorCode(cause, access) };
    if (!walk.permits(access)) return { kind: "reflect", errorCode: walk.errorCode(FAULT_PRESENT, access) };
    const guestPhysical = walk.physical;
    const page = Math.floor(guestPhysical / PAGE_BYTES);
    const write = (access.errorCode & FAULT_WRITE) !== 0;
    if ((page + 1) * PAGE_BYTES > this.resources.guestBytes) {
      const device = this.resources.isDevice(page * PAGE_BYTES, PAGE_BYTES);
      if (device && (access.errorCode & FAULT_FETCH) !== 0)
        return { kind: "refused", why: jumped(guestPhysical) };
      if (device || write) return { kind: "device", guestPhysical };
    } else if (write && (!walk.writable || this.tables.traced(page)))
      return { kind: "traced", guestPhysical };
    if (this.#monitors(linear)) return { kind: "refused", why: hidden(access.linear) };
    walk.setAccessedDirty(write);
    const changed = this.#map(linear);
    // The processor, which knows which accesses are implicit, insists on SMAP.
    if (!changed && !walk.permits({ ...access, accessControl: false }))
      return { kind: "reflect", errorCode: walk.errorCode(FAULT_PRESENT, access) };
    return { kind: "hidden" };
  }

  /** The guest has a mapping of its own in the monitor's window, and the window stays there. */
  #monitors(linear: number): boolean {
    const slot = Math.floor(linear / 2 ** 39);
    if (this.#hardware !== "4-level" || this.tables.window?.slot !== slot) return false;
    this.resources.onConflict?.(slot);
    return this.tables.window?.slot === slot;
  }

  /**
   * Makes the entries for the walk just made, from the root down, as large as guest and host allow.
   * @returns whether any was not as it is now
   */
  #map(linear: number): boolean {
    const { tables } = this;
    let changed = false;
    let table = this.#root!;
    for (let level = table.level; ; level--) {
      const index = Math.floor(linear / spanOf(level)) & (level === 3 && this.#hardware === "pae" ? 3 : 511);
      const split = level === 2 && tables.child(table, index)?.source.kind === "direct";
      // Asked this late: a table on the way here may lie in the page.
      if (level === 1 || (level === 2 && !split && this.#mayBeLarge()))
        return this.#mapLeaf(table, index) || changed;
      const flags = this.#linkFlags(table, level);
      let child = tables.child(table, index);
      if (child === undefined) {
        const source = this.#sourceBelow(table, linear);
        child = tables.get(source, level - 1, this.#roleFor(source));
      }
      child.used = tables.clock;
      child.strays = 0;
      changed = tables.link(table, index, child, flags, this.#noExecute(table, level)) || changed;
      table = child;
    }
  }

  /** A page of at least 2 MiB in the guest, all of it RAM, aligned in the machine as well, and no table of the guest's in it. */
  #mayBeLarge(): boolean {
    const { guestBase, guestBytes } = this.resources;
    const region = Math.floor(this.#walk.physical / LARGE_PAGE_BYTES);
    if (this.#walk.leaf < 2 || guestBase % LARGE_PAGE_BYTES !== 0) return false;
    return (region + 1) * LARGE_PAGE_BYTES <= guestBytes && !this.tables.tracedIn(region);
  }

  #mapLeaf(table: ShadowTable, index: number): boolean {
    const { guestBase, guestBytes } = this.resources;
    const bytes = spanOf(table.level);
    const address = Math.floor(this.#walk.physical / bytes) * bytes;
    let flags = this.#leafFlags(table);
    if (table.level === 1 && this.tables.traced(address / PAGE_BYTES)) flags &= ~PAGE_WRITABLE;
    const nowhere = address + bytes > guestBytes;
    if (nowhere) flags &= ~PAGE_WRITABLE;
    const machine = nowhere ? this.voidFrame : guestBase + address;
    return this.tables.map(table, index, machine, flags, this.#noExecute(table, table.level));
  }

  /** Of the guest's entry, where the table is made from one of the guest's. */
  #leafFlags({ source, level }: ShadowTable): number {
    const walk = this.#walk;
    const always = PAGE_PRESENT | PAGE_ACCESSED | PAGE_DIRTY;
    if (source.kind === "direct") return always | ALL_RIGHTS | (source.global ? PAGE_GLOBAL : 0);
    return always | this.#rights(level) | (walk.global ? PAGE_GLOBAL : 0);
  }

  /** U/S and R/W of the guest's entry; no R/W before it is dirty if it maps a page. */
  #rights(level: number): number {
    const entry = this.#walk.low[level]!;
    const clean = level === this.#walk.leaf && !this.#walk.dirty;
    return entry & (clean ? PAGE_USER : PAGE_USER | PAGE_WRITABLE);
  }

  #linkFlags({ source }: ShadowTable, level: number): number {
    // A PDPTE of PAE paging has no rights: these bits are reserved (SDM 4.4.1).
    if (level === 3 && this.#hardware === "pae") return PAGE_PRESENT;
    if (source.kind !== "guest") return ALL_RIGHTS;
    return PAGE_PRESENT | PAGE_ACCESSED | this.#rights(level);
  }

  #noExecute({ source }: ShadowTable, level: number): number {
    return source.kind === "guest" ? (this.#walk.high[level]! & HIGH_NX) >>> 0 : 0;
  }

  /** What the table below an entry of `table` is made from. */
  #sourceBelow({ source, level }: ShadowTable, linear: number): TableSource {
    const walk = this.#walk;
    if (source.kind === "top")
      return level === 4 ? source : this.#sourceBelowTop(Math.floor(linear / 2 ** 30) & 3);
    const base = Math.floor(walk.physical / spanOf(level)) * spanOf(level);
    if (source.kind === "direct") return { ...source, base };
    if (level <= walk.leaf) return { kind: "direct", base, global: walk.global };
    const part = walk.mode === "32-bit" ? Math.floor(linear / LARGE_PAGE_BYTES) & 1 : 0;
    return { kind: "guest", frame: walk.tableAddress(level) / PAGE_BYTES, part };
  }

  /** The directory for one of the four GiB of a guest outside IA-32e mode. */
  #sourceBelowTop(gigabyte: number): TableSource {
    const { mode } = this.#walk;
    if (mode === "unpaged") return { kind: "direct", base: gigabyte * 2 ** 30, global: false };
    if (mode === "32-bit") return { kind: "guest", frame: this.#frameOfCr3(), part: gigabyte };
    const entry = this.#paging.pdptes![gigabyte]!;
    return { kind: "guest", frame: Number((entry & 0x7f_ffff_f000n) >> 12n), part: 0 };
  }

  #frameOfCr3(): number {
    const { cr0, cr3, efer } = this.#paging;
    const mode = guestMode({ cr0, cr3, cr4: 0, efer });
    if (mode === "unpaged") return 0;
    return Number((cr3 & (mode === "4-level" ? 0x7f_ffff_f000n : 0xffff_f000n)) >> 12n);
  }

  /** Memory in its own order means the same to every guest. */
  #roleFor({ kind }: TableSource): number {
    if (kind === "direct") return 0;
    return kind === "top" && this.#hardware === "4-level" ? this.#role | ROLE_IA32E : this.#role;
  }
}

function jumped(address: number): string {
  return `The guest jumped to the device at guest-physical 0x${address.toString(16)}.`;
}

function hidden(linear: bigint): string {
  return `The guest mapped linear address 0x${linear.toString(16)}, where the monitor is.`;
}
