export type { GradingAssets } from "./assets.js";
export {
  GRADE_STATUS,
  GRADEBOOKS,
  gradeCommandBody,
  OutputError,
  type GradeCliOptions,
  type GradeCliOutput,
} from "./cli.js";
export { DEFAULT_SEED, grade, type GradeOptions, type GradeProgress } from "./grade.js";
export { gradeFiles, type GradeFilesOptions } from "./node/grade-files.js";
export { PathError } from "./node/find-submissions.js";
export type { CheckReport, GradeReport, Look } from "./report.js";
export { gradesOf, jsonText, type GradedSubmission, type Grades } from "./submission.js";
