import type { Member } from "../src/grading/realm/facade.js";
import { PAGE_BYTES } from "../src/hypervisor/memory/layout.js";
import type { MemoryResources } from "../src/hypervisor/memory/memory-virtualizer.js";

/**
 * Frames of the hypervisor in which a part keeps tables of its own: it reads and writes their entries, and no other memory of the
 * machine.
 */
export class TableFrames {
  /** Machine-physical addresses of those that are taken, the first one first. */
  readonly taken = new Set<number>();
  /** What the part's facade offers of them; an entry is a u64 at a machine-physical address. */
  readonly members: Readonly<Record<"allocateTable" | "read64" | "write64", Member>>;

  /**
   * @param title - the name by which the part knows its facade
   * @param most - frames that may be taken at a time
   * @param resources - the VM's, once it has begun
   */
  constructor(
    private readonly title: string,
    private readonly most: number,
    private readonly resources: () => MemoryResources,
  ) {
    this.members = {
      allocateTable: { parameters: "", call: () => this.allocate() },
      read64: {
        parameters: "address: number",
        call: (address: number) => resources().memory.read64(this.#entry(address)),
      },
      write64: {
        parameters: "address: number, entry: bigint",
        call: (address: number, entry: bigint) => resources().memory.write64(this.#entry(address), entry),
      },
    };
  }

  /**
   * Takes a zeroed frame.
   * @throws RangeError when all are taken
   */
  allocate(): number {
    if (this.taken.size >= this.most)
      throw new RangeError(`${this.title}.allocateTable: all ${this.most} frames are taken`);
    const table = this.resources().frames.allocate();
    this.taken.add(table);
    return table;
  }

  #entry(address: number): number {
    if (address % 8 !== 0 || !this.taken.has(address - (address % PAGE_BYTES)))
      throw new RangeError(`${this.title}: 0x${address.toString(16)} is no entry of the part's tables`);
    return address;
  }
}
