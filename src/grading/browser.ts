import { findLab, LABS } from "../../labs/index.js";
import type { GradingAssets } from "./assets.js";
import { DEFAULT_SEED, grade as gradeLab, type GradeProgress } from "./grade.js";
import type { GradeReport } from "./report.js";
import { Variant } from "./variant.js";

/** A request to grade, as a page sends it to its worker. */
export interface BrowserGradeRequest {
  labId: string;
  source: string;
  seed?: string;
  /** "public" unless given: a page runs the checks that a student may see. */
  scope?: GradeReport["scope"];
}

/** What a page shows of a lab before anything is graded. */
export interface LabSummary {
  id: string;
  title: string;
  chapter: number;
  points: number;
  checks: {
    id: string;
    title: string;
    points: number;
    visibility: "public" | "hidden";
    hints: readonly string[];
  }[];
}

/**
 * Grades one part in a worker of a page. The worker should be the grader's alone, so that the page can end it when it
 * does not answer: see the limits of a realm.
 */
export async function grade(
  { labId, source, seed, scope }: BrowserGradeRequest,
  assets: GradingAssets,
  onProgress?: (progress: GradeProgress) => void,
): Promise<GradeReport> {
  const lab = knownLab(labId);
  return gradeLab({ lab, source, seed: seed ?? DEFAULT_SEED, scope: scope ?? "public", assets, onProgress });
}

/** The guest that a report's `look` points into, so that a page can run it and go to the moment. */
export async function scenarioGuest(
  labId: string,
  scenarioId: string,
  assets: GradingAssets,
  seed = DEFAULT_SEED,
): Promise<{ image: Uint8Array; name: string; ramBytes: number; commandLine?: string }> {
  const lab = knownLab(labId);
  const spec = lab.scenarios.find(({ id }) => id === scenarioId);
  if (!spec) throw new RangeError(`lab ${labId} has no scenario "${scenarioId}"`);
  const { image, name, ramBytes, commandLine } = await spec.build(
    new Variant(`${labId}/${seed}/${scenarioId}`),
    assets,
  );
  return { image, name, ramBytes, commandLine };
}

/** All labs, as plain data. */
export function labSummaries(): LabSummary[] {
  return LABS.map(({ id, title, chapter, checks }) => ({
    id,
    title,
    chapter,
    points: checks.reduce((sum, check) => sum + check.points, 0),
    checks: checks.map(({ id: check, title: sentence, points, visibility, hints }) => ({
      id: check,
      title: sentence,
      points,
      visibility,
      hints,
    })),
  }));
}

function knownLab(labId: string) {
  const lab = findLab(labId);
  if (!lab) throw new RangeError(`no lab is called "${labId}"`);
  return lab;
}
