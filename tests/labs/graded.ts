import { readFileSync } from "node:fs";
import { grade } from "../../src/grading/grade.js";
import { nodeAssets } from "../../src/grading/node/assets.js";
import type { CheckReport, GradeReport } from "../../src/grading/report.js";
import { cpuidMsr } from "../../labs/cpuid-msr/lab.js";

const assets = nodeAssets();

export function labFile(name: string): string {
  return readFileSync(new URL(`../../labs/cpuid-msr/${name}`, import.meta.url), "utf8");
}
export const SOLUTION = labFile("solution.ts");

export function gradePart(
  source: string,
  seed = "test",
  scope: GradeReport["scope"] = "all",
): Promise<GradeReport> {
  return grade({ lab: cpuidMsr, source, seed, scope, assets });
}

/** The solution with one place changed; the place has to exist, once or as often as said. */
export function mutant(from: string, to: string, times = 1): string {
  const found = SOLUTION.split(from).length - 1;
  if (found !== times) throw new Error(`"${from}" occurs ${found} times in the solution`);
  return SOLUTION.replaceAll(from, to);
}

export function named(report: GradeReport, state: CheckReport["state"]): string[] {
  return report.checks.filter((check) => check.state === state).map((check) => check.id);
}
