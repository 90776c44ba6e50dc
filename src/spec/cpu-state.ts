/**
 * Layout of the processor's state in the memory of the wasm module: the one description that both sides of the
 * boundary import (AssemblyScript in `cpu/`, TypeScript in `machine/`). All values are byte addresses in wasm memory
 * unless the name says otherwise; all fields are little-endian.
 *
 * The window at {@link CPU_STATE} holds the processor that runs now; the board keeps those of the others.
 * @module
 */

/** First byte and length of the window. */
export const CPU_STATE = 0x1000;
export const CPU_STATE_BYTES = 0x1000;

/** RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8 … R15 in encoding order: 16 × u64. */
export const GPR = 0x1000;
/** Always zero: stands for an absent base or index register. u64. */
export const ZERO_SLOT = 0x1080;
/** u64. */
export const RIP = 0x1088;
/** u64; exact whenever `run` has returned (flags are lazy inside it). */
export const RFLAGS = 0x1090;

/** Time-stamp counter of the bare processor, cycles. u64. */
export const CYCLES = 0x10a0;
/** Instructions retired since reset. u64. */
export const INSTRUCTIONS = 0x10a8;
/** Exceptions and interrupts taken since reset: each counts against the budget of `run` as an instruction does. u64. */
export const EVENTS = 0x10b8;
/** `run` returns STOP_DEADLINE at the first instruction boundary with CYCLES >= DEADLINE. u64. */
export const DEADLINE = 0x10b0;

/** u64 each. */
export const CR0 = 0x10c0;
export const CR2 = 0x10c8;
export const CR3 = 0x10d0;
export const CR4 = 0x10d8;
export const CR8 = 0x10e0;
/** DR0 … DR3, then DR6 and DR7: 6 × u64. */
export const DR = 0x1100;
export const DR6 = 0x1120;
export const DR7 = 0x1128;

/**
 * Segment registers ES, CS, SS, DS, FS, GS, LDTR, TR: 8 records of {@link SEGMENT_BYTES}.
 * Access rights are in the VMX format (SDM 25.4.1, table 25-2): descriptor bits 55:40, bit 16 = unusable.
 */
export const SEGMENTS = 0x1140;
export const SEGMENT_BYTES = 32;
/** Offsets in a segment record: base u64, limit u32 (bytes, expanded), rights u32, selector u16. */
export const SEGMENT_BASE = 0;
export const SEGMENT_LIMIT = 8;
export const SEGMENT_RIGHTS = 12;
export const SEGMENT_SELECTOR = 16;
export const ES = 0;
export const CS = 1;
export const SS = 2;
export const DS = 3;
export const FS = 4;
export const GS = 5;
export const LDTR = 6;
export const TR = 7;

/** Base u64, limit u32. */
export const GDTR_BASE = 0x1240;
export const GDTR_LIMIT = 0x1248;
export const IDTR_BASE = 0x1250;
export const IDTR_LIMIT = 0x1258;

/** Model-specific registers, u64 each. */
export const MSR_EFER = 0x1280;
export const MSR_STAR = 0x1288;
export const MSR_LSTAR = 0x1290;
export const MSR_CSTAR = 0x1298;
export const MSR_FMASK = 0x12a0;
export const MSR_KERNEL_GS_BASE = 0x12a8;
export const MSR_TSC_AUX = 0x12b0;
export const MSR_SYSENTER_CS = 0x12b8;
export const MSR_SYSENTER_ESP = 0x12c0;
export const MSR_SYSENTER_EIP = 0x12c8;
export const MSR_PAT = 0x12d0;
export const MSR_APIC_BASE = 0x12d8;
export const MSR_FEATURE_CONTROL = 0x12e0;
export const MSR_DEBUGCTL = 0x12e8;
export const MSR_MISC_ENABLE = 0x12f0;
/** What RDTSC adds to CYCLES natively (a write of IA32_TIME_STAMP_COUNTER changes it). u64. */
export const TSC_ADJUST = 0x12f8;

/** Current privilege level, 0–3. u32. */
export const CPL = 0x1340;
/** Code size of the current mode: 16, 32 or 64. u32. */
export const CODE_BITS = 0x1344;
/** Guest-visible activity and interruptibility, VMCS encodings (SDM 25.4.2). u32 each. */
export const ACTIVITY = 0x1348;
export const INTERRUPTIBILITY = 0x134c;
/** Level of the INTR pin. u32, 0 or 1. */
export const INTR_LINE = 0x1350;
/** A device asks for `run` to return STOP_REQUESTED after the current instruction. u32. */
export const STOP_REQUEST = 0x1354;

/** VMX operation: {@link VMX_OFF}, {@link VMX_ROOT}, {@link VMX_NON_ROOT}. u32. */
export const VMX_OPERATION = 0x1360;
export const VMX_OFF = 0;
export const VMX_ROOT = 1;
export const VMX_NON_ROOT = 2;
/**
 * 1: the most privileged software is outside the simulated memory (the hypervisor in TypeScript). In VMX operation that is
 * root operation: a VM exit makes `run` return STOP_VM_EXIT, and the exported VMX instructions stand for that
 * software's. Without, it is ring 0: arriving there through the IDT, SYSCALL or SYSENTER makes `run` return
 * STOP_MONITOR. 0: it is machine code, as on any other machine. u32.
 */
export const MONITOR = 0x1364;
/** Physical addresses, u64; all ones where there is none. */
export const VMXON_POINTER = 0x1368;
export const CURRENT_VMCS = 0x1370;
/** Operand of the exported vmread/vmwrite/rdmsr/wrmsr. u64. */
export const OPERAND = 0x1378;
/** EAX, EBX, ECX, EDX of the exported cpuid: 4 × u32. */
export const CPUID_RESULT = 0x1380;

/** Which check failed in the last VM entry: a number of `entry-checks.ts`, 0 = none. u32. */
export const ENTRY_CHECK = 0x1390;
/** A non-maskable interrupt is pending. u32, 0 or 1. */
export const NMI_PENDING = 0x1394;
/** Pins of x87 errors where CR0.NE is 0 (SDM Vol. 1, 8.7.2): {@link FERR}, {@link IGNNE}. u32. */
export const FLOAT_ERROR = 0x1398;
/** FERR#: the processor reports an unmasked exception. */
export const FERR = 1;
/** IGNNE#: the board has the processor go on despite of it. */
export const IGNNE = 2;

/** PDPTE0 … PDPTE3 of PAE paging (SDM 4.4.1): 4 × u64. */
export const PDPTES = 0x1e00;
/** Conditions of DR6 met by a data or I/O breakpoint whose trap is not delivered yet. u64. */
export const PENDING_DEBUG = 0x1e20;
/** INSTRUCTIONS from which a single-step trap is due; 0: none. u64. */
export const STEP_FROM = 0x1e28;
/** INSTRUCTIONS when the string instruction at RIP has repetitions to come. u64. */
export const UNFINISHED = 0x1e30;
/** The processor's last bytes of {@link CPU_STATE} for the modes, paging and debugging. */
export const MODE_STATE = 0x1e00;
export const MODE_STATE_BYTES = 0x200;

/** Cycles by event: the processor's part of the cost model, set by the board from its preset. u32 each. */
export const COST_VM_ENTRY = 0x13a0;
export const COST_VM_EXIT = 0x13a4;
/** One memory reference of a page walk (either dimension). */
export const COST_WALK_REFERENCE = 0x13a8;
/** Delivery of an exception or interrupt through the IDT. */
export const COST_DELIVERY = 0x13ac;
/** One VMREAD or VMWRITE. */
export const COST_VMCS_ACCESS = 0x13b0;
/** SYSCALL or SYSRET. */
export const COST_SYSCALL = 0x13b4;
/** IRET. */
export const COST_IRET = 0x13b8;
/** A port read or write. */
export const COST_PORT = 0x13bc;
/** What comes to an instruction's own cycles: when it reads memory (general-purpose instructions), or is CALL, RET, LOOP, JCXZ or an indirect JMP. */
export const COST_LOAD = 0x13c0;
export const COST_TRANSFER = 0x13c4;
/** The same of MOV to CR8, and of MFENCE. */
export const COST_TASK_PRIORITY = 0x13c8;
export const COST_FENCE = 0x13cc;
/** In a guest: the exception bitmap consulted, or MOV to CR8 with a TPR shadow. */
export const COST_GUEST_CONTROL = 0x13d0;

/**
 * CYCLES at which the VMX-preemption timer expires, all ones: it does not run; INSTRUCTIONS from which an exit by the
 * monitor trap flag is due, all ones: never. u64 each.
 */
export const PREEMPTION_DEADLINE = 0x1c00;
export const MONITOR_TRAP_FROM = 0x1c08;
/** CYCLES at the first PAUSE of the loop that a guest is in, and at the last one; u64 each, 0: none since VM entry. */
export const PAUSE_FIRST = 0x1c10;
export const PAUSE_LAST = 0x1c18;

/**
 * Operands of the emulator for a guest whose control registers the VMCS does not hold, since the hypervisor translates for it
 * (no EPT): {@link EMULATED_MAP}, an EPT pointer whose tables are guest-physical memory as the hypervisor knows it, 0: the
 * guest has EPT; and the guest's own CR0, CR3, CR4, IA32_EFER and PDPTEs. u64 each.
 */
export const EMULATED_MAP = 0x1c20;
export const EMULATED_CR0 = 0x1c28;
export const EMULATED_CR3 = 0x1c30;
export const EMULATED_CR4 = 0x1c38;
export const EMULATED_EFER = 0x1c40;
export const EMULATED_PDPTES = 0x1c48;

/** Records written so far (monotonic, wraps at 2^32). u32. */
export const TRACE_COUNT = 0x13e0;
/** Bit k set: records of kind k < 32 are written. u32; 0 = tracing is off. */
export const TRACE_MASK = 0x13e4;
/** Sequence number of the record that caused what happens now; copied into each record. u32. */
export const TRACE_CAUSE = 0x13e8;

/**
 * x87, MMX and SSE state, in the places of an FXSAVE image (SDM Vol. 1, 10.5.1) whose registers are R0 to R7 instead of
 * ST(0) to ST(7). Control and status word u16.
 */
export const X87_CONTROL = 0x1400;
export const X87_STATUS = 0x1402;
/** Abridged tags: bit n is set when Rn is not empty. u8. */
export const X87_TAGS = 0x1404;
/** Low 11 bits of the last opcode that raised an unmasked exception (SDM Vol. 1, 8.1.9). u16. */
export const X87_OPCODE = 0x1406;
/** Addresses of the last x87 instruction but control instructions, and of its memory operand: offsets in their segments. u64. */
export const X87_IP = 0x1408;
export const X87_DP = 0x1410;
/** u32. */
export const MXCSR = 0x1418;
/** R0 … R7, 16 bytes apart: significand u64, sign and exponent u16. MMn is the significand of Rn. */
export const X87_REGISTERS = 0x1420;
/** XMM0 … XMM15, 16 bytes each. */
export const XMM = 0x14a0;
/** Extended control register 0 (SDM Vol. 3, 2.6). u64. */
export const XCR0 = 0x15a0;
/** First byte after the state above. */
export const EXTENDED_STATE_END = 0x15a8;

/**
 * The processor's place on the board: 1800H–1BFFH.
 *
 * Operand of the board's MSRs, which the core reads and writes by calls to the board. u64.
 */
export const BOARD_MSR = 0x1800;
/** INIT and start-up messages that the local APIC has taken: {@link SIGNAL_INIT}, {@link SIGNAL_START_UP}. u32. */
export const SIGNALS = 0x1808;
export const SIGNAL_INIT = 1 << 0;
/** With the vector in bits 15:8. */
export const SIGNAL_START_UP = 1 << 1;
/** Initial APIC ID. u32. */
export const APIC_ID = 0x180c;

/** INSTRUCTIONS to go to what is due while this processor does not run; all ones: nothing is. u64 each. */
export const STEP_DISTANCE = 0x1810;
export const MONITOR_TRAP_DISTANCE = 0x1818;

/** Fields of the board that are the same for all processors, from here to {@link BOARD_SHARED_END}. */
export const BOARD_SHARED = 0x1b80;
export const BOARD_SHARED_END = 0x1c00;
/** Processors on the board. u32. */
export const PROCESSORS = 0x1b80;
/** Core crystal clock, Hz, and the ratio of the time-stamp counter to it (CPUID leaf 15H). u32 each. */
export const CRYSTAL = 0x1b84;
export const TSC_NUMERATOR = 0x1b88;
export const TSC_DENOMINATOR = 0x1b8c;
/** 1: another processor waits for its turn, and PAUSE ends this one's. u32. */
export const QUANTUM_SHARED = 0x1b90;
/** 1: the processor keeps nothing of the upper levels of page walks. u32. */
export const NO_STRUCTURE_CACHES = 0x1b94;
