import { clearTimeout, setTimeout } from "node:timers";
import { Worker } from "node:worker_threads";
import { findLab } from "../../../labs/index.js";
import { ungradedReport, type GradeReport } from "../report.js";
import type { GradeRequest } from "./worker.js";

/**
 * Seconds of real time after which a submission is given up. Budgets stop an ordinary endless loop long before; what is
 * left is a loop inside one operation of the interpreter, which counts no steps.
 */
export const PATIENCE_SECONDS = 60;

/** Grades one submission in a thread of its own, which ends with it and knows of no other. */
export function gradeInWorker(
  request: GradeRequest,
  patienceSeconds = PATIENCE_SECONDS,
): Promise<GradeReport> {
  const worker = new Worker(new URL("./worker-entry.js", import.meta.url), {
    argv: [],
    env: {},
    execArgv: [],
    stdin: false,
    stdout: true,
    stderr: true,
    resourceLimits: { maxOldGenerationSizeMb: 1024 },
  });
  return new Promise((resolve) => {
    const { id, title } = findLab(request.labId)!;
    const giveUp = (reason: string): void =>
      end(ungradedReport({ id, title }, request.seed, request.scope, reason));
    const timer = setTimeout(
      () => giveUp(`the grader was stopped after ${patienceSeconds} s of real time`),
      patienceSeconds * 1000,
    );
    const end = (report: GradeReport): void => {
      clearTimeout(timer);
      void worker.terminate();
      resolve(report);
    };
    worker.once("message", end);
    worker.once("error", (error) => giveUp(`the grader stopped: ${error.message}`));
    worker.once("exit", () => giveUp("the grader stopped without a report"));
    worker.postMessage(request);
  });
}
