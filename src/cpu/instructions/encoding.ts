/**
 * How a row of the instruction table looks in the decoder's tables: shared by the generator (TypeScript) and the decoder
 * (AssemblyScript).
 */
/** Offsets in a row, {@link ROW_LENGTH} bytes; the kinds of the hot switch are u16 each: register 1, 2, 4, 8, memory 1, 2, 4, 8. */
export const ROW_PREFIX = 0;
export const ROW_DIGIT = 1;
export const ROW_MOD = 2;
export const ROW_RM = 3;
export const ROW_MODES = 4;
export const ROW_SIZE = 5;
export const ROW_IMMEDIATE = 6;
export const ROW_SHAPE = 7;
export const ROW_REGISTERS = 8;
export const ROW_FLAGS = 9;
export const ROW_CYCLES = 10;
export const ROW_EXTRA = 12;
export const ROW_TIMING = 14;
export const ROW_KINDS = 16;
export const ROW_LENGTH = 32;

/** Mandatory prefix: any, none of 66 F2 F3, 66 alone, F3, F2, neither F2 nor F3, REX.W. */
export const PREFIX_ANY = 0;
export const PREFIX_NONE = 1;
export const PREFIX_66 = 2;
export const PREFIX_F3 = 3;
export const PREFIX_F2 = 4;
export const PREFIX_NO_REPEAT = 5;
export const PREFIX_W = 6;

/** ModRM.reg or ModRM.rm: any. */
export const ANY = 0xff;
/** ModRM.mod: any, memory, register; ignored, as in MOV to and from control registers. */
export const MOD_ANY = 0;
export const MOD_MEMORY = 1;
export const MOD_REGISTER = 2;
export const MOD_IGNORED = 3;

export const MODE_LEGACY = 1;
export const MODE_64 = 2;
/** Not in real-address or virtual-8086 mode. */
export const MODE_PROTECTED = 4;

export const SIZE_V = 0;
export const SIZE_BYTE = 1;
export const SIZE_WORD = 2;
export const SIZE_DOUBLE = 3;
export const SIZE_QUAD = 4;
/** 4, or 8 with REX.W. */
export const SIZE_Y = 5;
/** 64 bits by default in 64-bit mode. */
export const SIZE_D64 = 6;
/** Always 64 bits in 64-bit mode. */
export const SIZE_F64 = 7;
/** 64 bits in 64-bit mode, else 32. */
export const SIZE_NATIVE = 8;

export const IMMEDIATE_NONE = 0;
export const IMMEDIATE_B = 1;
export const IMMEDIATE_W = 2;
export const IMMEDIATE_Z = 3;
export const IMMEDIATE_V = 4;
export const IMMEDIATE_OFFSET = 5;
export const IMMEDIATE_FAR = 6;
export const IMMEDIATE_ENTER = 7;
export const IMMEDIATE_ONE = 8;
/** None, but the instruction's own RIP in its place and its opcode in that of src: FIP and FOP of x87 instructions. */
export const IMMEDIATE_POINTER = 9;

export const SHAPE_NONE = 0;
export const SHAPE_MODRM = 1;
export const SHAPE_OPCODE = 2;
export const SHAPE_ACCUMULATOR = 3;
export const SHAPE_ACCUMULATOR_DX = 4;
export const SHAPE_STRING = 5;
export const SHAPE_BRANCH = 6;
/** PUSH and POP of a segment register named by bits 5:3 of the opcode. */
export const SHAPE_SEGMENT = 7;

/**
 * What an instruction takes beside its cycles: its r/m operand is read, if that is in memory; the stack is read, or
 * where an indirect jump goes; it is a transfer. */
export const TIMING_READS_OPERAND = 1;
export const TIMING_READS = 2;
export const TIMING_TRANSFER = 4;

/** Register files: that of ModRM.rm in the low half of ROW_REGISTERS, that of ModRM.reg in the high half. */
export const FILE_GENERAL = 0;
export const FILE_BYTE = 1;
export const FILE_XMM = 2;
export const FILE_MMX = 3;

export const FLAG_LOCK = 1;
/** Ends its block; runs with the state exact. */
export const FLAG_SYSTEM = 2;
/** The last row of its opcode. */
export const FLAG_LAST = 4;
/** The destination is ModRM.reg. */
export const FLAG_REVERSED = 8;
/** The hot cases are for 64-bit mode. */
export const FLAG_LONG_ONLY = 16;
/** The memory operand is not accessed. */
export const FLAG_ADDRESS_ONLY = 32;
