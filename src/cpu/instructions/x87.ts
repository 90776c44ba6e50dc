/**
 * x87 (SDM Vol. 1, chapter 8; Vol. 2, tables ). They run within a block.
 */
import { row, type Row } from "./row";

const FPU = { feature: "FPU" } as const;

const CONTROL: Row[] = [
  row("D9 M/5", "fldcw", "Mw", "fldcw", FPU),
  row("D9 M/7", "fnstcw", "Mw", "fnstcw", FPU),
  row("D9 D0", "fnop", "", "fnop", FPU),
  row("DB E0", "fneni", "", "fnop", FPU),
  row("DB E1", "fndisi", "", "fnop", FPU),
  row("DB E2", "fnclex", "", "fnclex", FPU),
  row("DB E3", "fninit", "", "fninit", FPU),
  row("DB E4", "fnsetpm", "", "fnop", FPU),
  row("DD M/7", "fnstsw", "Mw", "fnstsw", FPU),
  row("DF E0", "fnstsw", "AX", "fnstsw_ax", FPU),
  row("9B", "fwait", "", "fwait", FPU),
];

export const X87: readonly Row[] = [...CONTROL];
