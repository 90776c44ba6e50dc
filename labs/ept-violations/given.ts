/**
 * What your part is given. Machine addresses and guest-physical addresses are numbers, entries of tables are bigints.
 * @module
 */

/** The guest-physical memory of one VM: its extended page tables, and the machine's memory that is behind them. */
export interface Ept {
  /** Machine address of the EPT PML4 table. The processor walks it; it is empty at the start. */
  readonly root: number;
  /** The guest's RAM is guest-physical 0 … ramBytes − 1, a multiple of 4096. */
  readonly ramBytes: number;
  /** A frame for another table, filled with zeros: its machine address. Throws when the hypervisor has none left. */
  allocateTable(): number;
  /** An entry of {@link Ept.root} or of an allocated table, by its machine address. */
  read64(address: number): bigint;
  write64(address: number, entry: bigint): void;
  /**
   * Gives the guest the frame that is to be behind a page of its RAM. From then on it takes 4 KiB of the machine.
   * @param page - guest-physical, a multiple of 4096
   * @returns the frame's machine address
   */
  allot(page: number): number;
  /** INVEPT: the processor forgets all that it has cached of these tables (SDM Vol. 3, 29.4.3.1). */
  invept(): void;
  /** Tells whoever asked for the dirty pages of one: its guest-physical address. */
  report(page: number): void;
}

/** "mapped": enter the guest, which executes the instruction again. "emulate": carry it out in software, with the VM's devices. "refused": the VM ends. */
export type Answer = "mapped" | "emulate" | "refused";
