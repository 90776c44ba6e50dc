/** What runs of the guest "table-updates" say about the predictions of chapter 6. Pure. */
import { counted } from "../figures/format.js";
import type { UpdateRun } from "../figures/update-crossings.js";
import type { Verdict } from "./prediction.js";

/** Way and entries at a time. */
export const UPDATE_PREDICTIONS = [
  { id: "pv-1", text: "Hypercalls, one entry in each" },
  { id: "pv-16", text: "Hypercalls, sixteen entries in each" },
  { id: "bt-64", text: "An unmodified kernel under binary translation" },
  { id: "shadow-64", text: "An unmodified kernel under VT-x, with shadow page tables" },
  { id: "nested-64", text: "An unmodified kernel under VT-x, with nested paging" },
] as const;

export const PAGES = 64;

/**
 * An item happens when there is a crossing for each page, or more.
 * @param runs - by way; each by entries at a time
 */
export function updateVerdicts(
  runs: Readonly<Record<string, ReadonlyMap<number, UpdateRun>>>,
): Record<string, Verdict> {
  return Object.fromEntries(
    UPDATE_PREDICTIONS.map(({ id }) => {
      const [way, batch] = id.split("-");
      const run = runs[way]?.get(Number(batch));
      if (run === undefined) return [id, null];
      const crossings = run.stays.length;
      return [
        id,
        {
          happened: crossings >= PAGES,
          evidence: `${counted(crossings, "crossing")} for ${PAGES} pages`,
        },
      ];
    }),
  );
}
