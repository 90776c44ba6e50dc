import type { Lab } from "../../src/grading/lab.js";
import { CHECKS } from "./checks.js";
import { pageWalker as part, type WalkObserved } from "./part.js";
import { SCENARIOS } from "./scenarios.js";

/** Chapter 9's lab: from a linear address to memory, and what the TLB remembers of it. */
export const pageWalker: Lab<WalkObserved> = {
  id: "page-walker",
  title: "A page-table walker with a TLB",
  chapter: 9,
  files: { statement: "statement.md", starter: "starter.ts", solution: "solution.ts", given: ["given.ts"] },
  part,
  scenarios: SCENARIOS,
  checks: CHECKS,
};
