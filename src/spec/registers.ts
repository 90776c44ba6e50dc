/** General-purpose registers in the order of their numbers in instruction encodings (SDM Vol. 2, 2.1.5). */
export const REGISTER_NAMES = [
  "rax",
  "rcx",
  "rdx",
  "rbx",
  "rsp",
  "rbp",
  "rsi",
  "rdi",
  "r8",
  "r9",
  "r10",
  "r11",
  "r12",
  "r13",
  "r14",
  "r15",
] as const;
export type RegisterName = (typeof REGISTER_NAMES)[number];
