import { HUGE_PAGE_BYTES, LARGE_PAGE_BYTES, PAGE_BYTES } from "../../hypervisor/memory/layout.js";
import { NestedPaging } from "../../hypervisor/memory/nested.js";
import { PRESETS } from "../../machine/costs.js";
import type { Experiment, Laboratory, Row } from "../experiment.js";
import { runMeasured } from "../measured-run.js";

const PRESET = "skylake";
const GUEST_PAGES = [PAGE_BYTES, LARGE_PAGE_BYTES, HUGE_PAGE_BYTES] as const;
/** A host without pages of its own: no second dimension. */
const HOST_PAGES = [null, PAGE_BYTES, LARGE_PAGE_BYTES] as const;

/** Tables on the way to a page in IA-32e mode, and to one of EPT. */
function levels(page: number): number {
  return page === PAGE_BYTES ? 4 : page === LARGE_PAGE_BYTES ? 3 : 2;
}

/**
 * Memory references of one TLB miss, as the processor makes them: a load that misses takes longer than one that hits by what each
 * reference costs.
 */
export const walk: Experiment = {
  name: "walk",
  title: "References of a TLB miss",
  description:
    "Memory references of one TLB miss, in one dimension and in two, by page size on both sides, with and without paging-structure caches.",
  columns: ["guestLevels", "hostLevels", "guestPage", "hostPage", "caches", "references"],
  parameters: () => ({ processor: PRESET, cyclesPerReference: PRESETS[PRESET].costs.walkReference }),
  run: (laboratory) =>
    [false, true].flatMap((caches) =>
      HOST_PAGES.flatMap((hostPage) =>
        GUEST_PAGES.map((guestPage) => measure(laboratory, guestPage, hostPage, caches)),
      ),
    ),
};

function measure(
  laboratory: Laboratory,
  guestPage: number,
  hostPage: (typeof HOST_PAGES)[number],
  structureCaches: boolean,
): Row {
  const { results } = runMeasured(laboratory, "page-walk", {
    cpuMode: hostPage === null ? "native" : "vtx",
    preset: PRESET,
    argument: guestPage,
    parts:
      hostPage === null
        ? undefined
        : { memory: (resources) => new NestedPaging(resources, { largestPage: hostPage }) },
    structureCaches,
  });
  return {
    guestLevels: levels(guestPage),
    hostLevels: hostPage === null ? 0 : levels(hostPage),
    guestPage,
    hostPage,
    caches: structureCaches,
    references: (results.get("miss")! - results.get("hit")!) / PRESETS[PRESET].costs.walkReference,
  };
}
