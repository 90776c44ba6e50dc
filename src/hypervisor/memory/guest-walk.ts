import type { PhysicalMemory } from "../../machine/physical-memory.js";
import {
  CR0_PG,
  CR0_WP,
  CR4_PAE,
  CR4_PSE,
  CR4_SMAP,
  CR4_SMEP,
  EFER_LMA,
  EFER_NXE,
} from "../../spec/control-bits.js";
import {
  FAULT_FETCH,
  FAULT_PRESENT,
  FAULT_RESERVED,
  FAULT_USER,
  FAULT_WRITE,
  PAGE_ACCESSED,
  PAGE_DIRTY,
  PAGE_GLOBAL,
  PAGE_LARGE,
  PAGE_PRESENT,
  PAGE_USER,
  PAGE_WRITABLE,
} from "../../spec/page-bits.js";

/** The registers that decide how the guest's linear addresses are translated, as the guest itself sees them. */
export interface GuestPaging {
  cr0: number;
  /** Guest-physical, with the bits 11:0 that the guest wrote. */
  cr3: bigint;
  cr4: number;
  efer: number;
  /** The four PDPTE registers of PAE paging (SDM 4.4.1), which only a load of CR3, CR0 or CR4 changes; else absent. */
  pdptes?: readonly bigint[];
}

/** An access that raised #PF. */
export interface FaultingAccess {
  linear: bigint;
  /** Pushed by the processor (SDM 4.7): P, W/R, U/S, RSVD, I/D. */
  errorCode: number;
  /**
   * For a supervisor access to a user page under CR4.SMAP: EFLAGS.AC is set and the access was not an implicit one (SDM 4.6.1;
   * one made at CPL 3 is).
   */
  accessControl: boolean;
}

/** The guest's paging mode (SDM Vol. 3, 4.1.1). */
export type GuestMode = "unpaged" | "32-bit" | "pae" | "4-level";

export function guestMode({ cr0, cr4, efer }: GuestPaging): GuestMode {
  if ((cr0 & CR0_PG) === 0) return "unpaged";
  if ((efer & EFER_LMA) !== 0) return "4-level";
  return (cr4 & CR4_PAE) !== 0 ? "pae" : "32-bit";
}

/** Bits 63:32 of an entry: NX; bits at and above MAXPHYADDR = 39; in PAE paging also those that 4-level paging ignores. */
export const HIGH_NX = 0x8000_0000;
const HIGH_ABOVE_PHYSICAL = 0x000f_ff80;
const HIGH_IGNORED = 0x7ff0_0000;
export const HIGH_ADDRESS = 0x7f;
const ADDRESS_LOW = 0xffff_f000;
/** Bits 20:13 of a 4-MByte page's entry are bits 39:32 of its address, of which bit 39 is reserved, as is bit 21 (PSE-36). */
const PSE36_RESERVED = 0x30_0000;
const ALL_ONES = 0xffff_ffff;

/** A translation was found. Any other result of a walk is the cause in a page-fault error code (SDM 4.7). */
export const FOUND = -1;

/**
 * A walk of the guest's own tables as the processor would make it (SDM Vol. 3, 4.3–4.6), in software. What is not RAM reads as
 * all ones, as it does for the processor. Levels are those of the processor's tables: 4 PML4 … 1 page table; a directory of
 * 32-bit paging is level 2.
 */
export class GuestWalk {
  mode: GuestMode = "unpaged";
  /** Level of the entry that maps the page; of a guest without paging 4: all is one page. */
  leaf = 4;
  /** Guest-physical address of the byte. */
  physical = 0;
  writable = false;
  user = false;
  noExecute = false;
  /** By level: guest-physical address of the entry used, and its halves. */
  readonly address = [0, 0, 0, 0, 0];
  readonly low = new Uint32Array(5);
  readonly high = new Uint32Array(5);
  #paging: GuestPaging = { cr0: 0, cr3: 0n, cr4: 0, efer: 0 };

  /**
   * @param base - machine-physical address of guest-physical 0
   * @param bytes - of guest RAM
   */
  constructor(
    private readonly memory: PhysicalMemory,
    private readonly base: number,
    private readonly bytes: number,
  ) {}

  /** Walks for a linear address, given by its low 48 bits. @returns {@link FOUND}, or P and RSVD of the page fault */
  walk(paging: GuestPaging, linear: number): number {
    this.#paging = paging;
    this.mode = guestMode(paging);
    this.writable = this.user = true;
    this.noExecute = false;
    if (this.mode === "unpaged") {
      this.leaf = 4;
      this.physical = linear % 2 ** 32;
      return FOUND;
    }
    let table = this.#root(linear);
    if (table < 0) return 0;
    for (let level = this.mode === "4-level" ? 4 : 2; ; level--) {
      this.#read(level, table, linear);
      const entry = this.low[level]!;
      if ((entry & PAGE_PRESENT) === 0) return 0;
      if (this.#reserved(level)) return FAULT_PRESENT | FAULT_RESERVED;
      this.writable &&= (entry & PAGE_WRITABLE) !== 0;
      this.user &&= (entry & PAGE_USER) !== 0;
      this.noExecute ||= (this.high[level]! & HIGH_NX) !== 0;
      if (level === 1 || this.#isLarge(level)) {
        this.leaf = level;
        this.physical = this.#pageAddress(level, linear);
        return FOUND;
      }
      table = this.tableAddress(level);
    }
  }

  /** Guest-physical address of the table that the entry of `level` leads to. */
  tableAddress(level: number): number {
    return (this.high[level]! & HIGH_ADDRESS) * 2 ** 32 + ((this.low[level]! & ADDRESS_LOW) >>> 0);
  }

  get global(): boolean {
    return this.mode !== "unpaged" && (this.low[this.leaf]! & PAGE_GLOBAL) !== 0;
  }
  get dirty(): boolean {
    return this.mode === "unpaged" || (this.low[this.leaf]! & PAGE_DIRTY) !== 0;
  }

  /** Whether the translation found permits the access (SDM 4.6.1). */
  permits({ errorCode, accessControl }: FaultingAccess): boolean {
    if (this.mode === "unpaged") return true;
    const { cr0, cr4 } = this.#paging;
    const write = (errorCode & FAULT_WRITE) !== 0;
    const fetch = (errorCode & FAULT_FETCH) !== 0;
    if (fetch && this.noExecute) return false;
    if ((errorCode & FAULT_USER) !== 0) return this.user && (!write || this.writable);
    if (write && !this.writable && (cr0 & CR0_WP) !== 0) return false;
    if (!this.user) return true;
    if (fetch) return (cr4 & CR4_SMEP) === 0;
    return (cr4 & CR4_SMAP) === 0 || accessControl;
  }

  /** The error code as the guest's processor would push it (SDM 4.7): it tells of fetches only under SMEP or with NX. */
  errorCode(cause: number, { errorCode }: FaultingAccess): number {
    const { cr4, efer } = this.#paging;
    const told = (cr4 & CR4_SMEP) !== 0 || ((cr4 & CR4_PAE) !== 0 && (efer & EFER_NXE) !== 0);
    return cause | (errorCode & (FAULT_WRITE | FAULT_USER | (told ? FAULT_FETCH : 0)));
  }

  /** Sets the accessed flags of the entries used and, for a write, the dirty flag of the last (SDM 4.8). */
  setAccessedDirty(write: boolean): void {
    if (this.mode === "unpaged") return;
    for (let level = this.mode === "4-level" ? 4 : 2; level >= this.leaf; level--) {
      const flags = write && level === this.leaf ? PAGE_ACCESSED | PAGE_DIRTY : PAGE_ACCESSED;
      const entry = this.low[level]!;
      const address = this.address[level]!;
      if ((entry & flags) === flags || address + 4 > this.bytes) continue;
      this.low[level] = entry | flags;
      this.memory.write32(this.base + address, this.low[level]!);
    }
  }

  /** Guest-physical address of the first table in memory; −1: its PDPTE is not present. */
  #root(linear: number): number {
    const { cr3, pdptes } = this.#paging;
    if (this.mode === "4-level") return Number(cr3 & 0x7f_ffff_f000n);
    if (this.mode === "32-bit") return Number(cr3 & 0xffff_f000n);
    const entry = pdptes?.[Math.floor(linear / 2 ** 30) & 3] ?? 0n;
    return (entry & 1n) === 0n ? -1 : Number(entry & 0x7f_ffff_f000n);
  }

  #read(level: number, table: number, linear: number): void {
    const wide = this.mode !== "32-bit";
    const shift = wide ? 12 + 9 * (level - 1) : 12 + 10 * (level - 1);
    const index = Math.floor(linear / 2 ** shift) & (wide ? 511 : 1023);
    const address = (this.address[level] = table + index * (wide ? 8 : 4));
    const inRam = address + 8 <= this.bytes || (!wide && address + 4 <= this.bytes);
    this.low[level] = inRam ? this.memory.read32(this.base + address) : ALL_ONES;
    if (!wide) this.high[level] = 0;
    else this.high[level] = inRam ? this.memory.read32(this.base + address + 4) : ALL_ONES;
  }

  #isLarge(level: number): boolean {
    if ((this.low[level]! & PAGE_LARGE) === 0 || level === 4) return false;
    return this.mode !== "32-bit" || (this.#paging.cr4 & CR4_PSE) !== 0;
  }

  /** SDM 4.3, 4.4.2, 4.5.4. */
  #reserved(level: number): boolean {
    const low = this.low[level]!;
    if (this.mode === "32-bit") return level === 2 && this.#isLarge(2) && (low & PSE36_RESERVED) !== 0;
    let high = HIGH_ABOVE_PHYSICAL;
    if ((this.#paging.efer & EFER_NXE) === 0) high |= HIGH_NX;
    if (this.mode === "pae") high |= HIGH_IGNORED;
    if ((this.high[level]! & high) !== 0) return true;
    if ((low & PAGE_LARGE) === 0 || level === 1) return false;
    if (level === 4) return true;
    return (low & (level === 3 ? 0x3fff_e000 : 0x001f_e000)) !== 0;
  }

  #pageAddress(level: number, linear: number): number {
    if (this.mode === "32-bit" && level === 2) {
      const low = this.low[2]!;
      return ((low >>> 13) & 0xff) * 2 ** 32 + ((low & 0xffc0_0000) >>> 0) + (linear % 2 ** 22);
    }
    const size = 2 ** (12 + 9 * (level - 1));
    const address = this.tableAddress(level);
    return address - (address % size) + (linear % size);
  }
}
