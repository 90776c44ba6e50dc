import type { PartKind } from "./parts/part.js";
import type { Finding, Visibility } from "./report.js";
import type { ScenarioSpec, Workbench } from "./scenario.js";

/** What a check found. */
export type CheckResult =
  { state: "passed" } | ({ state: "failed" } & Finding) | { state: "could-not-be-graded"; message: string };

/** One check of a lab. It judges what the machine did, never what the part says about itself. */
export interface Check<Observed = unknown> {
  /** Unique within the lab; stays when the title changes. */
  id: string;
  /** A sentence that a passed check makes true. */
  title: string;
  points: number;
  /** Hidden checks are run when a submission is graded, not while a student works. */
  visibility: Visibility;
  /** Checks without which this one means nothing. */
  dependsOn?: readonly string[];
  /** Shown one at a time, from a nudge to nearly the answer. */
  hints: readonly string[];
  run(bench: Workbench<Observed>): Promise<CheckResult>;
}

/** Files of a lab, beside its `lab.ts`. */
export interface LabFiles {
  statement: string;
  starter: string;
  solution: string;
  /** Modules of constants that the part may import from beside itself, e.g. `given.ts`. */
  given: readonly string[];
}

/** A lab: a hole in the real hypervisor, and the checks that judge what is put into it. */
export interface Lab<Observed = unknown> {
  /** Name of its folder under `labs/`. */
  id: string;
  title: string;
  /** Number of its chapter. */
  chapter: number;
  files: LabFiles;
  /** What the student writes, and where it goes. */
  part: PartKind<Observed>;
  /** The guests that checks run the part with; the first one is also used to load it. */
  scenarios: readonly ScenarioSpec[];
  checks: readonly Check<Observed>[];
}

/** The result of a check that found nothing wrong. */
export const PASSED: CheckResult = { state: "passed" };

/** The result of a check that did. */
export function failed(message: string, details: Partial<Omit<Finding, "message">> = {}): CheckResult {
  return { state: "failed", message, expected: null, actual: null, look: null, ...details };
}
