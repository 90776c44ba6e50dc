import type { GradeReport } from "./report.js";

/** A submission by name and what came of it. */
export interface GradedSubmission {
  /** Name of the file or folder that was handed in, without its extension. */
  submission: string;
  report: GradeReport;
}

/** What `ring1 grade --json` writes: the reports in the order of the submissions (grade-report.schema.json). */
export interface Grades {
  format: "ring1-grades";
  version: 1;
  submissions: GradedSubmission[];
}

export function gradesOf(submissions: GradedSubmission[]): Grades {
  return { format: "ring1-grades", version: 1, submissions };
}

/** JSON text that ends with a line break; the same bytes for the same value. */
export function jsonText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
