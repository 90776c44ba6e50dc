/**
 * What lies where in the wasm module's memory. Below {@link RAM_BASE}: state, trace ring, TLBs, decoded code.
 * @module
 */
/** First byte of guest-physical (machine) RAM in wasm memory; machine-physical address 0 is here. */
export const RAM_BASE = 0x280_0000;
/** The largest RAM that fits beside the core in 32-bit wasm memory, bytes. */
export const MAX_RAM_BYTES = 0xc000_0000;

/**
 * What is kept of each address space: {@link TLB_CONTEXTS} banks of {@link TLB_BANK_BYTES}. A bank begins with six
 * direct-mapped TLBs of {@link TLB_ENTRIES} entries each. An entry of a data TLB is { u64 page-aligned linear address (all
 * ones: invalid), u32 delta, u16 0, u16 flags }: the byte at linear address va is at wasm address u32(va) + delta. An entry
 * of a fetch TLB is { u64 page-aligned linear address, u48 page-aligned machine-physical address, u16 flags }. Flags: page
 * size as a power of two in bits 5:0, bit 7 global.
 */
export const TLB_BANKS = 0x200_0000;
export const TLB_BANK_BYTES = 0x2_0000;
export const TLB_CONTEXTS = 32;
export const TLB_ENTRIES = 1024;
export const TLB_ENTRY_BYTES = 16;
/** Of each page of RAM: the one TLB entry through which stores reach it, 0 none, 1 several. u32 each. */
export const PAGE_WRITERS = 0x240_0000;
/** Offsets in a bank. */
export const TLB_SUPERVISOR_READ = 0;
export const TLB_SUPERVISOR_WRITE = 0x4000;
export const TLB_USER_READ = 0x8000;
export const TLB_USER_WRITE = 0xc000;
export const TLB_SUPERVISOR_FETCH = 0x1_0000;
export const TLB_USER_FETCH = 0x1_4000;
export const TLB_END = 0x1_8000;
/** Numbers of the entries filled since the last flush, u16 each: those of one address space, and those of global pages. */
export const TLB_FILL_LOG = 0x1_8000;
export const TLB_GLOBAL_FILL_LOG = 0x1_a000;
export const TLB_FILL_LOG_CAPACITY = 4096;
/** Paging-structure caches, and those of the EPT paging structures. */
export const STRUCTURE_CACHE = 0x1_c000;
export const EPT_STRUCTURE_CACHE = 0x1_d000;
/** Whose translations each bank holds: one record of {@link TLB_CONTEXT_BYTES} a bank (cpu/tlb-contexts.ts). */
export const TLB_CONTEXT_TABLE = 0x2_0000;
export const TLB_CONTEXT_BYTES = 64;

/** Where every look-up misses: in place of a data TLB while each access is to be looked at. */
export const TLB_NOTHING = 0x2_4000;

/** Data of an access that crosses pages or goes to a device; at most 64 bytes. */
export const BOUNCE = 0x4_0000;
/** The paging-structure entries of the walk in progress, one record a level. */
export const WALK_SCRATCH = 0x4_0100;
/** Its EPT paging-structure entries: one record for each address that was translated. */
export const EPT_WALK_SCRATCH = 0x4_0800;

/**
 * Lazy arithmetic flags: A i64, B i64 (CF = A <u B), R i64 (ZF = R == 0), kind u32, bits u32 (see cpu/flags.ts).
 */
export const LAZY_FLAGS = 0x4_0200;
/** A block for one instruction that is not kept: header and operations. */
export const SCRATCH_BLOCK = 0x4_0300;
/** Bytes of an instruction that crosses a page, joined. */
export const FETCH_BUFFER = 0x4_0400;
/** A slot with the value 2^30, for displacements that do not fit into 32 bits. */
export const GIGABYTE_SLOT = 0x4_0420;
/** Function-table index of the handler of each row of the instruction table. u32 each. */
export const HANDLERS = 0x4_1000;
/** Statics of the compiled module lie from here to the trace ring. */
export const STATICS = 0x6_0000;

/** Blocks of decoded code. First block of each page of RAM, u32 each. */
export const PAGE_BLOCKS = 0x50_0000;
/** Hash table of blocks, u32 each. */
export const BLOCK_HASH = 0x80_0000;
export const BLOCK_HASH_ENTRIES = 0x1_0000;
/** Blocks: header and operations. */
export const BLOCKS = 0x84_0000;
export const BLOCKS_END = 0x200_0000;
