/**
 * The memory map that a PC's firmware would report, and loaders pass on.
 * @module
 */

/** Types of a region (ACPI 6.5, table 15.7): RAM to use; anything else. */
export const AVAILABLE = 1;
export const RESERVED = 2;

export interface MemoryRegion {
  /** Guest-physical address. */
  base: number;
  /** Bytes. */
  length: number;
  type: typeof AVAILABLE | typeof RESERVED;
}

/** End of conventional memory: the extended BIOS data area begins here on a PC. */
export const LOW_MEMORY_END = 0x9_fc00;
/** Where memory goes on above the legacy video and ROM areas. */
export const HIGH_MEMORY = 0x10_0000;

/** @param ramBytes RAM from guest-physical 0 on, at least 1 MiB */
export function memoryMap(ramBytes: number): MemoryRegion[] {
  return [
    { base: 0, length: LOW_MEMORY_END, type: AVAILABLE },
    { base: LOW_MEMORY_END, length: 0xa_0000 - LOW_MEMORY_END, type: RESERVED },
    { base: 0xf_0000, length: 0x1_0000, type: RESERVED },
    { base: HIGH_MEMORY, length: ramBytes - HIGH_MEMORY, type: AVAILABLE },
  ];
}
