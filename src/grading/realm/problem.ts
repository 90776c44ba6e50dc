/** Where in the student's file something went wrong; line and column count from 1. */
export interface SourceLocation {
  line: number;
  /** Null where types were removed from the line, so that the column in the file is not known. */
  column: number | null;
}

/** What can go wrong with a student's part. Closed: a report's reader may switch on it. */
export const PROBLEM_KINDS = [
  /** The text is not a TypeScript module. */
  "syntax",
  /** It imports something that a part may not have. */
  "import",
  /** A handler that the lab asks for is not exported, or is not a function. */
  "missing-export",
  /** It threw. */
  "threw",
  /** It returned something that is no outcome. */
  "wrong-return",
  /** It used up its instruction budget. */
  "budget",
  /** It used up its memory. */
  "memory",
  /** It used up its stack. */
  "stack",
  /** It made the interpreter itself stop. */
  "crash",
] as const;
export type ProblemKind = (typeof PROBLEM_KINDS)[number];

/** Why a student's part was stopped. Plain data; the message is a sentence that a student can act on. */
export interface PartProblem {
  kind: ProblemKind;
  message: string;
  /** The exported handler that was running; null while the module was being loaded. */
  handler: string | null;
  location: SourceLocation | null;
}

/** Name under which the student's file appears in messages, whatever it is called on disk. */
export const PART_FILE = "part.ts";

/** Carries a {@link PartProblem} out of an exit handler, through the run loop, to the grader. */
export class PartError extends Error {
  override readonly name = "PartError";

  constructor(readonly problem: PartProblem) {
    super(problem.message);
    // The place that matters is the student's, not the grader's.
    const { location } = problem;
    this.stack = location
      ? `${this.message}\n    at ${PART_FILE}:${location.line}:${location.column ?? 1}`
      : "";
  }
}

/** One line: `part.ts:12:5: handleCpuid threw TypeError: …`. */
export function describeProblem(problem: PartProblem): string {
  if (!problem.location) return problem.message;
  const { line, column } = problem.location;
  return `${PART_FILE}:${line}${column === null ? "" : `:${column}`}: ${problem.message}`;
}
