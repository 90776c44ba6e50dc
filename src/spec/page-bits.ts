/**
 * Bits of paging-structure entries (SDM Vol. 3, 4.5), page-fault error codes (4.7) and EPT entries (29.3.2).
 * @module
 */
export const PAGE_PRESENT = 1 << 0;
export const PAGE_WRITABLE = 1 << 1;
export const PAGE_USER = 1 << 2;
export const PAGE_ACCESSED = 1 << 5;
export const PAGE_DIRTY = 1 << 6;
export const PAGE_LARGE = 1 << 7;
export const PAGE_GLOBAL = 1 << 8;

export const FAULT_PRESENT = 1 << 0;
export const FAULT_WRITE = 1 << 1;
export const FAULT_USER = 1 << 2;
export const FAULT_RESERVED = 1 << 3;
export const FAULT_FETCH = 1 << 4;

export const EPT_READ = 1 << 0;
export const EPT_WRITE = 1 << 1;
export const EPT_EXECUTE = 1 << 2;
/** Bits 5:3 of a leaf: memory type; 6 is write-back. */
export const EPT_MEMORY_TYPE_WB = 6 << 3;
export const EPT_LARGE = 1 << 7;
export const EPT_ACCESSED = 1 << 8;
export const EPT_DIRTY = 1 << 9;

/** EPT pointer (SDM 25.6.11): memory type write-back, walk length 4. */
export const EPTP_MEMORY_TYPE_WB = 6;
export const EPTP_WALK_LENGTH_4 = 3 << 3;
export const EPTP_ACCESSED_DIRTY = 1 << 6;

/** Exit qualification of an EPT violation (SDM 28.2.1, table 28-7). */
export const EPT_VIOLATION_READ = 1 << 0;
export const EPT_VIOLATION_WRITE = 1 << 1;
export const EPT_VIOLATION_FETCH = 1 << 2;
export const EPT_VIOLATION_READABLE = 1 << 3;
export const EPT_VIOLATION_WRITABLE = 1 << 4;
export const EPT_VIOLATION_EXECUTABLE = 1 << 5;
export const EPT_VIOLATION_LINEAR_VALID = 1 << 7;
export const EPT_VIOLATION_FINAL_TRANSLATION = 1 << 8;

/** MAXPHYADDR of this processor (CPUID 80000008H EAX[7:0]). */
export const PHYSICAL_ADDRESS_BITS = 39;
/** CR4.PCIDE = 0, EPT entries and paging-structure entries alike: bits 51:12 hold an address. */
export const PAGE_ADDRESS_MASK = 0x000f_ffff_ffff_f000;
