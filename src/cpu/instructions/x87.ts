/**
 * x87 (SDM Vol. 1, chapter 8; Vol. 2, tables ). They run within a block.
 */
import { hex, row, type Row } from "./row";

type Options = NonNullable<Parameters<typeof row>[4]>;

const fpu = (encoding: string, mnemonic: string, operands: string, handler: string, options: Options = {}): Row =>
  row(encoding, mnemonic, operands, handler, { feature: "FPU", ...options });

/** Options of comparisons.ts. */
const POPS = 1;
const POPS_TWICE = 2;
const UNORDERED = 4;

const OPERATIONS = ["add", "mul", "com", "comp", "sub", "subr", "div", "divr"] as const;
const cyclesOf = (i: number): number => (i >= 6 ? 24 : 3);

/** D8, DA, DC, DE with a memory operand: FADD and FCOM with a single, a doubleword, a double, a word. */
const MEMORY = [
  [0xd8, "single", "Md", "f"], [0xda, "short", "Md", "fi"], [0xdc, "double", "Mq", "f"], [0xde, "word", "Mw", "fi"],
] as const;

const ARITHMETIC: Row[] = [
  ...MEMORY.flatMap(([opcode, format, operand, start]) =>
    OPERATIONS.map((name, i) =>
      name.startsWith("com")
        ? fpu(`${hex(opcode)} M/${i}`, start + name, operand, `compare_${format}`, { extra: i - 2 })
        : fpu(`${hex(opcode)} M/${i}`, start + name, operand, `arithmetic_${format}`, { extra: i, cycles: cyclesOf(i) }),
    ),
  ),
  ...OPERATIONS.map((name, i) =>
    name.startsWith("com")
      ? fpu(`D8 R/${i}`, `f${name}`, "ST,STi", "compare_st", { extra: i - 2 })
      : fpu(`D8 R/${i}`, `f${name}`, "ST,STi", "arithmetic_st0", { extra: i, cycles: cyclesOf(i) }),
  ),
  // With the destination ST(i) the encodings of FSUB and FSUBR, FDIV and FDIVR are exchanged.
  ...[0, 1, 4, 5, 6, 7].flatMap((i) => {
    const extra = i < 4 ? i : i ^ 1;
    const options = { extra, cycles: cyclesOf(i) };
    return [
      fpu(`DC R/${i}`, `f${OPERATIONS[extra]}`, "STi,ST", "arithmetic_sti", options),
      fpu(`DE R/${i}`, `f${OPERATIONS[extra]}p`, "STi,ST", "arithmetic_sti_pop", options),
    ];
  }),
  fpu("D9 E0", "fchs", "", "fchs"),
  fpu("D9 E1", "fabs", "", "fabs"),
  fpu("D9 FA", "fsqrt", "", "fsqrt", { cycles: 24 }),
];

const relation = { written: "oszapc" };

const COMPARISONS: Row[] = [
  fpu("DC R/2", "fcom", "ST,STi", "compare_st"),
  fpu("DC R/3", "fcomp", "ST,STi", "compare_st", { extra: POPS }),
  fpu("DE R/2", "fcomp", "ST,STi", "compare_st", { extra: POPS }),
  fpu("DE D9", "fcompp", "", "compare_st", { extra: POPS_TWICE }),
  fpu("DD R/4", "fucom", "ST,STi", "compare_st", { extra: UNORDERED }),
  fpu("DD R/5", "fucomp", "ST,STi", "compare_st", { extra: UNORDERED | POPS }),
  fpu("DA E9", "fucompp", "", "compare_st", { extra: UNORDERED | POPS_TWICE }),
  fpu("DB R/5", "fucomi", "ST,STi", "compare_flags", { extra: UNORDERED, flags: relation }),
  fpu("DB R/6", "fcomi", "ST,STi", "compare_flags", { flags: relation }),
  fpu("DF R/5", "fucomip", "ST,STi", "compare_flags", { extra: UNORDERED | POPS, flags: relation }),
  fpu("DF R/6", "fcomip", "ST,STi", "compare_flags", { extra: POPS, flags: relation }),
  fpu("D9 E4", "ftst", "", "ftst"),
  fpu("D9 E5", "fxam", "", "fxam"),
];

const CONDITIONS = [["b", 2, "c"], ["e", 4, "z"], ["be", 6, "cz"], ["u", 10, "p"]] as const;

const MOVES: Row[] = [
  fpu("D9 M/0", "fld", "Md", "fld_single"),
  fpu("DD M/0", "fld", "Mq", "fld_double"),
  fpu("DB M/5", "fld", "Mt", "fld_extended"),
  fpu("D9 R/0", "fld", "STi", "fld_st"),
  fpu("DF M/0", "fild", "Mw", "fild_word"),
  fpu("DB M/0", "fild", "Md", "fild_short"),
  fpu("DF M/5", "fild", "Mq", "fild_long"),
  fpu("DF M/4", "fbld", "Mt", "fbld", { cycles: 20 }),
  ...[["D9", "Md", "single"], ["DD", "Mq", "double"]].flatMap(([opcode, operand, format]) => [
    fpu(`${opcode} M/2`, "fst", operand, `fst_${format}`),
    fpu(`${opcode} M/3`, "fstp", operand, `fst_${format}`, { extra: POPS }),
  ]),
  ...[["DF", "Mw", "word"], ["DB", "Md", "short"]].flatMap(([opcode, operand, format]) => [
    fpu(`${opcode} M/2`, "fist", operand, `fist_${format}`),
    fpu(`${opcode} M/3`, "fistp", operand, `fist_${format}`, { extra: POPS }),
  ]),
  fpu("DF M/7", "fistp", "Mq", "fist_long", { extra: POPS }),
  fpu("DF M/6", "fbstp", "Mt", "fbstp", { cycles: 100 }),
  fpu("DB M/7", "fstp", "Mt", "fstp_extended"),
  fpu("DD R/2", "fst", "STi", "fst_st"),
  ...["DD R/3", "D9 R/3", "DF R/2", "DF R/3"].map((encoding) => fpu(encoding, "fstp", "STi", "fst_st", { extra: POPS })),
  ...["D9 R/1", "DD R/1", "DF R/1"].map((encoding) => fpu(encoding, "fxch", "STi", "fxch")),
  ...CONDITIONS.flatMap(([name, extra, read], i) => [
    fpu(`DA R/${i}`, `fcmov${name}`, "ST,STi", "fcmov", { extra, flags: { read } }),
    fpu(`DB R/${i}`, `fcmovn${name}`, "ST,STi", "fcmov", { extra: extra + 1, flags: { read } }),
  ]),
  ...["fld1", "fldl2t", "fldl2e", "fldpi", "fldlg2", "fldln2", "fldz"].map((name, extra) =>
    fpu(`D9 ${hex(0xe8 + extra)}`, name, "", "load_constant", { extra }),
  ),
];

const FUNCTIONS: Row[] = [
  fpu("D9 F0", "f2xm1", "", "f2xm1", { cycles: 60 }),
  fpu("D9 F1", "fyl2x", "", "fyl2x", { cycles: 60 }),
  fpu("D9 F2", "fptan", "", "fptan", { cycles: 100 }),
  fpu("D9 F3", "fpatan", "", "fpatan", { cycles: 100 }),
  fpu("D9 F4", "fxtract", "", "fxtract", { cycles: 10 }),
  fpu("D9 F5", "fprem1", "", "fprem", { extra: 1, cycles: 20 }),
  fpu("D9 F8", "fprem", "", "fprem", { cycles: 20 }),
  fpu("D9 F9", "fyl2xp1", "", "fyl2xp1", { cycles: 60 }),
  fpu("D9 FB", "fsincos", "", "fsincos", { cycles: 100 }),
  fpu("D9 FC", "frndint", "", "frndint", { cycles: 20 }),
  fpu("D9 FD", "fscale", "", "fscale", { cycles: 20 }),
  fpu("D9 FE", "fsin", "", "fsin", { cycles: 60 }),
  fpu("D9 FF", "fcos", "", "fcos", { cycles: 60 }),
];

const CONTROL: Row[] = [
  fpu("D9 M/4", "fldenv", "M", "fldenv", { size: "v", cycles: 60 }),
  fpu("D9 M/5", "fldcw", "Mw", "fldcw"),
  fpu("D9 M/6", "fnstenv", "M", "fnstenv", { size: "v", cycles: 60 }),
  fpu("D9 M/7", "fnstcw", "Mw", "fnstcw"),
  fpu("D9 D0", "fnop", "", "fnop"),
  fpu("D9 F6", "fdecstp", "", "fdecstp"),
  fpu("D9 F7", "fincstp", "", "fincstp"),
  fpu("DB E0", "fneni", "", "fnop"),
  fpu("DB E1", "fndisi", "", "fnop"),
  fpu("DB E2", "fnclex", "", "fnclex"),
  fpu("DB E3", "fninit", "", "fninit"),
  fpu("DB E4", "fnsetpm", "", "fnop"),
  fpu("DD M/4", "frstor", "M", "frstor", { size: "v", cycles: 100 }),
  fpu("DD M/6", "fnsave", "M", "fnsave", { size: "v", cycles: 100 }),
  fpu("DD M/7", "fnstsw", "Mw", "fnstsw"),
  fpu("DD R/0", "ffree", "STi", "ffree"),
  fpu("DF R/0", "ffreep", "STi", "ffreep"),
  fpu("DF E0", "fnstsw", "AX", "fnstsw_ax"),
  fpu("9B", "fwait", "", "fwait"),
];

export const X87: readonly Row[] = [...ARITHMETIC, ...COMPARISONS, ...MOVES, ...FUNCTIONS, ...CONTROL];
