import { failed, PASSED, type CheckResult } from "../src/grading/lab.js";
import { describeProblem } from "../src/grading/realm/problem.js";
import type { Moment } from "../src/experiments/view.js";
import type { Look } from "../src/grading/report.js";
import type { ScenarioRun, Workbench } from "../src/grading/scenario.js";

/**
 * What the checks of all labs are made of.
 * @module
 */
/** A rule that was broken. */
export interface Violation {
  message: string;
  expected: string;
  actual: string;
}

export function violation(message: string, expected: string, actual: string): Violation {
  return { message, expected, actual };
}

export function hex(value: bigint | number): string {
  return `0x${value.toString(16)}`;
}

/** The first result that is no pass. */
export async function all(...results: (CheckResult | Promise<CheckResult>)[]): Promise<CheckResult> {
  for (const result of results) {
    const settled = await result;
    if (settled.state !== "passed") return settled;
  }
  return PASSED;
}

/** The hypervisor's own part fails too: the engine is at fault, not the student's. */
export function noReference({ id, ending }: ScenarioRun): CheckResult {
  return {
    state: "could-not-be-graded",
    message: `Scenario ${id} fails on the shipped part: ${ending.message}`,
  };
}

/** A moment of a scenario's run. */
export function lookAt(scenario: string, { exits, instructions }: Moment): Look {
  return { scenario, exits, instructions };
}

/** The moment at which a run ended. */
export function lookAtEnd({ id, moment }: ScenarioRun): Look {
  return lookAt(id, moment);
}

/**
 * Whether the kernel of the scenario `boot` powers its machine off and prints what it prints on the shipped part.
 * @param expected - what it is to print, by what it prints there
 */
export async function boots<Observed>(
  bench: Workbench<Observed>,
  expected: (reference: string) => string = (reference) => reference,
): Promise<CheckResult> {
  const [run, reference] = [await bench.run("boot"), await bench.reference("boot")];
  if (reference.ending.kind !== "power-off") return noReference(reference);
  return booted(run, expected(reference.console));
}

function booted(run: ScenarioRun, expected: string): CheckResult {
  const poweredOff = run.ending.kind === "power-off";
  if (run.console === expected && poweredOff) return PASSED;
  const line = firstDifference(expected, run.console);
  const message = poweredOff ? "The kernel's console differs." : notBooted(run);
  return failed(message, { ...line, look: lookAtEnd(run) });
}

function notBooted(run: ScenarioRun): string {
  return `The kernel did not reach its power-off: ${whyEnded(run)}`;
}

/** Why a run came to its end: the part's own problem, if it had one. */
export function whyEnded(run: ScenarioRun): string {
  return run.problem ? describeProblem(run.problem) : run.ending.message;
}

function firstDifference(expected: string, actual: string): { expected: string; actual: string } {
  const [want, got] = [expected.split("\n"), actual.split("\n")];
  const at = want.findIndex((line, i) => line !== got[i]);
  const line = (lines: string[]): string => `console line ${at + 1}: ${JSON.stringify(lines[at] ?? "")}`;
  return at < 0
    ? { expected: "power-off", actual: "another end" }
    : { expected: line(want), actual: line(got) };
}
