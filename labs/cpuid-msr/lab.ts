import type { AuditedExit } from "../../src/grading/audit.js";
import type { Lab } from "../../src/grading/lab.js";
import { exitHandlers } from "../../src/grading/parts/exit-handlers.js";
import { CHECKS } from "./checks.js";
import { SCENARIOS } from "./scenarios.js";

/** Chapter 7's lab: what the guest sees of its processor. */
export const cpuidMsr: Lab<readonly AuditedExit[]> = {
  id: "cpuid-msr",
  title: "CPUID and MSR exit handlers",
  chapter: 7,
  files: { statement: "statement.md", starter: "starter.ts", solution: "solution.ts", given: ["given.ts"] },
  part: exitHandlers({ CPUID: "handleCpuid", RDMSR: "handleRdmsr", WRMSR: "handleWrmsr" }),
  scenarios: SCENARIOS,
  checks: CHECKS,
};
