/**
 * Numbers of the operations that one handler serves for many rows (Row.extra): shared by the instruction table
 * (TypeScript) and the handlers (AssemblyScript). Named as their SSE2 instructions are.
 */
export const PADDB = 0;
export const PADDW = 1;
export const PADDD = 2;
export const PADDQ = 3;
export const PSUBB = 4;
export const PSUBW = 5;
export const PSUBD = 6;
export const PSUBQ = 7;
export const PADDSB = 8;
export const PADDSW = 9;
export const PADDUSB = 10;
export const PADDUSW = 11;
export const PSUBSB = 12;
export const PSUBSW = 13;
export const PSUBUSB = 14;
export const PSUBUSW = 15;
export const PMINUB = 16;
export const PMAXUB = 17;
export const PMINSW = 18;
export const PMAXSW = 19;
export const PAVGB = 20;
export const PAVGW = 21;
export const PCMPEQB = 22;
export const PCMPEQW = 23;
export const PCMPEQD = 24;
export const PCMPGTB = 25;
export const PCMPGTW = 26;
export const PCMPGTD = 27;
export const PMULLW = 28;
export const PMULHW = 29;
export const PMULHUW = 30;
export const PMULUDQ = 31;
export const PMADDWD = 32;
export const PSADBW = 33;
export const PAND = 34;
export const PANDN = 35;
export const POR = 36;
export const PXOR = 37;
export const PUNPCKLBW = 38;
export const PUNPCKLWD = 39;
export const PUNPCKLDQ = 40;
export const PUNPCKLQDQ = 41;
export const PUNPCKHBW = 42;
export const PUNPCKHWD = 43;
export const PUNPCKHDQ = 44;
export const PUNPCKHQDQ = 45;
export const PACKSSWB = 46;
export const PACKSSDW = 47;
export const PACKUSWB = 48;

export const PSRLW = 0;
export const PSRLD = 1;
export const PSRLQ = 2;
export const PSRAW = 3;
export const PSRAD = 4;
export const PSLLW = 5;
export const PSLLD = 6;
export const PSLLQ = 7;
export const PSRLDQ = 8;
export const PSLLDQ = 9;

/** Floating-point operations, in the order of their opcodes 0F 58 to 0F 5F; and SQRT, which has one operand. */
export const ADD = 0;
export const MUL = 1;
export const SUB = 4;
export const MIN = 5;
export const DIV = 6;
export const MAX = 7;
export const SQRT = 8;

export const RCP = 0;
export const RSQRT = 1;
