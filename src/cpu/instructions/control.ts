/**
 * Near transfers of control (SDM Vol. 1, 7.3.8) and string instructions (7.3.9): they end their block, because they go
 * elsewhere or, repeated, may be interrupted.
 */
import { CONDITIONS, CONDITION_FLAGS, ARITHMETIC, hex, row, type Row } from "./row";

const branches = CONDITIONS.flatMap((condition, extra) => {
  const options = {
    class: "branch", size: "f64", extra, hot: `j${extra}`, flags: { read: CONDITION_FLAGS[extra >> 1] },
  } as const;
  return [
    row(hex(0x70 + extra), `j${condition}`, "Jb", "jcc", options),
    row(`0F ${hex(0x80 + extra)}`, `j${condition}`, "Jz", "jcc", options),
  ];
});

const string = (opcode: number, mnemonic: string, handler: string, compares: boolean): Row[] => {
  const flags = compares ? { read: "d", written: ARITHMETIC.written } : { read: "d" };
  return [
    row(hex(opcode), mnemonic, "Xb", handler, { class: "system", size: "byte", flags }),
    row(hex(opcode + 1), mnemonic, "Xv", handler, { class: "system", size: "v", flags }),
  ];
};

export const CONTROL: readonly Row[] = [
  ...branches,
  row("E8", "call", "Jz", "call_near", { class: "branch", size: "f64", hot: "call", hotOnlyIn64: true }),
  row("E9", "jmp", "Jz", "jmp_near", { class: "branch", size: "f64", hot: "jmp" }),
  row("EB", "jmp", "Jb", "jmp_near", { class: "branch", size: "f64", hot: "jmp" }),
  row("E0", "loopne", "Jb", "loopne", { class: "branch", size: "f64", flags: { read: "z" } }),
  row("E1", "loope", "Jb", "loope", { class: "branch", size: "f64", flags: { read: "z" } }),
  row("E2", "loop", "Jb", "loop", { class: "branch", size: "f64", hot: "loop" }),
  row("E3", "jcxz", "Jb", "jcxz", { class: "branch", size: "f64" }),
  row("FF /2", "call", "Ev", "call_indirect_", { class: "system", size: "f64", hot: "callr", hotOnlyIn64: true, cycles: 2 }),
  row("FF /4", "jmp", "Ev", "jmp_indirect", { class: "system", size: "f64", hot: "jmpr", hotOnlyIn64: true, cycles: 2 }),
  row("C2", "ret", "Iw", "ret_near", { class: "system", size: "f64", cycles: 2 }),
  row("C3", "ret", "", "ret_near", { class: "system", size: "f64", hot: "ret", hotOnlyIn64: true, cycles: 2 }),
  ...string(0xa4, "movs", "movs", false),
  ...string(0xa6, "cmps", "cmps", true),
  ...string(0xaa, "stos", "stos", false),
  ...string(0xac, "lods", "lods", false),
  ...string(0xae, "scas", "scas", true),
];
