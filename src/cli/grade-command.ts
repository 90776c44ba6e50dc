import { Command } from "commander";
import type { GradeCliOptions } from "../grading/index.js";
import { positiveInteger } from "./numbers.js";
import { UsageError } from "./usage-error.js";

const USER_ERRORS = ["PathError", "OutputError"];

/** `ring1 grade`; the grader and its interpreter are loaded when they are needed. */
export function gradeCommand(): Command {
  return new Command("grade")
    .summary("grade labs")
    .description("Grades files, folders of submissions, or a lab's own folder.")
    .argument("<path...>", "submission file, folder of submissions, or lab folder")
    .option("--lab <id>", "the lab that all submissions are for")
    .option("--seed <text>", "choose the variant")
    .option("--public", "public checks only")
    .option("--json <file>", "write all results")
    .option("--csv <file>", "write a gradebook")
    .option("--csv-format <format>", "shape of the gradebook")
    .option("--gradescope <file>", "write results.json of one submission for Gradescope")
    .option("--watch", "grade again whenever a file changes")
    .option("--jobs <n>", "submissions graded at once", positiveInteger)
    .option("--timeout <seconds>", "real time for one submission", positiveInteger)
    .action(async (paths: string[], options: GradeCliOptions) => {
      process.exitCode = await grade(paths, options);
    });
}

async function grade(paths: string[], options: GradeCliOptions): Promise<number> {
  const { gradeCommandBody, GRADEBOOKS } = await import("../grading/index.js");
  if (options.csvFormat !== undefined && !GRADEBOOKS.includes(options.csvFormat)) {
    throw new UsageError(`--csv-format ${options.csvFormat as string}: expected ${GRADEBOOKS.join(", ")}`);
  }
  try {
    return await gradeCommandBody(paths, options, {
      out: (text) => process.stdout.write(text),
      err: (text) => process.stderr.write(text),
    });
  } catch (error) {
    if (error instanceof Error && USER_ERRORS.includes(error.name))
      throw new UsageError(error.message, { cause: error });
    throw error;
  }
}
