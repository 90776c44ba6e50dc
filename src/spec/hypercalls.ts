/**
 * The hypercalls: what a paravirtual guest's kernel asks the hypervisor for. This file and spec/paravirtual are the whole
 * interface.
 *
 * A call is `INT 0x82` ({@link spec/paravirtual!HYPERCALL_VECTOR}) at ring 1, with its number in RAX and its arguments in RDI,
 * RSI and RDX. RAX returns the result: 0 or a positive number, or one of the negative errors of spec/paravirtual. Where a
 * second result is named it is in RDX. All other registers and RFLAGS are kept.
 *
 * "Linear" is an address by the guest's current page tables; the kernel at ring 1 must be able to read (or write) there
 * itself, else {@link spec/paravirtual!ERROR_FAULT}. "Machine" is a machine-physical address, which page-table entries hold.
 * A list has at most {@link spec/paravirtual!MOST_REQUESTS} entries; those before the first refused one are carried out, and
 * RDX says how many that are, refused or not.
 * @module
 */

/** RDI: 0 for the version (major in bits 31:16, minor in 15:0), 1 for the features (spec/paravirtual's FEATURE_…). */
export const VERSION = 0;
/** RDI: linear address of a text, RSI: its bytes. At most 4096 are written; returns how many. */
export const CONSOLE_WRITE = 1;
/** RDI: linear address of a buffer, RSI: its bytes, at most 4096. Returns how many bytes that were typed went there. */
export const CONSOLE_READ = 2;
/**
 * RDI: linear address of requests, RSI: how many. A request is { u64 machine address of a page-table entry, u64 its new value }.
 * The page that holds the entry must be a page table; see hypervisor/memory/direct for what the value may be. Second result.
 */
export const MMU_UPDATE = 3;
/**
 * RDI: linear address of operations, RSI: how many. An operation is { u32 what, u32 0, u64 argument }: spec/paravirtual's
 * MMU_PIN_L1 … MMU_INVALIDATE_PAGE. Second result.
 */
export const MMU_OPERATE = 4;
/**
 * RDI: linear address, RSI: new value of the entry of the last level that translates it, RDX: spec/paravirtual's
 * FLUSH_NOTHING, FLUSH_PAGE or FLUSH_ALL. One update and its flush in one call.
 */
export const UPDATE_MAPPING = 5;
/**
 * RDI: linear address of a list, RSI: how many, at most 256. An entry is { u8 vector, u8 flags, u16 0, u32 0, u64 handler }:
 * flags bits 1:0 is the least privileged ring that may raise it with INT n, bit 2 masks events on the way in. A handler of 0
 * takes the vector away. The handler finds the frame that the processor would push, error code included; IF in the frame's
 * RFLAGS is the complement of the event mask. A vector without a handler ends the virtual machine.
 */
export const SET_TRAP_TABLE = 6;
/** RDI: linear address. Where frames go when ring 3 is interrupted, as RSP0 of a TSS. */
export const STACK_SWITCH = 7;
/**
 * RDI: a model-specific register, RSI: value. IA32_FS_BASE, IA32_GS_BASE, IA32_KERNEL_GS_BASE; IA32_EFER (SCE and NXE);
 * IA32_STAR (the one value that fits the selectors of spec/paravirtual); IA32_LSTAR: where SYSCALL of ring 3 leads, on the
 * kernel stack with a frame; IA32_FMASK: with IF in it, SYSCALL masks events.
 */
export const WRITE_MSR = 8;
/** RDI: one of the same registers. Second result: its value. */
export const READ_MSR = 9;
/** SWAPGS. */
export const SWAP_GS = 10;
/** RDI: linear address of the handler of events: it finds the frame of an interrupt, and events masked. */
export const SET_CALLBACK = 11;
/** RDI: spec/paravirtual's SOURCE_…. Returns the port that the source signals from here on. */
export const EVENT_BIND = 12;
/** RDI: a port of SOURCE_SOFTWARE: it becomes pending. */
export const EVENT_SEND = 13;
/** RDI: a port. Clears its bit in the mask of the shared page; an event that waited for that is delivered. */
export const EVENT_UNMASK = 14;
/** RDI: a port. Its source signals no more. */
export const EVENT_CLOSE = 15;
/** RDI: system time in nanoseconds at which SOURCE_TIMER signals, once; 0 for never. A moment that is over signals at once. */
export const SET_TIMER = 16;
/** Nothing but the way to the hypervisor and back: an event that waits and is not masked is delivered. */
export const YIELD = 17;
/** Unmasks events and waits for one. */
export const BLOCK = 18;
/**
 * IRETQ together with the event mask, which becomes the complement of the frame's IF. RSP points to RAX, then the frame: RIP,
 * CS, RFLAGS, RSP, SS. IRETQ itself does where the mask stays as it is.
 */
export const INTERRUPT_RETURN = 19;
/** RDI: spec/paravirtual's SHUTDOWN_…, RSI: the value of SHUTDOWN_STATUS. Does not return. */
export const SHUTDOWN = 20;
