/**
 * The two families of cases: each with a supervisor, a report, and reasons for differences that are QEMU's.
 */
import { makeCase, type Case } from "./cases.js";
import { explained } from "./explained.js";
import { explainedLong } from "./explained-long.js";
import { LEGACY_REPORT, LONG_REPORT, type Field } from "./layout.js";
import { makeLongCase } from "./long-cases.js";

export interface Suite {
  /** Source of the supervisor, and how GNU as and ld are to take it. */
  readonly source: string;
  readonly bits: 32 | 64;
  readonly report: readonly Field[];
  readonly recording: string;
  make(seed: number): Case;
  /** Why two reports of a case differ, where that is QEMU's doing. */
  explained(one: Case, qemu: Buffer, core: Buffer): string | undefined;
}

export const SUITES = {
  legacy: {
    source: "legacy.S",
    bits: 32,
    report: LEGACY_REPORT,
    recording: "recorded.json.gz",
    make: makeCase,
    explained,
  },
  long: {
    source: "long.S",
    bits: 64,
    report: LONG_REPORT,
    recording: "recorded-long.json.gz",
    make: makeLongCase,
    explained: explainedLong,
  },
} as const satisfies Record<string, Suite>;
