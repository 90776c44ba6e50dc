/**
 * What your part is given. Addresses are numbers, entries of page tables are bigints; linear addresses have 64 bits.
 * @module
 */

/** The memory of one VM without nested paging: its page tables, and those that the processor uses in their place. */
export interface Shadow {
  /** The guest's own CR0 and CR3: WP, and the guest-physical address of its PML4 table in bits 38:12. */
  readonly cr0: number;
  readonly cr3: bigint;
  /** The guest's RAM is guest-physical 0 … ramBytes − 1, a multiple of 4096. */
  readonly ramBytes: number;
  /** Eight bytes of guest-physical memory; all ones where there is no RAM. */
  readGuest(address: number): bigint;
  /** … for the flags that the processor would set in the guest's tables. Where there is no RAM nothing happens. */
  writeGuest(address: number, value: bigint): void;
  /** Machine address of the frame behind a page of the guest's RAM. */
  machineOf(page: number): number;
  /** A frame for a shadow table, filled with zeros: its machine address. Throws when the hypervisor has none left. */
  allocateTable(): number;
  /** An entry of a shadow table, by its machine address. */
  read64(address: number): bigint;
  write64(address: number, entry: bigint): void;
  /** The processor forgets all translations of this VM. */
  flush(): void;
}

/**
 * "hidden": execute the instruction again, the guest has noticed nothing. "emulate": carry it out in software. "refused": the VM
 * ends. A number: the guest gets #PF with this error code.
 */
export type Answer = "hidden" | "emulate" | "refused" | number;
