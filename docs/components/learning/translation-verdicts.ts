/** What two runs of the guest "translated-code" say about the predictions of chapter 5. Pure. */
import { count } from "../figures/format.js";
import { measuredCycles } from "../figures/measured-rows.js";
import type { Verdict } from "./prediction.js";

export const TRANSLATION_PREDICTIONS = [
  { id: "add", text: "ADD, in a loop" },
  { id: "in", text: "IN from port 80h" },
  { id: "call-ret", text: "CALL and RET" },
  { id: "cpuid", text: "CPUID" },
  { id: "table-write", text: "MOV to an entry of a page table that is in use" },
] as const;

/** An item happens when a round of it takes fewer cycles translated than natively. */
export function translationVerdicts(native: string, translated: string): Record<string, Verdict> {
  const before = measuredCycles(native);
  const after = measuredCycles(translated);
  return Object.fromEntries(
    TRANSLATION_PREDICTIONS.map(({ id }) => {
      const [n, t] = [before.get(id), after.get(id)];
      if (n === undefined || t === undefined) return [id, null];
      return [id, { happened: t < n, evidence: `${count(t)} against ${count(n)} natively` }];
    }),
  );
}
