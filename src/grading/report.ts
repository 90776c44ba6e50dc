import type { PartProblem } from "./realm/problem.js";

export type Visibility = "public" | "hidden";

/** How a check ended. "blocked": a check that it depends on did not pass, or the part could not be loaded. */
export type CheckState = "passed" | "failed" | "blocked" | "could-not-be-graded";

/** A moment of a scenario's run, as pages show it. */
export interface Look {
  /** Id of the scenario within the lab. */
  scenario: string;
  /** Guest instructions retired, and VM exits, the one being handled included. */
  instructions: number;
  exits: number;
}

/** A failed check's finding. */
export interface Finding {
  /** One or two sentences: what was tried and what went wrong. */
  message: string;
  expected: string | null;
  actual: string | null;
  /** Where in the timeline to look. */
  look: Look | null;
}

/** One check of a {@link GradeReport}. */
export interface CheckReport extends Finding {
  id: string;
  title: string;
  visibility: Visibility;
  state: CheckState;
  /** Points reached; null when the check could not be graded. */
  score: number | null;
  points: number;
  /** The checks that have to pass first. */
  blockedBy: string[];
  /** To be shown one at a time. */
  hints: string[];
}

/** The result of grading one part: plain data, the same bytes for the same part, seed and scope (grade-report.schema.json). */
export interface GradeReport {
  format: "ring1-grade-report";
  version: 1;
  lab: { id: string; title: string };
  seed: string;
  /** Which checks were run. */
  scope: "public" | "all";
  /** "could-not-be-graded" is no verdict about the part: somebody has to look. */
  state: "graded" | "could-not-be-graded";
  /** The outcome in a sentence. */
  summary: string;
  /** Null when the part could not be graded. */
  score: number | null;
  /** Points of the checks that were run. */
  maxScore: number;
  /** Why the part could not be loaded; null when it was. */
  problem: PartProblem | null;
  checks: CheckReport[];
  /** Hidden checks that the scope left out. */
  notRun: { checks: number; points: number };
  /** What the part printed in the first scenario, cut to the limit of the realm. */
  printed: string;
}

/** A report about something that never reached the checks: an unreadable file, a grader that was stopped. */
export function ungradedReport(
  lab: { id: string; title: string },
  seed: string,
  scope: GradeReport["scope"],
  reason: string,
): GradeReport {
  return {
    format: "ring1-grade-report",
    version: 1,
    lab,
    seed,
    scope,
    state: "could-not-be-graded",
    summary: `Could not be graded: ${reason}.`,
    score: null,
    maxScore: 0,
    problem: null,
    checks: [],
    notRun: { checks: 0, points: 0 },
    printed: "",
  };
}

/** The outcome of a report's checks in a sentence. Never claims more than was run. */
export function summarize(
  checks: readonly CheckReport[],
  scope: GradeReport["scope"],
  notRun: GradeReport["notRun"],
): string {
  const passed = checks.filter((check) => check.state === "passed").length;
  const stuck = checks.filter((check) => check.state === "could-not-be-graded").length;
  const points = checks.reduce((sum, check) => sum + (check.score ?? 0), 0);
  const most = checks.reduce((sum, check) => sum + check.points, 0);
  if (stuck > 0) return `Could not be graded: ${count(stuck, "check")} of ${checks.length} gave no result.`;
  const hidden =
    notRun.checks > 0
      ? ` ${count(notRun.checks, "hidden check")} (${count(notRun.points, "point")}) remain.`
      : "";
  const score = `${points} of ${count(most, "point")}.`;
  if (passed < checks.length)
    return `${passed} of ${count(checks.length, "check")} passed: ${score}${hidden}`;
  return scope === "public"
    ? `Your public checks passed: ${score}${hidden}`
    : `All ${checks.length} checks passed: ${score}`;
}

function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}
