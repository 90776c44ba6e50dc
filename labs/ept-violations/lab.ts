import type { Lab } from "../../src/grading/lab.js";
import { CHECKS } from "./checks.js";
import { eptViolations as part, type EptObserved } from "./part.js";
import { SCENARIOS } from "./scenarios.js";

/** Chapter 11's lab: a guest's memory behind the second dimension of page tables. */
export const eptViolations: Lab<EptObserved> = {
  id: "ept-violations",
  title: "EPT violations, memory on demand and dirty pages",
  chapter: 11,
  files: { statement: "statement.md", starter: "starter.ts", solution: "solution.ts", given: ["given.ts"] },
  part,
  scenarios: SCENARIOS,
  checks: CHECKS,
};
