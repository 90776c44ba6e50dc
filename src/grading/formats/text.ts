import type { CheckReport, GradeReport } from "../report.js";
import { describeProblem } from "../realm/problem.js";

const MARKS: Record<CheckReport["state"], string> = {
  passed: "passed ",
  failed: "FAILED ",
  blocked: "blocked",
  "could-not-be-graded": "no result",
};

/** A report as lines for a terminal. What a hidden check found is told in the JSON report alone. */
export function reportText(submission: string, report: GradeReport): string {
  const lines = [`${submission}: ${report.lab.title}`];
  if (report.problem) lines.push(`  ${describeProblem(report.problem)}`);
  else lines.push(...report.checks.flatMap(checkLines));
  if (report.printed)
    lines.push(
      "  Your part printed:",
      ...report.printed
        .trimEnd()
        .split("\n")
        .map((line) => `    ${line}`),
    );
  lines.push(`  ${report.summary}`);
  return lines.map((line) => `${line}\n`).join("");
}

function checkLines(check: CheckReport): string[] {
  const hidden = check.visibility === "hidden";
  const points = check.score === null ? `–/${check.points}` : `${check.score}/${check.points}`;
  const head = `  ${MARKS[check.state]}  ${points}  ${check.title}${hidden ? " (hidden)" : ""}`;
  return hidden ? [head] : [head, ...findingText(check).map((line) => `           ${line}`)];
}

/** What a check found, in lines: the message, what was expected, what came, and where to look. */
export function findingText({ message, expected, actual, look }: CheckReport): string[] {
  return [
    ...(message ? [message] : []),
    ...(expected === null ? [] : [`expected: ${expected}`]),
    ...(actual === null ? [] : [`actual:   ${actual}`]),
    ...(look
      ? [`look at:  scenario ${look.scenario}, exit ${look.exits}, after ${look.instructions} instructions`]
      : []),
  ];
}
