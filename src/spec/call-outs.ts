/**
 * What translated code leaves the cache for (hypervisor/bt), as reasons of an exit: numbers after those of
 * spec/monitor-reasons.
 * @module
 */
/** A jump to code that has no translation yet, or is not linked to it. */
export const CALL_OUT_TRANSLATE = 0x300;
/** An indirect jump whose target the table does not hold. */
export const CALL_OUT_LOOK_UP = 0x301;
/** Interrupts may have been enabled while one waits, or the task priority lowered. */
export const CALL_OUT_INTERRUPT = 0x302;
/** Code that cannot be fetched. */
export const CALL_OUT_FETCH = 0x303;
export const CALL_OUT_HLT = 0x304;
export const CALL_OUT_PORT = 0x305;
export const CALL_OUT_STRING_PORT = 0x306;
export const CALL_OUT_IRET = 0x307;
export const CALL_OUT_INT = 0x308;
export const CALL_OUT_SYSCALL = 0x309;
export const CALL_OUT_SYSRET = 0x30a;
export const CALL_OUT_SYSEXIT = 0x30b;
export const CALL_OUT_FAR_JUMP = 0x30c;
export const CALL_OUT_FAR_CALL = 0x30d;
export const CALL_OUT_FAR_RETURN = 0x30e;
export const CALL_OUT_LOAD_TABLE = 0x30f;
export const CALL_OUT_STORE_TABLE = 0x310;
export const CALL_OUT_WRITE_CR = 0x311;
export const CALL_OUT_DEBUG_REGISTER = 0x312;
export const CALL_OUT_INVLPG = 0x313;
export const CALL_OUT_RDMSR = 0x314;
export const CALL_OUT_WRMSR = 0x315;
export const CALL_OUT_CPUID = 0x316;
export const CALL_OUT_SWAPGS = 0x317;
export const CALL_OUT_SEGMENT = 0x318;
export const CALL_OUT_INSPECT = 0x319;
export const CALL_OUT_XSETBV = 0x31a;
/** An instruction without effect in a VM. */
export const CALL_OUT_NOTHING = 0x31b;
/** An instruction that the virtual processor lacks, or refuses. */
export const CALL_OUT_REFUSED = 0x31c;
/** An instruction that faulted too often and is now carried out in software. */
export const CALL_OUT_EMULATE = 0x31d;
/** STAC and CLAC. */
export const CALL_OUT_ACCESS_CONTROL = 0x320;
/** PUSHF and POPF of a guest that steps through its own code. */
export const CALL_OUT_FLAGS = 0x321;
/** An instruction of 32-bit code that names GS or CS as the segment of data. */
export const CALL_OUT_SEGMENTED = 0x31e;
/** Where that one has been done. */
export const CALL_OUT_SEGMENTED_DONE = 0x31f;
