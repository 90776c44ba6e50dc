import type { GradedSubmission } from "../submission.js";
import { csv } from "./csv.js";

/** Shapes of a gradebook's import file. */
export const GRADEBOOKS = ["nbgrader", "canvas"] as const;
export type Gradebook = (typeof GRADEBOOKS)[number];

/** A gradebook file: a row for each submission. A score that could not be determined stays empty; it is not a zero. */
export function gradebookCsv(submissions: readonly GradedSubmission[], gradebook: Gradebook): string {
  return gradebook === "nbgrader" ? nbgrader(submissions) : canvas(submissions);
}

const NBGRADER_COLUMNS = [
  "assignment",
  "duedate",
  "timestamp",
  "student_id",
  "last_name",
  "first_name",
  "email",
  "raw_score",
  "late_submission_penalty",
  "score",
  "max_score",
] as const;

function nbgrader(submissions: readonly GradedSubmission[]): string {
  const rows = submissions.map(({ submission, report: { lab, score, maxScore } }) => {
    const penalty = score === null ? null : 0;
    const most = score === null ? null : maxScore;
    return [lab.id, "", "", submission, "", "", "", score, penalty, score, most];
  });
  return csv([NBGRADER_COLUMNS, ...rows]);
}

/** Canvas matches students by login ID and assignments by column title; the second row gives the points. */
function canvas(submissions: readonly GradedSubmission[]): string {
  const labs = new Map(submissions.map(({ report }) => [report.lab.id, report.lab.title]));
  const ids = [...labs.keys()];
  const header = ["Student", "ID", "SIS Login ID", "Section", ...labs.values()];
  const most = ids.map((id) =>
    Math.max(
      0,
      ...submissions.filter(({ report }) => report.lab.id === id).map(({ report }) => report.maxScore),
    ),
  );
  const students = [...new Set(submissions.map(({ submission }) => submission))];
  const rows = students.map((student) => {
    const scores = ids.map(
      (id) =>
        submissions.find(({ submission, report }) => submission === student && report.lab.id === id)?.report
          .score ?? null,
    );
    return [student, "", student, "", ...scores];
  });
  return csv([header, ["    Points Possible", "", "", "", ...most], ...rows]);
}
