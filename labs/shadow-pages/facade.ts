import { plainFacade, type Facade } from "../../src/grading/realm/facade.js";
import type { GuestPaging } from "../../src/hypervisor/memory/guest-walk.js";
import { PAGE_BYTES } from "../../src/hypervisor/memory/layout.js";
import type { MemoryResources } from "../../src/hypervisor/memory/memory-virtualizer.js";
import { TableFrames } from "../table-frames.js";

/** Frames that the hypervisor has for shadow tables. */
const MOST_TABLES = 192;
const ALL_ONES = 0xffff_ffff_ffff_ffffn;

/** The host's side of {@link Shadow}. */
export class ShadowFacade implements Facade {
  readonly source: string;
  readonly calls: Facade["calls"];
  readonly tables = new TableFrames("shadow", MOST_TABLES, () => this.#vm!);
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
      ...this.tables.members,
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
    this.tables.taken.clear();
  }

  /** The table that the part names for CR3. */
  tableAt(address: number): number {
    if (this.tables.taken.has(address)) return address;
    throw new RangeError(`enterSpace returned 0x${address.toString(16)}, which is no shadow table`);
  }

  #inRam(address: number, bytes: number): boolean {
    return address >= 0 && address + bytes <= this.#vm!.guestBytes;
  }
}
