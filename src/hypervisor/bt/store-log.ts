import type { PhysicalMemory } from "../../machine/physical-memory.js";
import { FAULT_WRITE } from "../../spec/page-bits.js";
import type { GuestMemory } from "../memory/guest-memory.js";
import { FOUND, GuestWalk, type GuestPaging } from "../memory/guest-walk.js";
import { PAGE_BYTES } from "../memory/layout.js";
import type { MonitorRange } from "../memory/shadow/shadow-memory.js";
import * as L from "./layout.js";

/** A tag that no address has. */
const NO_TAG = 1n;
const TAG_BYTES = 256;
const TAGS_IN_PAGE = PAGE_BYTES / TAG_BYTES;
/** Bytes of a store at most. */
const STORE_BYTES = 8;

/** A page table of the guest's that translated code writes by itself. */
interface Alias {
  /** Linear, the guest's; null: no address leads here now. */
  linear: bigint | null;
  /** Guest-physical. */
  page: number;
}

/**
 * Page tables that translated code writes without leaving the cache (logged-store.ts): where each is mapped a second time, and
 * the log of what was written. Between a store and the monitor's next look at the log the shadow is out of date, as a TLB is:
 * whatever makes a processor look at its tables again (a fault, INVLPG, MOV to CR3) brings the monitor in, and it reads the log
 * first.
 *
 * The log is on the state page, where the guest can write too. What it says is taken for no more than a hint which of the guest's
 * own entries to look at again; where the aliases lead is in read-only memory, and they are all the guest's own tables.
 */
export class StoreLog {
  readonly #aliases: (Alias | null)[] = new Array<Alias | null>(L.ALIASES).fill(null);
  readonly #walk: GuestWalk;

  /**
   * @param cache - machine-physical address of the cache
   * @param base - linear address of the cache in the monitor's window
   * @param onMap - the {@link ranges} have changed
   */
  constructor(
    private readonly memory: PhysicalMemory,
    private readonly guestMemory: GuestMemory,
    private readonly cache: number,
    private base: bigint,
    private readonly onMap: () => void,
  ) {
    this.#walk = new GuestWalk(memory, guestMemory.base, guestMemory.size);
    this.moveTo(base);
  }

  /** What to map in the monitor's window: each alias a page, with nothing behind it. */
  get ranges(): MonitorRange[] {
    return this.#aliases.flatMap((alias, slot) => {
      if (alias === null) return [];
      const machine = this.guestMemory.base + alias.page;
      const linear = this.#address(slot);
      return [{ linear, machine, bytes: PAGE_BYTES, writable: true, executable: false, user: false }];
    });
  }

  /** The cache is elsewhere in the monitor's window from here on. */
  moveTo(base: bigint): void {
    this.base = base;
    this.#aliases.fill(null);
    for (let at = 0; at < L.STORE_TABLE_BYTES; at += 8) this.#write(L.STORE_TAGS + at, NO_TAG);
    this.#write(L.LOG_NEXT, this.#first);
  }

  /** From now on stores to a page go through an alias, unless another page has its place. */
  add(linear: bigint, page: number): void {
    const slot = Number((linear >> 12n) & BigInt(L.ALIASES - 1));
    const alias = this.#aliases[slot]!;
    if (alias !== null && alias.linear !== null) return;
    this.#aliases[slot] = { linear, page };
    if (alias?.page !== page) this.onMap();
    this.#fill(slot, (i) => BigInt.asUintN(64, -(linear + BigInt(TAG_BYTES * i))));
    const distance = BigInt.asUintN(64, this.#address(slot) - linear);
    for (let i = 0; i < TAGS_IN_PAGE; i++) this.#write(L.STORE_ALIASES + this.#entry(slot, i), distance);
  }

  /** Linear addresses may mean something else: those that do not lead to their page any more, writable and dirty, go. */
  verify(paging: GuestPaging): void {
    const root = Number(paging.cr3 & 0x7f_ffff_f000n);
    const walk = this.#walk;
    const access = { errorCode: FAULT_WRITE, accessControl: false };
    this.#aliases.forEach((alias, slot) => {
      if (alias === null || alias.linear === null) return;
      const linear = alias.linear;
      const found = walk.walk(paging, Number(BigInt.asUintN(48, linear))) === FOUND;
      const same = found && walk.physical === alias.page && alias.page !== root;
      if (!same || !walk.permits({ linear, ...access }) || !walk.dirty) this.#drop(slot);
    });
  }

  /** A page has become something else, code for instance. */
  drop(page: number): void {
    this.#aliases.forEach((alias, slot) => {
      if (alias?.page === page) this.#drop(slot);
    });
  }

  /** Reads the log and empties it. @returns guest-physical addresses of stores of up to 8 bytes */
  drain(): number[] {
    const next = this.memory.read64(this.cache + L.LOG_NEXT);
    this.#full = false;
    if (next === this.#first) return [];
    const bytes = Number(next - this.#first);
    const within = bytes > 0 && bytes <= L.LOG_BYTES;
    const count = within ? bytes >> 3 : L.LOG_BYTES / 8;
    this.#full = !within || bytes === L.LOG_BYTES;
    const stores: number[] = [];
    for (let i = 0; i < count; i++) {
      const store = this.#target(this.memory.read64(this.cache + L.LOG + 8 * i));
      if (store !== null) stores.push(store);
    }
    this.#write(L.LOG_NEXT, this.#first);
    return stores;
  }

  /** A fault there with a full log, which has just been read, is that of a note that found no room. */
  isEnd(linear: bigint): boolean {
    return this.#full && linear === BigInt.asUintN(64, this.#first + BigInt(L.LOG_BYTES));
  }
  #full = false;
  /** A fault there means that a store reaches beyond the end of a page table. */
  isBehindAlias(linear: bigint): boolean {
    const offset = linear - this.base - BigInt(L.ALIASES_IN_CACHE);
    return offset >= 0n && offset < BigInt(L.ALIASES * L.ALIAS_STRIDE);
  }

  get #first(): bigint {
    return BigInt.asUintN(64, this.base + BigInt(L.LOG));
  }
  #address(slot: number): bigint {
    return BigInt.asUintN(64, this.base + BigInt(L.ALIASES_IN_CACHE + slot * L.ALIAS_STRIDE));
  }

  #target(address: bigint): number | null {
    if (!this.isBehindAlias(address)) return null;
    const offset = Number(address - this.base) - L.ALIASES_IN_CACHE;
    const alias = this.#aliases[Math.floor(offset / L.ALIAS_STRIDE)] ?? null;
    const within = offset % L.ALIAS_STRIDE;
    return alias === null || within > PAGE_BYTES - STORE_BYTES ? null : alias.page + within;
  }

  #drop(slot: number): void {
    this.#aliases[slot]!.linear = null;
    this.#fill(slot, () => NO_TAG);
  }

  #fill(slot: number, tag: (i: number) => bigint): void {
    for (let i = 0; i < TAGS_IN_PAGE; i++) this.#write(L.STORE_TAGS + this.#entry(slot, i), tag(i));
  }
  #entry(slot: number, i: number): number {
    return 8 * (slot * TAGS_IN_PAGE + i);
  }
  #write(field: number, value: bigint): void {
    this.memory.write64(this.cache + field, value);
  }
}
