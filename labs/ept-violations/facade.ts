import type { HostCall } from "../../src/grading/realm/crossing.js";
import { plainFacade, type Facade } from "../../src/grading/realm/facade.js";
import { PAGE_BYTES } from "../../src/hypervisor/memory/layout.js";
import type { MemoryResources } from "../../src/hypervisor/memory/memory-virtualizer.js";
import { TableFrames } from "../table-frames.js";

/** Frames that the hypervisor has for tables: many more than a guest of some MiB needs. */
const MOST_TABLES = 64;

/** The host's side of {@link Ept}, and what it has seen of the run that is going on. */
export class EptFacade implements Facade {
  readonly source: string;
  readonly calls: Readonly<Record<string, HostCall>>;
  /** The root first. */
  readonly tables = new TableFrames("ept", MOST_TABLES, () => this.#resources!);
  /** Pages that have been allotted so far. */
  readonly pages = new Set<number>();
  allotted: number[] = [];
  reported: number[] = [];
  flushes = 0;
  #resources: MemoryResources | null = null;

  constructor() {
    const vm = (): MemoryResources => this.#resources!;
    const { source, calls } = plainFacade("ept", {
      root: { get: () => [...this.tables.taken][0] },
      ramBytes: { get: () => vm().guestBytes },
      ...this.tables.members,
      allot: { parameters: "page: number", call: (page: number) => this.#allot(page) },
      invept: {
        parameters: "",
        call: () => {
          this.flushes++;
          vm().flush();
        },
      },
      report: { parameters: "page: number", call: (page: number) => void this.reported.push(page) },
    });
    this.source = source;
    this.calls = calls;
  }

  /** @returns the root */
  begin(resources: MemoryResources): number {
    this.#resources = resources;
    this.tables.taken.clear();
    this.pages.clear();
    this.next();
    return this.tables.allocate();
  }

  /** Another run of the part begins. */
  next(): void {
    this.allotted = [];
    this.reported = [];
    this.flushes = 0;
  }

  #allot(page: number): number {
    const { guestBase, guestBytes } = this.#resources!;
    if (page % PAGE_BYTES !== 0 || page < 0 || page >= guestBytes)
      throw new RangeError(`ept.allot: 0x${page.toString(16)} is no page of the guest's RAM`);
    this.allotted.push(page);
    this.pages.add(page);
    return guestBase + page;
  }
}
