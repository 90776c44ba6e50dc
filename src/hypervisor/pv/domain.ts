import { PAGE_LARGE, PAGE_PRESENT, PAGE_USER, PAGE_WRITABLE } from "../../spec/page-bits.js";
import * as P from "../../spec/paravirtual.js";
import type { DirectPaging } from "../memory/direct/direct-paging.js";
import { READ_ONLY } from "../memory/direct/frame-types.js";
import type { GuestMemory } from "../memory/guest-memory.js";
import { LARGE_PAGE_BYTES, PAGE_BYTES } from "../memory/layout.js";

/** What an image says of itself beside its bytes. Addresses are guest-physical. */
export interface PvImage {
  /** First page behind all that is loaded. */
  end: number;
  /** Where the four tables that map address 0 go, level 4 first; 0 for anywhere. */
  tables: number;
  commandLine: string;
}

/** Where things were placed. Addresses are guest-physical, and linear as well. */
export interface Domain {
  startInfo: number;
  sharedInfo: number;
  /** Frame of the level-4 table, in use. */
  root: number;
}

const LINK = PAGE_PRESENT | PAGE_WRITABLE | PAGE_USER;
const LEAF = PAGE_PRESENT | PAGE_WRITABLE;
const ENTRIES = 512;
const GIGABYTE = ENTRIES * LARGE_PAGE_BYTES;
const FOREIGN = 0xffff_ffff_ffff_ffffn;

/**
 * Places what a paravirtual guest finds at its start (spec/paravirtual) behind its image, and makes its first page tables. They
 * are validated like any that the guest makes itself.
 */
export class DomainBuilder {
  #next: number;

  constructor(
    private readonly memory: GuestMemory,
    private readonly paging: DirectPaging,
    private readonly image: PvImage,
    private readonly signature: string,
  ) {
    this.#next = Math.ceil(image.end / PAGE_BYTES) * PAGE_BYTES;
  }

  build(): Domain {
    const stack = this.#take(1);
    const startInfo = this.#take(1);
    const sharedInfo = this.#take(1);
    const [physicalToMachine, machineToPhysical] = this.#frameTables();
    const root = this.#pageTables();
    this.paging.keepWritable(sharedInfo / PAGE_BYTES);
    this.#writeStartInfo(startInfo, sharedInfo, root, physicalToMachine, machineToPhysical);
    if (startInfo !== stack + PAGE_BYTES) throw new Error("the stack is not before the start info");
    return { startInfo, sharedInfo, root: root / PAGE_BYTES };
  }

  /** Pages in a row. */
  #take(pages: number): number {
    const at = this.#next;
    this.#next += pages * PAGE_BYTES;
    if (this.#next > this.memory.size)
      throw new RangeError(
        `${this.memory.size / 2 ** 20} MiB of RAM do not hold the image and its page tables: give it more with --ram`,
      );
    this.memory.fill(at, pages * PAGE_BYTES, 0);
    return at;
  }

  get #frames(): number {
    return this.memory.size / PAGE_BYTES;
  }
  get #machineFrames(): number {
    return this.paging.addressOf(this.#frames) / PAGE_BYTES;
  }

  #frameTables(): [physicalToMachine: number, machineToPhysical: number] {
    const pages = (entries: number): number => Math.ceil((entries * 8) / PAGE_BYTES);
    const tables: [number, number] = [
      this.#take(pages(this.#frames)),
      this.#take(pages(this.#machineFrames)),
    ];
    const foreign = this.#machineFrames - this.#frames;
    for (let frame = 0; frame < this.#machineFrames; frame++)
      this.#write64(tables[1] + 8 * frame, frame < foreign ? FOREIGN : BigInt(frame - foreign));
    for (let frame = 0; frame < this.#frames; frame++)
      this.#write64(tables[0] + 8 * frame, BigInt(frame + foreign));
    for (let page = 0; page < pages(this.#machineFrames); page++)
      this.paging.keepReadOnly(tables[1] / PAGE_BYTES + page);
    return tables;
  }

  /** From the bottom up, like any guest: a table is checked when it is taken into use. @returns the level-4 table */
  #pageTables(): number {
    const { size } = this.memory;
    const directories = Math.ceil(size / GIGABYTE);
    const [root, pointers, directory, first] = this.#firstTables();
    const more = Array.from({ length: directories - 1 }, () => this.#take(1));
    const level2 = [directory, ...more];
    // The tables of level 1 lie in the region that they map.
    const level1 = new Map([[0, first]]);
    for (let region = 1; region * LARGE_PAGE_BYTES < this.#next; region++) level1.set(region, this.#take(1));
    if (size % LARGE_PAGE_BYTES !== 0) {
      const last = Math.floor(size / LARGE_PAGE_BYTES);
      if (!level1.has(last)) level1.set(last, this.#take(1));
    }
    const tables = [root, pointers, ...level2, ...level1.values()];
    const kept = new Set(tables.map((table) => table / PAGE_BYTES));
    const readOnly = (frame: number): boolean =>
      kept.has(frame) || this.paging.types.type(frame) === READ_ONLY;

    for (const [region, table] of level1) this.#mapSmall(table, region, readOnly);
    for (let region = 0; region * LARGE_PAGE_BYTES < size; region++)
      this.#mapRegion(
        level2[Math.floor(region / ENTRIES)] + 8 * (region % ENTRIES),
        region,
        level1.get(region),
      );
    level2.forEach((table, i) => this.#link(pointers + 8 * i, table));
    this.#link(root, pointers);

    for (const table of level1.values()) this.#validate(table, 1);
    for (const table of level2) this.#validate(table, 2);
    this.#validate(pointers, 3);
    this.#validate(root, 4);
    for (const table of tables) if (table !== root) this.paging.dropTable(table / PAGE_BYTES);
    return root;
  }

  #firstTables(): number[] {
    const at = this.image.tables === 0 ? this.#take(4) : this.image.tables;
    this.memory.fill(at, 4 * PAGE_BYTES, 0);
    return [0, 1, 2, 3].map((i) => at + i * PAGE_BYTES);
  }

  #validate(table: number, level: 1 | 2 | 3 | 4): void {
    const error = this.paging.useTable(table / PAGE_BYTES, level, true);
    if (error !== 0) throw new Error(`the first table of level ${level} is refused with ${error}`);
  }

  #mapSmall(table: number, region: number, readOnly: (frame: number) => boolean): void {
    for (let i = 0; i < ENTRIES; i++) {
      const frame = region * ENTRIES + i;
      if (frame >= this.#frames) return;
      this.#write64(
        table + 8 * i,
        BigInt(this.paging.addressOf(frame) | (readOnly(frame) ? PAGE_PRESENT : LEAF)),
      );
    }
  }
  #mapRegion(entry: number, region: number, table: number | undefined): void {
    if (table !== undefined) this.#link(entry, table);
    else this.#write64(entry, BigInt(this.paging.addressOf(region * ENTRIES)) | BigInt(LEAF | PAGE_LARGE));
  }
  #link(entry: number, table: number): void {
    this.#write64(entry, BigInt(this.paging.addressOf(table / PAGE_BYTES)) | BigInt(LINK));
  }

  #writeStartInfo(
    at: number,
    sharedInfo: number,
    root: number,
    physicalToMachine: number,
    machineToPhysical: number,
  ): void {
    const machine = (address: number): number => this.paging.addressOf(address / PAGE_BYTES);
    this.#text(at + P.START_MAGIC, P.START_MAGIC_TEXT);
    this.#text(at + P.START_SIGNATURE, this.signature);
    this.#text(at + P.START_COMMAND_LINE, this.image.commandLine);
    const numbers: [offset: number, value: number][] = [
      [P.START_FRAMES, this.#frames],
      [P.START_SHARED_INFO, sharedInfo],
      [P.START_SHARED_INFO_MACHINE, machine(sharedInfo)],
      [P.START_CR3, machine(root)],
      [P.START_PHYSICAL_TO_MACHINE, physicalToMachine],
      [P.START_MACHINE_TO_PHYSICAL, machineToPhysical],
      [P.START_MACHINE_FRAMES, this.#machineFrames],
      [P.START_FREE, this.#next],
    ];
    for (const [offset, value] of numbers) this.#write64(at + offset, BigInt(value));
  }

  #text(at: number, text: string): void {
    this.memory.write(at, new TextEncoder().encode(text).subarray(0, P.COMMAND_LINE_BYTES - 1));
  }
  #write64(at: number, value: bigint): void {
    this.memory.write(at, new Uint8Array(BigUint64Array.of(value).buffer));
  }
}
