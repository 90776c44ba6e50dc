/** What a run of the guest "rings" says about the predictions of chapter 4. Pure. */
import { compressionRows } from "../figures/compression-rows.js";
import type { Verdict } from "./prediction.js";

export const COMPRESSION_PREDICTIONS = [
  { id: "CLI", text: "CLI: switch interrupts off" },
  { id: "POPF", text: "POPF: load the flags, with interrupts off among them" },
  { id: "MOV CR0", text: "MOV from CR0: read the control register" },
  { id: "SMSW", text: "SMSW: read the lower half of the same register" },
  { id: "LGDT", text: "LGDT: load the address of the descriptor table" },
  { id: "SGDT", text: "SGDT: store it" },
  { id: "MOV SS", text: "MOV from SS: which ring am I in?" },
] as const;

/** An item happens when the instruction traps. */
export function compressionVerdicts(console: string): Record<string, Verdict> {
  return Object.fromEntries(
    compressionRows(console).map(({ instruction, fate, believed, found }) => [
      instruction,
      fate === "trapped"
        ? { happened: true, evidence: "#GP: it traps" }
        : { happened: false, evidence: `no trap: ${found}, not ${believed}` },
    ]),
  );
}
