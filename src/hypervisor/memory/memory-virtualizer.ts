/** How an access of the guest to an address without a translation was dealt with. */
export type ViolationOutcome =
  /** A translation exists now: execute the instruction again. */
  | { kind: "mapped" }
  /** The access cannot be emulated. */
  | { kind: "refused"; why: string };

/** The part that gives a VM its physical memory. */
export interface MemoryVirtualizer {
  /** Value of the VMCS field EPT_POINTER (SDM 25.6.11). */
  readonly eptPointer: bigint;
  /**
   * An EPT violation (SDM 28.2.1).
   * @param address - guest-physical
   * @param qualification - exit qualification, table 28-7
   */
  violation(address: bigint, qualification: number): ViolationOutcome;
}
