/**
 * Forms that exist on real processors and raise #UD here, with a trace record: to be given handlers one by one.
 */
import { hex, row, type Row } from "./row";

const absent = (encoding: string, mnemonic: string, operands: string): Row =>
  row(encoding, mnemonic, operands, undefined, { class: "system" });

export const ABSENT: readonly Row[] = [
  ...["DB", "DD", "DF"].map((opcode) => absent(`${opcode} M/1`, "fisttp", "M")),
  ...["F2 0F 12", "F3 0F 12", "F3 0F 16", "66 0F 7C", "F2 0F 7C", "66 0F 7D", "F2 0F 7D", "66 0F D0", "F2 0F D0", "F2 0F F0"].map(
    (encoding) => absent(`${encoding} /r`, "SSE3", "Vps,Wps"),
  ),
  ...Array.from({ length: 0x42 }, (_, i) => absent(`0F 38 ${hex(i)} /r`, "SSE", "Vps,Wps")),
  ...[0xf0, 0xf1, 0xf6].map((opcode) => absent(`0F 38 ${hex(opcode)} /r`, "movbe", "Gv,Mv")),
  ...Array.from({ length: 0x63 }, (_, i) => absent(`0F 3A ${hex(i)} /r`, "SSE", "Vps,Wps,Ib")),
  absent("0F 01 EE", "rdpkru", ""),
  absent("0F 01 EF", "wrpkru", ""),
  absent("0F C7 R/6", "rdrand", "Rv"),
  absent("0F C7 R/7", "rdseed", "Rv"),
  absent("0F C7 M/3", "xrstors", "M"),
  absent("0F C7 M/4", "xsavec", "M"),
  absent("0F C7 M/5", "xsaves", "M"),
];
