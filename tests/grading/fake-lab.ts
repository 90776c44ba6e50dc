import type { Check, CheckResult, Lab } from "../../src/grading/lab.js";
import { failed, PASSED } from "../../src/grading/lab.js";
import { exitHandlers } from "../../src/grading/parts/exit-handlers.js";

/** A lab whose checks end as they are told; no guest ever runs. */
export function fakeLab(checks: readonly Check[]): Lab {
  return {
    id: "fake",
    title: "A lab for the grader's own tests",
    chapter: 0,
    files: { statement: "statement.md", starter: "starter.ts", solution: "solution.ts", given: [] },
    part: exitHandlers({ CPUID: "handleCpuid" }),
    scenarios: [
      {
        id: "nothing",
        title: "no guest",
        build: () =>
          Promise.resolve({
            image: new Uint8Array(0),
            name: "nothing",
            ramBytes: 4096,
            maxInstructions: 1,
            given: {},
          }),
      },
    ],
    checks,
  };
}

export function fakeCheck(id: string, result: () => CheckResult, more: Partial<Check> = {}): Check {
  return {
    id,
    title: `Check ${id}`,
    points: 2,
    visibility: "public",
    hints: [],
    run: async () => result(),
    ...more,
  };
}

export const passes = (): CheckResult => PASSED;
export const fails = (): CheckResult =>
  failed("It went wrong.", {
    expected: "right",
    actual: "wrong",
    look: { scenario: "nothing", instructions: 7, exits: 3 },
  });
