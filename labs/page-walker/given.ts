/**
 * What your part is given: the processor whose addresses it translates.
 * @module
 */

export interface Processor {
  /** Control registers: WP is in CR0; PGE and PCIDE are in CR4. SMEP and SMAP are off, IA32_EFER.NXE is on. */
  readonly cr0: number;
  readonly cr4: number;
  /** Address of the PML4 table in bits 38:12; with CR4.PCIDE the PCID in bits 11:0. */
  readonly cr3: bigint;
  /** Eight bytes of physical memory, one memory reference. Where there is no RAM all bits are ones. */
  readPhysical(address: number): bigint;
  /** … for the flags that a walk sets. Where there is no RAM nothing happens. */
  writePhysical(address: number, value: bigint): void;
  /**
   * The access raises #PF with this error code (SDM Vol. 3, 4.7).
   * @returns −1, which is what {@link translate} has to return then
   */
  pageFault(errorCode: number): number;
}
