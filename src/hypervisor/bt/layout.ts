/**
 * The translator's part of the monitor's memory, by offset: a page that translated code reads and writes as its own, constants,
 * what indirect jumps are looked up in, and the translation cache itself. It is mapped twice: for 64-bit code in the monitor's
 * window, for 32-bit code below 4 GiB, where data is reached through GS.
 */
import { TABLES_BYTES } from "../ring0/layout.js";

export const STATE = 0;
export const STATE_BYTES = 0x1000;
export const CONSTANTS = STATE + STATE_BYTES;
export const CONSTANTS_BYTES = 0x2000;
/** One entry for each value of the low 16 bits of an address. */
export const HASH_ENTRIES = 0x1_0000;
export const HASH_64 = CONSTANTS + CONSTANTS_BYTES;
export const HASH_32 = HASH_64 + 8 * HASH_ENTRIES;
export const CODE = HASH_32 + 4 * HASH_ENTRIES;
/** Bytes of all. */
export const CACHE_BYTES = 16 << 20;

/** The part of the data that 32-bit code can reach. */
export const GS_BYTES = CODE;

/** Offsets in the state page: registers that translated code works with, 8 bytes each. */
export const SAVED_RAX = 0x00;
export const SAVED_RCX = 0x08;
export const SAVED_RDX = 0x10;
export const SAVED_POINTER = 0x18;
/** RFLAGS.IF of the guest: 0 or 2, its bit of the byte. u8. */
export const VIRTUAL_IF = 0x20;
/** RFLAGS.IOPL of the guest: bits 5:4. u8. */
export const VIRTUAL_IOPL = 0x21;
/** Not 0: something waits for IF to be set. u8. */
export const INTERRUPT_WAITS = 0x22;
/** Not 0: something waits for the task priority to fall. u8. */
export const PRIORITY_WAITS = 0x23;
/** The guest's control registers, 8 bytes each. */
export const VIRTUAL_CR8 = 0x28;
export const VIRTUAL_CR0 = 0x30;
export const VIRTUAL_CR2 = 0x38;
export const VIRTUAL_CR3 = 0x40;
export const VIRTUAL_CR4 = 0x48;
/** What a read of {@link KNOWN_PORT} gives: the byte last written there. u8. */
export const PORT_VALUE = 0x50;
/** Linear address of the next entry of the log; 8 bytes. */
export const LOG_NEXT = 0x58;
/** The log of stores to page tables, up to the end of the page: the next one is read-only. */
export const LOG = 0xe00;
export const LOG_BYTES = STATE_BYTES - LOG;
/** The port at which firmware shows its progress, and software waits by reading it: a latch. */
export const KNOWN_PORT = 0x80;

/** Offsets in the constants: of each byte of RFLAGS[15:8] its IF and its IOPL; the byte itself if it is a task priority, else 0. 256 bytes each. */
export const ONLY_IF = 0x000;
export const ONLY_IOPL = 0x100;
export const PRIORITY = 0x200;

/**
 * Page tables that translated code writes through an alias, behind the constants: by bits 15:8 of a linear address, 8 bytes each,
 * the complement to 2^64 of the address without bits 7:0, and the distance from there to the alias.
 */
export const STORE_TAGS = CONSTANTS + 0x1000;
export const STORE_ALIASES = STORE_TAGS + 0x800;
export const STORE_TABLE_BYTES = 0x1000;
/** Pages that can have one: each has its place by bits 15:12 of its address. */
export const ALIASES = 16;
/** Where the aliases are, from the cache on, in the monitor's window; between two of them nothing is. */
export const ALIASES_IN_CACHE = CACHE_BYTES;
export const ALIAS_STRIDE = 0x2000;

/** In the monitor's window, beside its tables. */
export const CACHE_IN_WINDOW = 0x10_0000;
if (CACHE_IN_WINDOW < TABLES_BYTES) throw new Error("the monitor's tables reach into the cache");
/**
 * Where the window is at first: in the last PML4 entry, of whose addresses the last 2 GiB are special. They can be named by 32
 * bits in an instruction, which makes indirect jumps shorter ({@link Code.jumpThroughTable}).
 */
export const FIRST_SLOT = 511;
const LAST_2_GIB = 0xffff_ffff_8000_0000n;
/** Linear address of the window in a PML4 entry. */
export function windowBase(slot: number): bigint {
  return slot === FIRST_SLOT ? LAST_2_GIB : BigInt.asUintN(64, BigInt.asIntN(48, BigInt(slot) << 39n));
}
/** Where 32-bit code finds the cache at first. */
export const FIRST_LOW = 0xf000_0000;
/** The vector of call-outs: INT n, since a far call through a gate would cost the same delivery and need a longer instruction. */
export const CALL_OUT_VECTOR = 0x30;
