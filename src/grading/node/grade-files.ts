import path from "node:path";
import { findLab, LABS } from "../../../labs/index.js";
import { DEFAULT_SEED } from "../grade.js";
import { ungradedReport, type GradeReport } from "../report.js";
import type { GradedSubmission } from "../submission.js";
import { isBuilt } from "./assets.js";
import { findSubmissions, PathError, type FoundSubmission } from "./find-submissions.js";
import { gradeInChild } from "./grade-in-child.js";
import { readPart } from "./read-part.js";

/** How files are graded. */
export interface GradeFilesOptions {
  /** The lab of all files, whatever they say themselves. */
  lab?: string;
  /** Chooses the variant; the same for all submissions. */
  seed?: string;
  scope?: GradeReport["scope"];
  /** Seconds of real time for one submission. */
  patienceSeconds?: number;
  /** Submissions graded at once. */
  jobs?: number;
  /** Called with each result, in the order of the submissions. */
  onGraded?: (graded: GradedSubmission) => void;
}

const UNKNOWN_LAB = { id: "unknown", title: "Unknown lab" };

/**
 * Grades files and folders of submissions.
 * @throws PathError for a path that names nothing, or a lab that does not exist
 */
export async function gradeFiles(
  paths: readonly string[],
  options: GradeFilesOptions = {},
): Promise<GradedSubmission[]> {
  if (options.lab !== undefined && !findLab(options.lab)) {
    throw new PathError(
      `no lab is called "${options.lab}"; there are ${LABS.map(({ id }) => id).join(", ")}`,
    );
  }
  if (!isBuilt()) throw new PathError("the engine is not built: run npm run build:engine");
  const found = paths.flatMap(findSubmissions);
  const results: Promise<GradedSubmission>[] = [];
  const lanes = Array.from({ length: options.jobs ?? 1 }, () => Promise.resolve());
  for (const [i, submission] of found.entries()) {
    const lane = i % lanes.length;
    results.push(lanes[lane].then(() => gradeFound(submission, options)));
    lanes[lane] = results[i].then(() => undefined);
  }
  const graded: GradedSubmission[] = [];
  for (const result of results) {
    graded.push(await result);
    options.onGraded?.(graded[graded.length - 1]);
  }
  return graded;
}

async function gradeFound(
  { name, file, reason }: FoundSubmission,
  options: GradeFilesOptions,
): Promise<GradedSubmission> {
  const seed = options.seed ?? DEFAULT_SEED;
  const scope = options.scope ?? "all";
  const refused = (why: string, lab = UNKNOWN_LAB): GradedSubmission => ({
    submission: name,
    report: ungradedReport({ id: lab.id, title: lab.title }, seed, scope, why),
  });
  const named = findLab(options.lab ?? "");
  if (file === null) return refused(reason!, named);
  const text = readPart(file);
  if (!text.ok) return refused(text.reason, named);
  const labId = named?.id ?? labIdOf(file, text.source);
  const lab = findLab(labId);
  if (!lab) return refused(`it is for lab "${labId}", which does not exist; ${HOW_TO_NAME}`);
  const request = { labId: lab.id, source: text.source, seed, scope };
  return { submission: name, report: await gradeInChild(request, options.patienceSeconds) };
}

const HOW_TO_NAME =
  'a comment in the first lines such as "// ring1 lab: cpuid-msr", the folder, or --lab names the lab';

/** The lab that a file names in a comment of its first lines, else the name of its folder. */
function labIdOf(file: string, source: string): string {
  const header = source.split("\n", 10).join("\n");
  const named = /^\s*(?:\/\/|\/?\*)\s*ring1 lab:\s*([\w-]+)/m.exec(header)?.[1];
  return named ?? path.basename(path.dirname(path.resolve(file)));
}
