/**
 * General-purpose instructions that run within a block (SDM Vol. 1, 7.3).
 */
import { ARITHMETIC, CONDITIONS, CONDITION_FLAGS, hex, LOGICAL, row, type Row } from "./row";

const ALU = ["add", "or", "adc", "sbb", "and", "sub", "xor", "cmp"] as const;
const SHIFTS = ["rol", "ror", "rcl", "rcr", "shl", "shr", "shl", "sar"] as const;

function alu(): Row[] {
  return ALU.flatMap((name, extra) => {
    const o = 8 * extra;
    const flags = {
      ...([1, 4, 6].includes(extra) ? LOGICAL : ARITHMETIC),
      ...(extra === 2 || extra === 3 ? { read: "c" } : {}),
    };
    const options = { extra, flags, hot: name };
    const lock = name !== "cmp";
    return [
      row(`${hex(o)} /r`, name, "Eb,Gb", "alu_rm_reg", { ...options, lock }),
      row(`${hex(o + 1)} /r`, name, "Ev,Gv", "alu_rm_reg", { ...options, lock }),
      row(`${hex(o + 2)} /r`, name, "Gb,Eb", "alu_reg_rm", options),
      row(`${hex(o + 3)} /r`, name, "Gv,Ev", "alu_reg_rm", options),
      row(`${hex(o + 4)}`, name, "AL,Ib", "alu_rm_imm", options),
      row(`${hex(o + 5)}`, name, "rAX,Iz", "alu_rm_imm", options),
      row(`80 /${extra}`, name, "Eb,Ib", "alu_rm_imm", { ...options, lock }),
      row(`81 /${extra}`, name, "Ev,Iz", "alu_rm_imm", { ...options, lock }),
      row(`82 /${extra}`, name, "Eb,Ib", "alu_rm_imm", { ...options, lock, modes: "legacy" }),
      row(`83 /${extra}`, name, "Ev,Ib", "alu_rm_imm", { ...options, lock }),
    ];
  });
}

function shifts(): Row[] {
  return SHIFTS.flatMap((name, extra) => {
    const rotate = extra < 4;
    const flags = {
      ...(rotate ? { written: "oc" } : { written: "oszpc", undefined: "a" }),
      ...(extra === 2 || extra === 3 ? { read: "c" } : {}),
    };
    const options = { extra, flags };
    const hot = { 4: "shl", 5: "shr", 6: "shl", 7: "sar" }[extra];
    const several = { ...options, flags: { ...flags, undefined: rotate ? "o" : "oa" } };
    return [
      row(`C0 /${extra}`, name, "Eb,Ib", "shift_rm_imm", several),
      row(`C1 /${extra}`, name, "Ev,Ib", "shift_rm_imm", { ...several, hot }),
      row(`D0 /${extra}`, name, "Eb,1", "shift_rm_imm", options),
      row(`D1 /${extra}`, name, "Ev,1", "shift_rm_imm", { ...options, hot }),
      row(`D2 /${extra}`, name, "Eb,CL", "shift_rm_cl", several),
      row(`D3 /${extra}`, name, "Ev,CL", "shift_rm_cl", several),
    ];
  });
}

function conditional(): Row[] {
  return CONDITIONS.flatMap((condition, extra) => {
    const flags = { read: CONDITION_FLAGS[extra >> 1] };
    return [
      row(`0F ${hex(0x40 + extra)} /r`, `cmov${condition}`, "Gv,Ev", "cmov", { extra, flags, hot: "cmov" }),
      row(`0F ${hex(0x90 + extra)} /r`, `set${condition}`, "Eb", "setcc", { extra, flags, hot: "set" }),
    ];
  });
}

const multiply = { written: "oc", undefined: "szap" };
const divide = { undefined: "oszapc" };

const UNARY: Row[] = [
  ...[0, 1].flatMap((digit) => [
    row(`F6 /${digit}`, "test", "Eb,Ib", "test_rm_imm", { flags: LOGICAL, hot: "test" }),
    row(`F7 /${digit}`, "test", "Ev,Iz", "test_rm_imm", { flags: LOGICAL, hot: "test" }),
  ]),
  row("F6 /2", "not", "Eb", "not", { lock: true }),
  row("F7 /2", "not", "Ev", "not", { lock: true, hot: "not" }),
  row("F6 /3", "neg", "Eb", "neg", { lock: true, flags: ARITHMETIC }),
  row("F7 /3", "neg", "Ev", "neg", { lock: true, flags: ARITHMETIC, hot: "neg" }),
  row("F6 /4", "mul", "Eb", "mul", { cycles: 3, flags: multiply }),
  row("F7 /4", "mul", "Ev", "mul", { cycles: 3, flags: multiply, hot: "mul" }),
  row("F6 /5", "imul", "Eb", "imul", { cycles: 3, flags: multiply }),
  row("F7 /5", "imul", "Ev", "imul", { cycles: 3, flags: multiply }),
  row("F6 /6", "div", "Eb", "div", { cycles: 25, flags: divide }),
  row("F7 /6", "div", "Ev", "div", { cycles: 25, flags: divide, hot: "div" }),
  row("F6 /7", "idiv", "Eb", "idiv", { cycles: 25, flags: divide }),
  row("F7 /7", "idiv", "Ev", "idiv", { cycles: 25, flags: divide }),
  row("FE /0", "inc", "Eb", "inc", { lock: true, flags: { written: "oszap" }, hot: "inc" }),
  row("FE /1", "dec", "Eb", "dec", { lock: true, flags: { written: "oszap" }, hot: "dec" }),
  row("FF /0", "inc", "Ev", "inc", { lock: true, flags: { written: "oszap" }, hot: "inc" }),
  row("FF /1", "dec", "Ev", "dec", { lock: true, flags: { written: "oszap" }, hot: "dec" }),
  row("40 +r", "inc", "Zv", "inc", { modes: "legacy", flags: { written: "oszap" }, hot: "inc" }),
  row("48 +r", "dec", "Zv", "dec", { modes: "legacy", flags: { written: "oszap" }, hot: "dec" }),
  row("84 /r", "test", "Eb,Gb", "test_rm_reg", { flags: LOGICAL, hot: "test" }),
  row("85 /r", "test", "Ev,Gv", "test_rm_reg", { flags: LOGICAL, hot: "test" }),
  row("A8", "test", "AL,Ib", "test_rm_imm", { flags: LOGICAL, hot: "test" }),
  row("A9", "test", "rAX,Iz", "test_rm_imm", { flags: LOGICAL, hot: "test" }),
  row("69 /r", "imul", "Gv,Ev,Iz", "imul_3", { cycles: 3, flags: multiply, hot: "imul3" }),
  row("6B /r", "imul", "Gv,Ev,Ib", "imul_3", { cycles: 3, flags: multiply, hot: "imul3" }),
  row("0F AF /r", "imul", "Gv,Ev", "imul_2", { cycles: 3, flags: multiply, hot: "imul" }),
];

const MOVES: Row[] = [
  row("88 /r", "mov", "Eb,Gb", "mov_rm_reg", { hot: "mov" }),
  row("89 /r", "mov", "Ev,Gv", "mov_rm_reg", { hot: "mov" }),
  row("8A /r", "mov", "Gb,Eb", "mov_reg_rm", { hot: "mov" }),
  row("8B /r", "mov", "Gv,Ev", "mov_reg_rm", { hot: "mov" }),
  row("C6 /0", "mov", "Eb,Ib", "mov_rm_imm", { hot: "mov" }),
  row("C7 /0", "mov", "Ev,Iz", "mov_rm_imm", { hot: "mov" }),
  row("B0 +r", "mov", "Zb,Ib", "mov_rm_imm", { hot: "mov" }),
  row("B8 +r", "mov", "Zv,Iv", "mov_rm_imm", { hot: "mov" }),
  row("A0", "mov", "AL,Ob", "mov_acc_offset"),
  row("A1", "mov", "rAX,Ov", "mov_acc_offset"),
  row("A2", "mov", "Ob,AL", "mov_offset_acc", { size: "byte" }),
  row("A3", "mov", "Ov,rAX", "mov_offset_acc", { size: "v" }),
  row("NP 0F C3 /r", "movnti", "My,Gy", "mov_rm_reg", { hot: "mov", feature: "SSE2" }),
  row("63 /r", "movsxd", "Gv,Ed", "movsxd", { modes: "64", hot: "movsxd" }),
  row("63 /r", "arpl", "Ew,Gw", "arpl", { modes: "legacy protected", flags: { written: "z" } }),
  row("0F B6 /r", "movzx", "Gv,Eb", "movzx_b", { hot: "movzxb" }),
  row("0F B7 /r", "movzx", "Gv,Ew", "movzx_w", { hot: "movzxw" }),
  row("0F BE /r", "movsx", "Gv,Eb", "movsx_b", { hot: "movsxb" }),
  row("0F BF /r", "movsx", "Gv,Ew", "movsx_w", { hot: "movsxw" }),
  row("8D /r", "lea", "Gv,M", "lea", { hot: "lea", addressOnly: true }),
  row("86 /r", "xchg", "Eb,Gb", "xchg", { lock: true }),
  row("87 /r", "xchg", "Ev,Gv", "xchg", { lock: true, hot: "xchg" }),
  row("0F B0 /r", "cmpxchg", "Eb,Gb", "cmpxchg", { lock: true, flags: ARITHMETIC, cycles: 4 }),
  row("0F B1 /r", "cmpxchg", "Ev,Gv", "cmpxchg", { lock: true, flags: ARITHMETIC, cycles: 4 }),
  row("REX.W 0F C7 /1", "cmpxchg16b", "Mdq", "cmpxchg16b", {
    lock: true, modes: "64", size: "quad", feature: "CMPXCHG16B", flags: { written: "z" }, cycles: 8,
  }),
  row("0F C7 /1", "cmpxchg8b", "Mq", "cmpxchg8b", { lock: true, size: "double", flags: { written: "z" }, cycles: 8 }),
  row("0F C0 /r", "xadd", "Eb,Gb", "xadd", { lock: true, flags: ARITHMETIC, cycles: 4 }),
  row("0F C1 /r", "xadd", "Ev,Gv", "xadd", { lock: true, flags: ARITHMETIC, cycles: 4 }),
  row("0F C8 +r", "bswap", "Zv", "bswap"),
  row("98", "cbw", "", "cbw", { size: "v" }),
  row("99", "cwd", "", "cwd", { size: "v", hot: "cwd" }),
  row("D7", "xlat", "", "xlat", { size: "byte" }),
  row("9E", "sahf", "", "sahf", { flags: { written: "szapc" } }),
  row("9F", "lahf", "", "lahf", { flags: { read: "szapc" } }),
  row("F5", "cmc", "", "cmc", { flags: { read: "c", written: "c" } }),
  row("F8", "clc", "", "clc", { flags: { written: "c" } }),
  row("F9", "stc", "", "stc", { flags: { written: "c" } }),
  row("FC", "cld", "", "cld", { flags: { written: "d" } }),
  row("FD", "std", "", "std", { flags: { written: "d" } }),
];

const BIT_OPERATIONS = ["bt", "bts", "btr", "btc"] as const;
const bitFlags = { written: "c", undefined: "osap" };
const scan = { written: "z", undefined: "osapc" };

const BITS: Row[] = [
  ...BIT_OPERATIONS.flatMap((name, extra) => [
    row(`0F ${hex(0xa3 + 8 * extra)} /r`, name, "Ev,Gv", "bit_rm_reg", { extra, lock: extra > 0, flags: bitFlags }),
    row(`0F BA /${4 + extra}`, name, "Ev,Ib", "bit_rm_imm", { extra, lock: extra > 0, flags: bitFlags }),
  ]),
  row("0F A4 /r", "shld", "Ev,Gv,Ib", "shld_imm", { flags: { written: "szpc", undefined: "oa" } }),
  row("0F A5 /r", "shld", "Ev,Gv,CL", "shld_cl", { flags: { written: "szpc", undefined: "oa" } }),
  row("0F AC /r", "shrd", "Ev,Gv,Ib", "shrd_imm", { flags: { written: "szpc", undefined: "oa" } }),
  row("0F AD /r", "shrd", "Ev,Gv,CL", "shrd_cl", { flags: { written: "szpc", undefined: "oa" } }),
  row("F3 0F B8 /r", "popcnt", "Gv,Ev", "popcnt_", { feature: "POPCNT", flags: { written: "oszapc" } }),
  row("0F BC /r", "bsf", "Gv,Ev", "bsf", { flags: scan }),
  row("0F BD /r", "bsr", "Gv,Ev", "bsr", { flags: scan }),
];

const decimal = { read: "ac", written: "szapc", undefined: "o" };

const LEGACY: Row[] = [
  row("27", "daa", "", "daa", { modes: "legacy", flags: decimal }),
  row("2F", "das", "", "das", { modes: "legacy", flags: decimal }),
  row("37", "aaa", "", "aaa", { modes: "legacy", flags: { read: "a", written: "ac", undefined: "oszp" } }),
  row("3F", "aas", "", "aas", { modes: "legacy", flags: { read: "a", written: "ac", undefined: "oszp" } }),
  row("D4", "aam", "Ib", "aam", { modes: "legacy", size: "byte", cycles: 10, flags: { written: "szp", undefined: "oac" } }),
  row("D5", "aad", "Ib", "aad", { modes: "legacy", size: "byte", flags: { written: "szp", undefined: "oac" } }),
  row("D6", "salc", "", "salc", { modes: "legacy", flags: { read: "c" } }),
  row("62 /r", "bound", "Gv,M", "bound", { modes: "legacy" }),
  row("60", "pusha", "", "pusha", { modes: "legacy", size: "v", cycles: 8 }),
  row("61", "popa", "", "popa", { modes: "legacy", size: "v", cycles: 8 }),
];

const STACK: Row[] = [
  row("50 +r", "push", "Zv", "push_rm", { size: "d64", hot: "push", hotOnlyIn64: true }),
  row("58 +r", "pop", "Zv", "pop_rm", { size: "d64", hot: "pop", hotOnlyIn64: true }),
  row("FF /6", "push", "Ev", "push_rm", { size: "d64", hot: "push", hotOnlyIn64: true }),
  row("8F /0", "pop", "Ev", "pop_rm", { size: "d64" }),
  row("68", "push", "Iz", "push_imm", { size: "d64", hot: "pushi", hotOnlyIn64: true }),
  row("6A", "push", "Ib", "push_imm", { size: "d64", hot: "pushi", hotOnlyIn64: true }),
  row("C8", "enter", "Iw,Ib", "enter", { size: "d64", cycles: 8 }),
  row("C9", "leave", "", "leave", { size: "d64", hot: "leave", hotOnlyIn64: true }),
];

const HINTS: Row[] = [
  row("90 +r", "xchg", "Zv,rAX", "xchg_acc", {}),
  ...[0, 1, 2, 3].map((digit) => row(`0F 18 /${digit}`, "prefetch", "Mb", "nop", { addressOnly: true })),
  row("0F 18 /r", "nop", "Ev", "nop", { addressOnly: true }),
  row("0F 0D M/r", "prefetchw", "Mb", "nop", { addressOnly: true, feature: "PREFETCHW" }),
  row("0F 0D /r", "nop", "Ev", "nop", { addressOnly: true }),
  ...[0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1f].map((opcode) =>
    row(`0F ${hex(opcode)} /r`, "nop", "Ev", "nop", { addressOnly: true, hot: "nop" }),
  ),
  row("F3 0F 1E FA", "endbr64", "", "nop", { hot: "nop" }),
  row("F3 0F 1E FB", "endbr32", "", "nop", { hot: "nop" }),
  row("0F 1E /r", "nop", "Ev", "nop", { addressOnly: true, hot: "nop" }),
  row("NP 0F AE /7", "clflush", "Mb", "clflush", { size: "byte", feature: "CLFSH" }),
  row("NP 0F AE R/5", "lfence", "", "nop", { feature: "SSE2", cycles: 4 }),
  row("NP 0F AE R/6", "mfence", "", "mfence", { feature: "SSE2", cycles: 20 }),
  row("NP 0F AE R/7", "sfence", "", "nop", { feature: "SSE", cycles: 4 }),
];

export const INTEGER: readonly Row[] = [
  ...alu(), ...shifts(), ...conditional(), ...UNARY, ...MOVES, ...BITS, ...LEGACY, ...STACK, ...HINTS,
];
