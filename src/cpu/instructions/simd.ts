/**
 * MMX, SSE and SSE2 (SDM Vol. 1, chapters 9 to 11; Vol. 2, table A-3). They run within a block.
 */
import * as o from "../simd/operations";
import { hex, row, type Row } from "./row";

type Options = NonNullable<Parameters<typeof row>[4]>;

const MMX = { feature: "MMX" } as const;
const SSE = { feature: "SSE" } as const;
const SSE2 = { feature: "SSE2" } as const;

const integer = (opcode: number, name: string, extra: number, mmx: Options | undefined = MMX): Row[] => [
  ...(mmx ? [row(`NP 0F ${hex(opcode)} /r`, name, "Pq,Qq", "packed_mmx", { ...mmx, extra })] : []),
  row(`66 0F ${hex(opcode)} /r`, name, "Vdq,Wdq", "packed", { ...SSE2, extra }),
];

/** Names of operations.ts, in capitals, at consecutive opcodes from `first`; "-" is none of these. */
const run = (first: number, names: string, mmx?: Options): Row[] =>
  names.split(" ").flatMap((name, i) => {
    if (name === "-") return [];
    return integer(first + i, name, o[name.toUpperCase() as keyof typeof o], mmx);
  });

/** MMX instructions that came with SSE and with SSE2. */
const LATER: Record<string, Options> = {
  pminub: SSE, pmaxub: SSE, pavgb: SSE, pavgw: SSE, pmulhuw: SSE, pminsw: SSE, pmaxsw: SSE, psadbw: SSE,
  paddq: SSE2, psubq: SSE2, pmuludq: SSE2,
};

const INTEGERS: Row[] = [
  ...run(0x60, "punpcklbw punpcklwd punpckldq packsswb pcmpgtb pcmpgtw pcmpgtd packuswb punpckhbw punpckhwd punpckhdq packssdw"),
  row("66 0F 6C /r", "punpcklqdq", "Vdq,Wdq", "packed", { ...SSE2, extra: o.PUNPCKLQDQ }),
  row("66 0F 6D /r", "punpckhqdq", "Vdq,Wdq", "packed", { ...SSE2, extra: o.PUNPCKHQDQ }),
  ...run(0x74, "pcmpeqb pcmpeqw pcmpeqd"),
  ...run(0xd4, "paddq pmullw - - psubusb psubusw pminub pand paddusb paddusw pmaxub pandn pavgb - - pavgw pmulhuw pmulhw"),
  ...run(0xe8, "psubsb psubsw pminsw por paddsb paddsw pmaxsw pxor"),
  ...run(0xf4, "pmuludq pmaddwd psadbw - psubb psubw psubd psubq paddb paddw paddd"),
].map((entry) => (entry.operands === "Pq,Qq" ? { ...entry, ...LATER[entry.mnemonic] } : entry));

const SHIFTS = [
  ["psrlw", 0xd1, o.PSRLW, "71 /2"], ["psrld", 0xd2, o.PSRLD, "72 /2"], ["psrlq", 0xd3, o.PSRLQ, "73 /2"],
  ["psraw", 0xe1, o.PSRAW, "71 /4"], ["psrad", 0xe2, o.PSRAD, "72 /4"],
  ["psllw", 0xf1, o.PSLLW, "71 /6"], ["pslld", 0xf2, o.PSLLD, "72 /6"], ["psllq", 0xf3, o.PSLLQ, "73 /6"],
] as const;

const shifts = (): Row[] => [
  ...SHIFTS.flatMap(([name, opcode, extra, group]) => [
    row(`NP 0F ${hex(opcode)} /r`, name, "Pq,Qq", "shift_packed_mmx", { ...MMX, extra }),
    row(`66 0F ${hex(opcode)} /r`, name, "Vdq,Wdq", "shift_packed", { ...SSE2, extra }),
    row(`NP 0F ${group}`, name, "Nq,Ib", "shift_packed_imm_mmx", { ...MMX, extra }),
    row(`66 0F ${group}`, name, "Udq,Ib", "shift_packed_imm", { ...SSE2, extra }),
  ]),
  row("66 0F 73 /3", "psrldq", "Udq,Ib", "shift_packed_imm", { ...SSE2, extra: o.PSRLDQ }),
  row("66 0F 73 /7", "pslldq", "Udq,Ib", "shift_packed_imm", { ...SSE2, extra: o.PSLLDQ }),
];

const MOVES: Row[] = [
  row("NP 0F 10 /r", "movups", "Vps,Wps", "movu_load", SSE),
  row("66 0F 10 /r", "movupd", "Vpd,Wpd", "movu_load", SSE2),
  row("F3 0F 10 /r", "movss", "Vss,Wss", "movss_load", SSE),
  row("F2 0F 10 /r", "movsd", "Vsd,Wsd", "movsd_load", SSE2),
  row("NP 0F 11 /r", "movups", "Wps,Vps", "movu_store", SSE),
  row("66 0F 11 /r", "movupd", "Wpd,Vpd", "movu_store", SSE2),
  row("F3 0F 11 /r", "movss", "Wss,Vss", "movss_store", SSE),
  row("F2 0F 11 /r", "movsd", "Wsd,Vsd", "movsd_store", SSE2),
  row("NP 0F 12 M/r", "movlps", "Vq,Mq", "movlps_load", SSE),
  row("NP 0F 12 R/r", "movhlps", "Vq,Uq", "movlps_load", SSE),
  row("66 0F 12 M/r", "movlpd", "Vq,Mq", "movlps_load", SSE2),
  row("NP 0F 13 M/r", "movlps", "Mq,Vq", "movsd_store", SSE),
  row("66 0F 13 M/r", "movlpd", "Mq,Vq", "movsd_store", SSE2),
  row("NP 0F 16 M/r", "movhps", "Vq,Mq", "movhps_load", SSE),
  row("NP 0F 16 R/r", "movlhps", "Vq,Uq", "movhps_load", SSE),
  row("66 0F 16 M/r", "movhpd", "Vq,Mq", "movhps_load", SSE2),
  row("NP 0F 17 M/r", "movhps", "Mq,Vq", "movhps_store", SSE),
  row("66 0F 17 M/r", "movhpd", "Mq,Vq", "movhps_store", SSE2),
  row("NP 0F 28 /r", "movaps", "Vps,Wps", "mova_load", SSE),
  row("66 0F 28 /r", "movapd", "Vpd,Wpd", "mova_load", SSE2),
  row("NP 0F 29 /r", "movaps", "Wps,Vps", "mova_store", SSE),
  row("66 0F 29 /r", "movapd", "Wpd,Vpd", "mova_store", SSE2),
  row("NP 0F 2B M/r", "movntps", "Mps,Vps", "mova_store", SSE),
  row("66 0F 2B M/r", "movntpd", "Mpd,Vpd", "mova_store", SSE2),
  row("66 0F E7 M/r", "movntdq", "Mdq,Vdq", "mova_store", SSE2),
  row("NP 0F E7 M/r", "movntq", "Mq,Pq", "movq_store_mmx", SSE),
  row("66 0F 6F /r", "movdqa", "Vdq,Wdq", "mova_load", SSE2),
  row("66 0F 7F /r", "movdqa", "Wdq,Vdq", "mova_store", SSE2),
  row("F3 0F 6F /r", "movdqu", "Vdq,Wdq", "movu_load", SSE2),
  row("F3 0F 7F /r", "movdqu", "Wdq,Vdq", "movu_store", SSE2),
  row("NP 0F 6F /r", "movq", "Pq,Qq", "movq_load_mmx", MMX),
  row("NP 0F 7F /r", "movq", "Qq,Pq", "movq_store_mmx", MMX),
  row("F3 0F 7E /r", "movq", "Vq,Wq", "movq_load", SSE2),
  row("66 0F D6 /r", "movq", "Wq,Vq", "movq_store", SSE2),
  row("NP 0F 6E /r", "movd", "Pq,Ey", "movd_load_mmx", { ...MMX, size: "y" }),
  row("66 0F 6E /r", "movd", "Vdq,Ey", "movd_load", { ...SSE2, size: "y" }),
  row("NP 0F 7E /r", "movd", "Ey,Pq", "movd_store_mmx", MMX),
  row("66 0F 7E /r", "movd", "Ey,Vdq", "movd_store", SSE2),
  row("F3 0F D6 R/r", "movq2dq", "Vdq,Nq", "movq2dq", SSE2),
  row("F2 0F D6 R/r", "movdq2q", "Pq,Uq", "movdq2q", SSE2),
  row("NP 0F 50 R/r", "movmskps", "Gd,Ups", "movmskps", SSE),
  row("66 0F 50 R/r", "movmskpd", "Gd,Upd", "movmskpd", SSE2),
  row("NP 0F D7 R/r", "pmovmskb", "Gd,Nq", "pmovmskb_mmx", SSE),
  row("66 0F D7 R/r", "pmovmskb", "Gd,Udq", "pmovmskb", SSE2),
  row("NP 0F F7 R/r", "maskmovq", "Pq,Nq", "maskmovq", SSE),
  row("66 0F F7 R/r", "maskmovdqu", "Vdq,Udq", "maskmovdqu", SSE2),
];

const SHUFFLES: Row[] = [
  row("NP 0F 14 /r", "unpcklps", "Vps,Wps", "packed", { ...SSE, extra: o.PUNPCKLDQ }),
  row("66 0F 14 /r", "unpcklpd", "Vpd,Wpd", "packed", { ...SSE2, extra: o.PUNPCKLQDQ }),
  row("NP 0F 15 /r", "unpckhps", "Vps,Wps", "packed", { ...SSE, extra: o.PUNPCKHDQ }),
  row("66 0F 15 /r", "unpckhpd", "Vpd,Wpd", "packed", { ...SSE2, extra: o.PUNPCKHQDQ }),
  row("NP 0F 70 /r", "pshufw", "Pq,Qq,Ib", "pshufw", SSE),
  row("66 0F 70 /r", "pshufd", "Vdq,Wdq,Ib", "pshufd", SSE2),
  row("F3 0F 70 /r", "pshufhw", "Vdq,Wdq,Ib", "pshufhw", SSE2),
  row("F2 0F 70 /r", "pshuflw", "Vdq,Wdq,Ib", "pshuflw", SSE2),
  row("NP 0F C4 /r", "pinsrw", "Pq,Ew,Ib", "pinsrw_mmx", SSE),
  row("66 0F C4 /r", "pinsrw", "Vdq,Ew,Ib", "pinsrw", SSE2),
  row("NP 0F C5 R/r", "pextrw", "Gd,Nq,Ib", "pextrw_mmx", SSE),
  row("66 0F C5 R/r", "pextrw", "Gd,Udq,Ib", "pextrw", SSE2),
  row("NP 0F C6 /r", "shufps", "Vps,Wps,Ib", "shufps", SSE),
  row("66 0F C6 /r", "shufpd", "Vpd,Wpd,Ib", "shufpd", SSE2),
];

const logical = (opcode: number, name: string, extra: number): Row[] => [
  row(`NP 0F ${hex(opcode)} /r`, `${name}ps`, "Vps,Wps", "packed", { ...SSE, extra }),
  row(`66 0F ${hex(opcode)} /r`, `${name}pd`, "Vpd,Wpd", "packed", { ...SSE2, extra }),
];

const FORMATS = [["NP", "ps"], ["66", "pd"], ["F3", "ss"], ["F2", "sd"]] as const;
const featureOf = (format: string): typeof SSE | typeof SSE2 => (format.endsWith("s") ? SSE : SSE2);

const formats = (opcode: number, name: string, handler: string, options: Options, tail = ""): Row[] =>
  FORMATS.map(([prefix, format]) =>
    row(`${prefix} 0F ${hex(opcode)} /r`, name + format, `V${format},W${format}${tail}`, `${handler}_${format}`, {
      ...featureOf(format), ...options,
    }),
  );

const relation = { written: "oszapc" };

const FLOATING: Row[] = [
  ...logical(0x54, "and", o.PAND), ...logical(0x55, "andn", o.PANDN), ...logical(0x56, "or", o.POR), ...logical(0x57, "xor", o.PXOR),
  ...formats(0x51, "sqrt", "arithmetic", { extra: o.SQRT, cycles: 15 }),
  ...formats(0x58, "add", "arithmetic", { extra: o.ADD }),
  ...formats(0x59, "mul", "arithmetic", { extra: o.MUL }),
  ...formats(0x5c, "sub", "arithmetic", { extra: o.SUB }),
  ...formats(0x5d, "min", "arithmetic", { extra: o.MIN }),
  ...formats(0x5e, "div", "arithmetic", { extra: o.DIV, cycles: 13 }),
  ...formats(0x5f, "max", "arithmetic", { extra: o.MAX }),
  ...formats(0xc2, "cmp", "cmp", {}, ",Ib"),
  ...[["rsqrt", 0x52, o.RSQRT] as const, ["rcp", 0x53, o.RCP] as const].flatMap(([name, opcode, extra]) => [
    row(`NP 0F ${hex(opcode)} /r`, `${name}ps`, "Vps,Wps", "approximate_ps", { ...SSE, extra }),
    row(`F3 0F ${hex(opcode)} /r`, `${name}ss`, "Vss,Wss", "approximate_ss", { ...SSE, extra }),
  ]),
  ...["ucomis", "comis"].flatMap((name, extra) => [
    row(`NP 0F ${hex(0x2e + extra)} /r`, `${name}s`, "Vss,Wss", "comis_ss", { ...SSE, extra, flags: relation }),
    row(`66 0F ${hex(0x2e + extra)} /r`, `${name}d`, "Vsd,Wsd", "comis_sd", { ...SSE2, extra, flags: relation }),
  ]),
];

const TRUNCATE = { extra: 1 };

const CONVERSIONS: Row[] = [
  row("NP 0F 5A /r", "cvtps2pd", "Vpd,Wps", "cvtps2pd", SSE2),
  row("66 0F 5A /r", "cvtpd2ps", "Vps,Wpd", "cvtpd2ps", SSE2),
  row("F3 0F 5A /r", "cvtss2sd", "Vsd,Wss", "cvtss2sd", SSE2),
  row("F2 0F 5A /r", "cvtsd2ss", "Vss,Wsd", "cvtsd2ss", SSE2),
  row("NP 0F 5B /r", "cvtdq2ps", "Vps,Wdq", "cvtdq2ps", SSE2),
  row("66 0F 5B /r", "cvtps2dq", "Vdq,Wps", "cvtps2dq", SSE2),
  row("F3 0F 5B /r", "cvttps2dq", "Vdq,Wps", "cvtps2dq", { ...SSE2, ...TRUNCATE }),
  row("66 0F E6 /r", "cvttpd2dq", "Vdq,Wpd", "cvtpd2dq", { ...SSE2, ...TRUNCATE }),
  row("F3 0F E6 /r", "cvtdq2pd", "Vpd,Wdq", "cvtdq2pd", SSE2),
  row("F2 0F E6 /r", "cvtpd2dq", "Vdq,Wpd", "cvtpd2dq", SSE2),
  row("NP 0F 2A M/r", "cvtpi2ps", "Vps,Mq", "cvtpi2ps_memory", SSE),
  row("NP 0F 2A R/r", "cvtpi2ps", "Vps,Nq", "cvtpi2ps", SSE),
  row("66 0F 2A M/r", "cvtpi2pd", "Vpd,Mq", "cvtdq2pd", SSE2),
  row("66 0F 2A R/r", "cvtpi2pd", "Vpd,Nq", "cvtpi2pd", SSE2),
  row("F3 0F 2A /r", "cvtsi2ss", "Vss,Ey", "cvtsi2ss", { ...SSE, size: "y" }),
  row("F2 0F 2A /r", "cvtsi2sd", "Vsd,Ey", "cvtsi2sd", { ...SSE2, size: "y" }),
  ...["cvtt", "cvt"].flatMap((name, i) => {
    const extra = 1 - i;
    return [
      row(`NP 0F ${hex(0x2c + i)} /r`, `${name}ps2pi`, "Ppi,Wps", "cvtps2pi", { ...SSE, extra }),
      row(`66 0F ${hex(0x2c + i)} /r`, `${name}pd2pi`, "Ppi,Wpd", "cvtpd2pi", { ...SSE2, extra }),
      row(`F3 0F ${hex(0x2c + i)} /r`, `${name}ss2si`, "Gy,Wss", "cvtss2si", { ...SSE, extra }),
      row(`F2 0F ${hex(0x2c + i)} /r`, `${name}sd2si`, "Gy,Wsd", "cvtsd2si", { ...SSE2, extra }),
    ];
  }),
];

const STATE: Row[] = [
  row("NP 0F 77", "emms", "", "emms", MMX),
  row("NP 0F AE M/2", "ldmxcsr", "Md", "ldmxcsr", SSE),
  row("NP 0F AE M/3", "stmxcsr", "Md", "stmxcsr", SSE),
];

export const SIMD: readonly Row[] = [
  ...INTEGERS, ...shifts(), ...MOVES, ...SHUFFLES, ...FLOATING, ...CONVERSIONS, ...STATE,
];
