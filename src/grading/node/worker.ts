import { parentPort } from "node:worker_threads";
import { findLab } from "../../../labs/index.js";
import { grade } from "../grade.js";
import type { GradeReport } from "../report.js";
import { nodeAssets, type CompiledModules } from "./assets.js";

/** What a grading worker is asked to do; it answers with a report. */
export interface GradeRequest {
  labId: string;
  source: string;
  seed: string;
  scope: GradeReport["scope"];
  modules: CompiledModules;
}

parentPort!.once("message", async ({ labId, source, seed, scope, modules }: GradeRequest) => {
  const report = await grade({ lab: findLab(labId)!, source, seed, scope, assets: nodeAssets(modules) });
  parentPort!.postMessage(report);
});
