/**
 * The trace ring in wasm memory: fixed-size records, written by the processor and by the hypervisor alike.
 * Record n of a run is at TRACE_RING + (n % TRACE_CAPACITY) × TRACE_RECORD_BYTES.
 * @module
 */
export const TRACE_RING = 0x10_0000;
export const TRACE_CAPACITY = 65536;
export const TRACE_RECORD_BYTES = 64;

/** Offsets in a record: u16 kind, u8 processor, u8 CPL after the event, u8 VMX operation after it, u8 operand size. */
export const RECORD_KIND = 0;
export const RECORD_PROCESSOR = 2;
export const RECORD_CPL = 3;
export const RECORD_VMX = 4;
export const RECORD_SIZE = 5;
/** u32: sequence number of the record that caused this one. */
export const RECORD_CAUSE = 8;
/** u64 each: CYCLES, INSTRUCTIONS, RIP of the instruction, then three arguments by kind. */
export const RECORD_CYCLE = 16;
export const RECORD_INSTRUCTIONS = 24;
export const RECORD_RIP = 32;
export const RECORD_A = 40;
export const RECORD_B = 48;
export const RECORD_C = 56;

/** a: RIP entered, b: event injected (entry interruption information). */
export const VM_ENTRY = 1;
/** a: exit reason, b: exit qualification, c: instruction length. */
export const VM_EXIT = 2;
/** Delivered through the IDT. a: vector, b: error code or 0, c: CR2 for a page fault. */
export const EXCEPTION = 3;
/** External interrupt delivered through the IDT. a: vector. */
export const INTERRUPT = 4;
/** a: RAX, b: target RIP. */
export const SYSCALL = 5;
/** b: target RIP. */
export const SYSRET = 6;
/** b: target RIP. */
export const IRET = 7;
/** a: control register number, b: value. */
export const CR_WRITE = 8;
/** a: port, b: value. */
export const PORT_READ = 9;
export const PORT_WRITE = 10;
/** HLT executed (and not intercepted). */
export const HALT = 11;
/** An instruction that this processor does not implement raised #UD. a: opcode bytes, b: their count. */
export const UNIMPLEMENTED = 12;
/** Software interrupt delivered through the IDT (INT n, INT3, INTO). a: vector. */
export const SOFTWARE_INTERRUPT = 13;
/** Far CALL, JMP or RET that changed the ring or the mode. b: target RIP. */
export const FAR_TRANSFER = 14;

/** Written by the hypervisor. a: exit reason, b: action taken (see hypervisor/outcome). */
export const HANDLED = 16;
/** An event was put into the entry interruption information. a: vector, b: type. */
export const INJECTED = 17;
/** A byte left a guest's serial port. a: byte. */
export const CONSOLE = 18;
/** A timer of the hypervisor fired. */
export const TIMER = 19;
