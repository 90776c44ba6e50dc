import type { Lab } from "../../src/grading/lab.js";
import { CHECKS } from "./checks.js";
import { mmuUpdates as part, type UpdateCall } from "./part.js";
import { SCENARIOS } from "./scenarios.js";

/** Chapter 6's lab: a guest asks for changes of its page tables, many at once. */
export const hypercalls: Lab<UpdateCall[]> = {
  id: "hypercalls",
  title: "Page-table updates by hypercall",
  chapter: 6,
  files: { statement: "statement.md", starter: "starter.ts", solution: "solution.ts", given: ["given.ts"] },
  part,
  scenarios: SCENARIOS,
  checks: CHECKS,
};
