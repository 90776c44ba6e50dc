import type { Lab } from "../../src/grading/lab.js";
import { CHECKS } from "./checks.js";
import { shadowPages as part, type ShadowObserved } from "./part.js";
import { SCENARIOS } from "./scenarios.js";

/** Chapter 10's lab: tables for the processor, made from the guest's page fault by page fault. */
export const shadowPages: Lab<ShadowObserved> = {
  id: "shadow-pages",
  title: "Shadow page tables",
  chapter: 10,
  files: { statement: "statement.md", starter: "starter.ts", solution: "solution.ts", given: ["given.ts"] },
  part,
  scenarios: SCENARIOS,
  checks: CHECKS,
};
