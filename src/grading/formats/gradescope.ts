import type { CheckReport, GradeReport } from "../report.js";
import { findingText } from "./text.js";

/** Gradescope's results.json, as far as this grader fills it. */
export interface GradescopeResults {
  /** Left out when the part could not be graded: Gradescope then shows that the autograder failed. */
  score?: number;
  output: string;
  output_format: "text";
  stdout_visibility: "hidden";
  tests?: GradescopeTest[];
  extra_data: { lab: string; seed: string; state: GradeReport["state"] };
}

interface GradescopeTest {
  score: number;
  max_score: number;
  status: "passed" | "failed";
  name: string;
  number: string;
  output: string;
  output_format: "text";
  tags: string[];
  visibility: "visible" | "after_published";
}

/** A report in Gradescope's terms. Hidden checks are shown after grades are published. */
export function gradescope(report: GradeReport): GradescopeResults {
  const common = {
    output: report.summary,
    output_format: "text",
    stdout_visibility: "hidden",
    extra_data: { lab: report.lab.id, seed: report.seed, state: report.state },
  } as const;
  if (report.score === null) return common;
  return { score: report.score, ...common, tests: report.checks.map(test) };
}

function test(check: CheckReport, index: number): GradescopeTest {
  return {
    score: check.score ?? 0,
    max_score: check.points,
    status: check.state === "passed" ? "passed" : "failed",
    name: check.title,
    number: String(index + 1),
    output: findingText(check).join("\n"),
    output_format: "text",
    tags: [check.id, check.visibility, check.state],
    visibility: check.visibility === "public" ? "visible" : "after_published",
  };
}
