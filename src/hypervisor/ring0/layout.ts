/**
 * What a monitor at ring 0 keeps in simulated memory for the processor, by offset in the part of every address space that is
 * its own. All of it is supervisor memory. The guest's kernel at ring 1 is a supervisor too, so the processor's tables are
 * read-only, which CR0.WP makes true for rings 0 to 2 as well; the one page that the processor must write, the stack, holds
 * nothing while a guest runs.
 */
import { PAGE_BYTES } from "../memory/layout.js";

/** The guest's descriptors at their own numbers, the monitor's at the end: selectors that the guest loads read back as it wrote them. */
export const GDT = 0;
export const GDT_BYTES = 0x1_0000;
/** The guest's local descriptors. */
export const LDT = GDT + GDT_BYTES;
export const LDT_BYTES = 0x1_0000;
export const IDT = LDT + LDT_BYTES;
/** With the I/O permission bitmap: all ones. */
export const TSS = IDT + PAGE_BYTES;
export const TSS_BYTES = 3 * PAGE_BYTES;
export const TSS_IO_MAP_AT = 104;
export const IO_MAP_BYTES = 0x2000;
/** One byte of ones ends the bitmap (SDM Vol. 1, 19.5.2). */
export const TSS_LIMIT = TSS_IO_MAP_AT + IO_MAP_BYTES;
/** Gates lead to {@link ENTRY_STUB_BYTES} bytes a vector, executable. */
export const ENTRY_STUBS = TSS + TSS_BYTES;
export const ENTRY_STUB_BYTES = 8;
export const VECTORS = 256;
export const SYSCALL_STUB = ENTRY_STUBS + VECTORS * ENTRY_STUB_BYTES;
export const SYSENTER_STUB = SYSCALL_STUB + ENTRY_STUB_BYTES;
/** IRETQ: the way back. */
export const EXIT_STUB = SYSENTER_STUB + ENTRY_STUB_BYTES;
export const STUB_PAGES_BYTES = PAGE_BYTES;
/** The ring-0 stack, writable. */
export const STACK = ENTRY_STUBS + STUB_PAGES_BYTES;
export const STACK_END = STACK + PAGE_BYTES;
export const TABLES_BYTES = STACK_END;

/** Selectors of the monitor's own descriptors. */
export const MONITOR_CODE = 0xffb0;
/** SYSCALL gives SS the selector after that of CS. */
export const MONITOR_DATA = 0xffb8;
/** Flat code and data of a guest kernel at ring 1. */
export const KERNEL_CODE_64 = 0xffc0 | 1;
export const KERNEL_CODE_32 = 0xffc8 | 1;
export const KERNEL_DATA = 0xffd0 | 1;
/** Data of the monitor that code at ring 1 reaches with a segment of its own. */
export const STATE_DATA = 0xffd8 | 1;
export const TSS_SELECTOR = 0xffe0;
export const LDT_SELECTOR = 0xfff0;
/** Selectors below are the guest's. */
export const FIRST_MONITOR_SELECTOR = MONITOR_CODE;
