import { plainFacade, type Facade } from "../../src/grading/realm/facade.js";
import type { GuestPaging } from "../../src/hypervisor/memory/guest-walk.js";
import { PAGE_BYTES } from "../../src/hypervisor/memory/layout.js";
import type { MemoryResources } from "../../src/hypervisor/memory/memory-virtualizer.js";

/** Frames that the hypervisor has for shadow tables. */
const MOST_TABLES = 192;
const ALL_ONES = 0xffff_ffff_ffff_ffffn;

/** The host's side of {@link Shadow}. */
export class ShadowFacade implements Facade {
  readonly source: string;
  readonly calls: Facade["calls"];
  /** Machine addresses of the shadow tables. */
  readonly tables = new Set<number>();
  paging: GuestPaging = { cr0: 0, cr3: 0n, cr4: 0, efer: 0 };
  flushes = 0;
  #vm: MemoryResources | null = null;

  constructor() {
    const vm = (): MemoryResources => this.#vm!;
    const { source, calls } = plainFacade("shadow", {
      cr0: { get: () => this.paging.cr0 },
      cr3: { get: () => this.paging.cr3 },
      ramBytes: { get: () => vm().guestBytes },
      readGuest: {
        parameters: "address: number",
        call: (address: number) =>
          this.#inRam(address, 8) ? vm().memory.read64(vm().guestBase + address) : ALL_ONES,
      },
      writeGuest: {
        parameters: "address: number, value: bigint",
        call: (address: number, value: bigint) => {
          if (this.#inRam(address, 8)) vm().memory.write64(vm().guestBase + address, value);
        },
      },
      machineOf: {
        parameters: "page: number",
        call: (page: number) => {
          if (page % PAGE_BYTES !== 0 || !this.#inRam(page, PAGE_BYTES))
            throw new RangeError(`shadow.machineOf: 0x${page.toString(16)} is no page of the guest's RAM`);
          return vm().guestBase + page;
        },
      },
      allocateTable: { parameters: "", call: () => this.#allocateTable() },
      read64: {
        parameters: "address: number",
        call: (address: number) => vm().memory.read64(this.#entry(address)),
      },
      write64: {
        parameters: "address: number, entry: bigint",
        call: (address: number, entry: bigint) => vm().memory.write64(this.#entry(address), entry),
      },
      flush: {
        parameters: "",
        call: () => {
          this.flushes++;
          vm().flush();
        },
      },
    });
    this.source = source;
    this.calls = calls;
  }

  begin(resources: MemoryResources): void {
    this.#vm = resources;
    this.tables.clear();
  }

  /** The table that the part names for CR3. */
  tableAt(address: number): number {
    if (this.tables.has(address)) return address;
    throw new RangeError(`enterSpace returned 0x${address.toString(16)}, which is no shadow table`);
  }

  #allocateTable(): number {
    if (this.tables.size >= MOST_TABLES)
      throw new RangeError(`shadow.allocateTable: all ${MOST_TABLES} frames are taken`);
    const table = this.#vm!.frames.allocate();
    this.tables.add(table);
    return table;
  }

  #entry(address: number): number {
    if (address % 8 !== 0 || !this.tables.has(address - (address % PAGE_BYTES)))
      throw new RangeError(`shadow: 0x${address.toString(16)} is no entry of the VM's shadow tables`);
    return address;
  }

  #inRam(address: number, bytes: number): boolean {
    return address >= 0 && address + bytes <= this.#vm!.guestBytes;
  }
}
