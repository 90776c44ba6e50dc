/** The numbers of layout.s. */
export const CODE = 0x1_0000;
export const DATA = 0x2_0000;
export const STACK_TOP = 0x3_f000;
export const RECORD_BYTES = 768;
export const REPORT_BYTES = 384;

export const C = {
  MODE: 0, PAGING: 4, FLAGS: 8, CR0: 12, REGISTERS: 16, SELECTORS: 144, RIP: 168, DR: 176, CR4: 216, CODE: 256, GDT: 384,
  LDT: 512, IDT: 576,
} as const; // prettier-ignore
/** What cases of IA-32e mode have besides. */
export const L = { USER: 4, EFER: 220, BASES: 224, IDT: 576, ENTRIES: 704 } as const;
export const TABLES = { PML4: 0x4_0000, PDPT: 0x4_1000, WINDOW_TABLE: 0x4_5000 } as const;

export type Field = readonly [number, 4 | 8, string];

const GENERAL: readonly Field[] = [
  ..."rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15"
    .split(" ")
    .map((name, i) => [8 * i, 8, name] as const),
  [128, 4, "vector"],
  [132, 4, "error code"],
  [136, 8, "rip"],
  [144, 8, "rflags"],
  ...["es", "cs", "ss", "ds", "fs", "gs"].map((name, i) => [152 + 4 * i, 4, name] as const),
  [176, 4, "cr0"],
  [180, 4, "tr"],
  [184, 8, "cr2"],
  [192, 4, "dr6"],
  [196, 4, "dr7"],
  [200, 4, "ldtr"],
  [204, 4, "data"],
  [208, 4, "stack"],
  [212, 4, "tables"],
];

/** Offset, size and name of each field of a report. */
export const LEGACY_REPORT: readonly Field[] = [
  ...GENERAL,
  [216, 4, "tasks"],
  ...Array.from({ length: 26 }, (_, i) => [220 + 4 * i, 4, `tss+${4 * i}`] as const),
];

export const LONG_REPORT: readonly Field[] = [
  ...GENERAL,
  [216, 4, "tss"],
  [220, 4, "pages"],
  [224, 8, "cr3"],
  ...["fs base", "gs base", "kernel gs base"].map((name, i) => [232 + 8 * i, 8, name] as const),
  ...Array.from({ length: 8 }, (_, i) => [256 + 8 * i, 8, `entry ${i}`] as const),
  [320, 4, "efer"],
  [324, 4, "cr4"],
  [328, 4, "cr8"],
];
