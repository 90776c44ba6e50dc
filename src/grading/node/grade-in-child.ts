import { fork } from "node:child_process";
import { clearTimeout, setTimeout } from "node:timers";
import { fileURLToPath } from "node:url";
import { findLab } from "../../../labs/index.js";
import { ungradedReport, type GradeReport } from "../report.js";
import type { GradeAnswer, GradeRequest } from "./child.js";

const ENTRY = fileURLToPath(new URL("./child-entry.js", import.meta.url));

/**
 * Seconds of real time after which a submission is given up. Budgets stop an ordinary endless loop long before; what is
 * left is a loop inside one operation of the interpreter, which counts no steps.
 */
export const PATIENCE_SECONDS = 60;

/** Grades one submission in a process of its own, which ends with it and knows of no other and of no environment. */
export function gradeInChild(
  request: GradeRequest,
  patienceSeconds = PATIENCE_SECONDS,
): Promise<GradeReport> {
  const child = fork(ENTRY, [], { env: {}, execArgv: [], stdio: ["ignore", "ignore", "ignore", "ipc"] });
  return new Promise((resolve) => {
    const { id, title } = findLab(request.labId)!;
    const end = (report: GradeReport): void => {
      clearTimeout(timer);
      child.kill("SIGKILL");
      resolve(report);
    };
    const giveUp = (reason: string): void =>
      end(ungradedReport({ id, title }, request.seed, request.scope, reason));
    const timer = setTimeout(
      () => giveUp(`the grader was stopped after ${patienceSeconds} s of real time`),
      patienceSeconds * 1000,
    );
    child.once("message", (answer: GradeAnswer) => {
      if ("report" in answer) end(answer.report);
      else giveUp(`the grader stopped: ${answer.stopped}`);
    });
    child.once("error", (error) => giveUp(`the grader cannot be started: ${error.message}`));
    child.once("exit", () => giveUp("the grader stopped without a report"));
    child.send(request);
  });
}
