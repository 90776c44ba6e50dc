import { writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { GRADEBOOKS, gradebookCsv, type Gradebook } from "./formats/gradebook.js";
import { gradescope } from "./formats/gradescope.js";
import { reportText } from "./formats/text.js";
import { gradeFiles } from "./node/grade-files.js";
import { Changes } from "./node/changes.js";
import { gradesOf, jsonText, type GradedSubmission } from "./submission.js";

/** Options of `ring1 grade`, parsed. */
export interface GradeCliOptions {
  lab?: string;
  seed?: string;
  /** Public checks only, as a student's page runs them. */
  public?: boolean;
  json?: string;
  csv?: string;
  csvFormat?: Gradebook;
  gradescope?: string;
  watch?: boolean;
  jobs?: number;
  /** Seconds of real time for a submission. */
  timeout?: number;
}

/** Where the command's words go. */
export interface GradeCliOutput {
  out(text: string): void;
  err(text: string): void;
  /** Ends watching. */
  signal?: AbortSignal;
}

/** Exit status of `ring1 grade`. */
export const GRADE_STATUS = {
  /** Every check that was run passed, for every submission. */
  allPassed: 0,
  /** All were graded; some checks did not pass. */
  someFailed: 1,
  /** Something could not be graded. */
  someUngraded: 2,
} as const;

export { GRADEBOOKS };

/**
 * `ring1 grade PATH…`: grades, prints a report for each submission, writes the files asked for.
 * @returns the exit status
 * @throws PathError for what the user has to correct on the command line
 */
export async function gradeCommandBody(
  paths: readonly string[],
  options: GradeCliOptions,
  output: GradeCliOutput,
): Promise<number> {
  const changes = options.watch ? new Changes(paths) : null;
  let status = await gradeOnce(paths, options, output);
  if (!changes) return status;
  output.err("Watching for changes; Ctrl+C ends.\n");
  await changes.each(async () => {
    try {
      status = await gradeOnce(paths, options, output);
    } catch (error) {
      output.err(`${(error as Error).message}\n`);
    }
  }, output.signal);
  return status;
}

async function gradeOnce(
  paths: readonly string[],
  options: GradeCliOptions,
  output: GradeCliOutput,
): Promise<number> {
  const graded = await gradeFiles(paths, {
    lab: options.lab,
    seed: options.seed,
    scope: options.public ? "public" : "all",
    patienceSeconds: options.timeout,
    jobs: options.jobs ?? availableParallelism(),
    onGraded: ({ submission, report }) => output.out(reportText(submission, report)),
  });
  writeFiles(graded, options);
  return statusOf(graded);
}

function writeFiles(graded: GradedSubmission[], options: GradeCliOptions): void {
  if (options.json !== undefined) writeText(options.json, jsonText(gradesOf(graded)));
  if (options.csv !== undefined)
    writeText(options.csv, gradebookCsv(graded, options.csvFormat ?? "nbgrader"));
  if (options.gradescope === undefined) return;
  if (graded.length !== 1) {
    throw new OutputError(`--gradescope writes the result of one submission, but there are ${graded.length}`);
  }
  writeText(options.gradescope, jsonText(gradescope(graded[0].report)));
}

/** An output that the user asked for and that cannot be written. */
export class OutputError extends Error {
  override readonly name = "OutputError";
}

function writeText(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw new OutputError(`cannot write ${file} (${(error as NodeJS.ErrnoException).code ?? String(error)})`);
  }
}

function statusOf(graded: readonly GradedSubmission[]): number {
  if (graded.some(({ report }) => report.state !== "graded")) return GRADE_STATUS.someUngraded;
  const perfect = graded.every(({ report }) => report.checks.every((check) => check.state === "passed"));
  return perfect ? GRADE_STATUS.allPassed : GRADE_STATUS.someFailed;
}
