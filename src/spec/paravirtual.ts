/**
 * What a paravirtual guest and its hypervisor agree on beside the calls (spec/hypercalls): the header of an image, the state at
 * its start, the two pages that both know, errors. Integers are little endian.
 *
 * At the start: 64-bit mode at ring 1, {@link KERNEL_CODE} and {@link KERNEL_DATA}, RIP the header's entry, RDI the linear
 * address of the start info, RSP the end of the page before it, events masked, no other register set. The whole RAM is mapped
 * linear = guest-physical: by 4 KiB pages up to the 2 MiB boundary behind all that the hypervisor has placed, by 2 MiB pages
 * from there on. Page tables are read-only to their owner.
 *
 * A guest's frames have two numbers: guest-physical, from 0 on, and machine. Page-table entries and CR3 hold the machine's.
 * Linear addresses from {@link HYPERVISOR_SLOT} (an entry of the level-4 table) on are the hypervisor's.
 * @module
 */

/** INT of this vector is a hypercall, at ring 1 alone. */
export const HYPERCALL_VECTOR = 0x82;
export const INTERFACE_VERSION = 1 << 16;
/** {@link spec/hypercalls!VERSION}: 2 MiB pages may be mapped writable. */
export const FEATURE_LARGE_PAGES = 1 << 0;

/**
 * Header of an image, 4-byte aligned in its first 8 KiB: u32 each at 0 magic, 4 version, 8 checksum (the three add up to 0), 12
 * guest-physical address of the header, 16 of the first byte of the file that is loaded, 20 end of what is loaded (0: the whole
 * file), 24 end of what is cleared, 28 entry, 32 four pages for the tables of levels 4, 3, 2 and 1 that map address 0 (0:
 * anywhere).
 */
export const HEADER_MAGIC = 0x7076_2d31;
export const HEADER_VERSION = 1;
export const HEADER_BYTES = 36;

/** Selectors. There are no others: descriptors are the hypervisor's. */
export const KERNEL_CODE = 0x08 | 1;
export const KERNEL_DATA = 0x10 | 1;
export const USER_DATA = 0x18 | 3;
export const USER_CODE = 0x20 | 3;
/** IA32_STAR that names them. */
export const STAR = 0x0010_0008_0000_0000n;
export const HYPERVISOR_SLOT = 256;

/** Start info, a page: offsets. The text "ring-1 paravirtual", zero-terminated. */
export const START_MAGIC = 0;
export const START_MAGIC_TEXT = "ring-1 paravirtual";
/** Twelve characters and a zero: whose hypervisor it is. */
export const START_SIGNATURE = 32;
/** u64: frames of the guest. */
export const START_FRAMES = 48;
/** u64: linear, machine. */
export const START_SHARED_INFO = 56;
export const START_SHARED_INFO_MACHINE = 64;
/** u64: machine address of the level-4 table. */
export const START_CR3 = 72;
/** u64: linear address of a table of u64: machine frame number of each guest frame. The guest's own, writable. */
export const START_PHYSICAL_TO_MACHINE = 80;
/** u64: linear address of a table of u64: guest frame number of each machine frame, all ones for a foreign one. Read-only. */
export const START_MACHINE_TO_PHYSICAL = 88;
/** u64: entries of that table. */
export const START_MACHINE_FRAMES = 96;
/** u64: linear address of the first page behind all that is placed. */
export const START_FREE = 104;
/** Zero-terminated, at most 1023 bytes. */
export const START_COMMAND_LINE = 128;
export const COMMAND_LINE_BYTES = 1024;

/** Shared info, a page that both sides write: offsets. u64: a bit for each port that has signalled. The guest clears it. */
export const SHARED_PENDING = 0;
/** u64: a bit for each port that is to stay quiet. The guest writes it. */
export const SHARED_MASK = 8;
/** u8: not 0 when a port became pending that was not masked. The guest clears it. */
export const SHARED_UPCALL_PENDING = 16;
/** u8: not 0 while no event may be delivered. What IF is to an interrupt; CLI and STI are a store here. */
export const SHARED_UPCALL_MASK = 17;
/** u64: address of the last page fault. */
export const SHARED_CR2 = 24;
/**
 * The clock: system time in nanoseconds is {@link SHARED_SYSTEM_TIME} + ((((TSC − {@link SHARED_TIMESTAMP}) shifted left by
 * {@link SHARED_TIME_SHIFT}) × {@link SHARED_TIME_SCALE}) >> 32). u32: odd while it is written, another one afterwards.
 */
export const SHARED_TIME_VERSION = 32;
/** u32. */
export const SHARED_TIME_SCALE = 36;
/** s8; negative: right. */
export const SHARED_TIME_SHIFT = 40;
/** u64. */
export const SHARED_TIMESTAMP = 48;
/** u64. */
export const SHARED_SYSTEM_TIME = 56;

export const EVENT_PORTS = 64;
/** Sources of events: the timer, something typed, the guest itself. */
export const SOURCE_TIMER = 0;
export const SOURCE_CONSOLE = 1;
export const SOURCE_SOFTWARE = 2;

/** Bits of an entry of {@link spec/hypercalls!SET_TRAP_TABLE}. */
export const TRAP_RING = 3;
export const TRAP_MASKS_EVENTS = 1 << 2;

/** Requests of one call. */
export const MOST_REQUESTS = 2048;
export const REQUEST_BYTES = 16;
export const MOST_CONSOLE_BYTES = 4096;
/** {@link spec/hypercalls!MMU_OPERATE}: a page (machine) becomes and stays a table of level 1 … 4; n − 1 is added to the number. */
export const MMU_PIN_L1 = 0;
/** It need stay one no longer. */
export const MMU_UNPIN = 4;
/** MOV to CR3 (machine). */
export const MMU_NEW_CR3 = 5;
export const MMU_FLUSH = 6;
/** INVLPG (linear). */
export const MMU_INVALIDATE_PAGE = 7;
/** {@link spec/hypercalls!UPDATE_MAPPING}. */
export const FLUSH_NOTHING = 0;
export const FLUSH_PAGE = 1;
export const FLUSH_ALL = 2;

export const SHUTDOWN_POWER_OFF = 0;
export const SHUTDOWN_RESET = 1;
/** The guest gives up. */
export const SHUTDOWN_CRASH = 2;
/** As a write of RSI to port 0xf4 of the test device. */
export const SHUTDOWN_STATUS = 3;

/** Errors. The numbers are those of Unix, as in Xen's interface. Not the guest's, or not its to change. */
export const ERROR_PERMISSION = -1;
export const ERROR_TOO_MANY = -7;
/** A linear address that the kernel itself could not use. */
export const ERROR_FAULT = -14;
/** The page is something else at the moment: a table of another level, or mapped writable. */
export const ERROR_BUSY = -16;
export const ERROR_INVALID = -22;
/** No port is left. */
export const ERROR_NO_SPACE = -28;
export const ERROR_NO_SUCH_CALL = -38;
