import process from "node:process";
import { findLab } from "../../../labs/index.js";
import { grade } from "../grade.js";
import type { GradeReport } from "../report.js";
import { nodeAssets } from "./assets.js";

/** What a grading process is asked to do. */
export interface GradeRequest {
  labId: string;
  source: string;
  seed: string;
  scope: GradeReport["scope"];
}

/** What it answers: a report, or why there is none. */
export type GradeAnswer = { report: GradeReport } | { stopped: string };

process.once("message", async (request: GradeRequest) => {
  process.send!(await attempt(request));
});

async function attempt({ labId, source, seed, scope }: GradeRequest): Promise<GradeAnswer> {
  try {
    return { report: await grade({ lab: findLab(labId)!, source, seed, scope, assets: nodeAssets() }) };
  } catch (error) {
    return { stopped: String(error) };
  }
}
