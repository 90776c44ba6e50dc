import type { GradingAssets } from "./assets.js";
import { Bench } from "./bench.js";
import type { Check, CheckResult, Lab } from "./lab.js";
import { describeProblem, type PartProblem } from "./realm/problem.js";
import { summarize, type CheckReport, type Finding, type GradeReport } from "./report.js";

/** What is graded, and how. */
export interface GradeOptions {
  lab: Lab;
  /** The student's part: one ES module, TypeScript or JavaScript. */
  source: string;
  /** Chooses the variant of the lab. */
  seed: string;
  /** "public" leaves hidden checks out. */
  scope: GradeReport["scope"];
  assets: GradingAssets;
  /** Called before each check. */
  onProgress?: (progress: GradeProgress) => void;
}

export interface GradeProgress {
  /** Checks finished, and checks in all. */
  done: number;
  of: number;
  /** The check that comes next. */
  title: string;
}

/** The seed that is used when none is given. */
export const DEFAULT_SEED = "ring1";

/** Grades one part: runs the lab's checks in order, each after those that it depends on. */
export async function grade(options: GradeOptions): Promise<GradeReport> {
  const { lab, source, seed, scope, assets } = options;
  const bench = new Bench(lab, source, seed, assets);
  const { problem, printed } = await bench.load();
  const checks = lab.checks.filter((check) => scope === "all" || check.visibility === "public");
  const reports: CheckReport[] = [];
  for (const check of checks) {
    options.onProgress?.({ done: reports.length, of: checks.length, title: check.title });
    reports.push(await runCheck(check, reports, problem, bench));
  }
  const left = lab.checks.filter((check) => !checks.includes(check));
  const notRun = { checks: left.length, points: left.reduce((sum, check) => sum + check.points, 0) };
  const stuck = reports.some((report) => report.state === "could-not-be-graded");
  return {
    format: "ring1-grade-report",
    version: 1,
    lab: { id: lab.id, title: lab.title },
    seed,
    scope,
    state: stuck ? "could-not-be-graded" : "graded",
    summary: problem
      ? `The part could not be loaded: ${describeProblem(problem)}`
      : summarize(reports, scope, notRun),
    score: stuck ? null : reports.reduce((sum, report) => sum + (report.score ?? 0), 0),
    maxScore: reports.reduce((sum, report) => sum + report.points, 0),
    problem,
    checks: reports,
    notRun,
    printed: bench.printed || printed,
  };
}

async function runCheck(
  check: Check,
  before: readonly CheckReport[],
  problem: PartProblem | null,
  bench: Bench<unknown>,
): Promise<CheckReport> {
  const { id, title, visibility, points } = check;
  const report = { id, title, visibility, points, blockedBy: [] as string[], hints: [...check.hints] };
  const ended = (state: CheckReport["state"], score: number | null, finding: Finding): CheckReport => {
    const { message, expected, actual, look } = finding;
    return { ...report, state, score, message, expected, actual, look };
  };
  if (problem) return ended("blocked", 0, say(`The part could not be loaded: ${describeProblem(problem)}`));
  report.blockedBy = missingDependencies(check, before);
  if (report.blockedBy.length > 0)
    return ended("blocked", 0, say(`Blocked by ${report.blockedBy.join(", ")}.`));
  const result = await attempt(check, bench);
  switch (result.state) {
    case "passed":
      return ended("passed", points, say(""));
    case "failed":
      return ended("failed", 0, result);
    case "could-not-be-graded":
      return ended("could-not-be-graded", null, say(result.message));
  }
}

/** A check that throws has a bug; the student is not to pay for it. */
async function attempt(check: Check, bench: Bench<unknown>): Promise<CheckResult> {
  try {
    return await check.run(bench);
  } catch (error) {
    return { state: "could-not-be-graded", message: `The check itself failed: ${String(error)}` };
  }
}

function missingDependencies(check: Check, before: readonly CheckReport[]): string[] {
  const passed = new Set(before.filter((report) => report.state === "passed").map((report) => report.id));
  return (check.dependsOn ?? []).filter((id) => !passed.has(id));
}

function say(message: string): Finding {
  return { message, expected: null, actual: null, look: null };
}
