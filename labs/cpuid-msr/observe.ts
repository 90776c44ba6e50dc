import { failed, PASSED, type CheckResult } from "../../src/grading/lab.js";
import { describeProblem } from "../../src/grading/realm/problem.js";
import type { Look } from "../../src/grading/report.js";
import type { AuditedExit } from "../../src/grading/audit.js";
import type { ScenarioRun, Workbench } from "../../src/grading/scenario.js";
import { hex, noReference, type Violation } from "../judging.js";
import { readResults, type Probe, type ProbeResult } from "./probe.js";
import type { ProbeScenario } from "./scenarios.js";

/** A run of the part: the exits that it handled are seen. */
export type Run = ScenarioRun<readonly AuditedExit[]>;
export type Desk = Workbench<readonly AuditedExit[]>;

/** One probe with what the guest saw of it on the part and on the hypervisor's own handlers. */
export interface Observation {
  probe: Probe;
  result: ProbeResult;
  /** What the hypervisor's own handlers make of it. */
  reference: ProbeResult;
  signature: string;
}

/** Applies a rule to all probes of a kind, in the order in which the guest made them; the first violation counts. */
export async function judge(
  bench: Desk,
  scenario: string,
  selects: (probe: Probe) => boolean,
  rule: (observation: Observation) => Violation | null,
): Promise<CheckResult> {
  const { probes, signature } = (await bench.scenario(scenario)) as ProbeScenario;
  const run = await bench.run(scenario);
  const results = readResults(run.memory, probes);
  const references = readResults((await bench.reference(scenario)).memory, probes);
  if (references.length < probes.length) return noReference(await bench.reference(scenario));
  for (const [i, probe] of probes.entries()) {
    if (!selects(probe)) continue;
    if (i >= results.length) return stuck(run, probes, results.length);
    const violation = rule({ probe, result: results[i], reference: references[i], signature });
    if (violation) return failed(violation.message, { ...violation, look: lookAt(run, i) });
  }
  return PASSED;
}

/** The guest did not get so far: why, and where it stopped. */
function stuck(run: Run, probes: readonly Probe[], reached: number): CheckResult {
  const { exits, instructions } = run.moment;
  const end = { scenario: run.id, exits, instructions };
  if (run.problem) return failed(describeProblem(run.problem), { look: end });
  return failed(`The guest did not get past ${words(probes[reached])}. ${run.ending.message}`, {
    expected: "the guest executes the instruction behind it",
    actual: run.ending.kind,
    look: lookAt(run, reached) ?? end,
  });
}

/** The exit of a probe: each makes one, when all goes well. */
function lookAt(run: Run, probe: number): Look | null {
  const exit = run.observed[probe];
  return exit ? { scenario: run.id, exits: exit.moment.exits, instructions: exit.moment.instructions } : null;
}

/** A probe in words, e.g. `CPUID with EAX = 0x1, ECX = 0x0`. */
export function words({ kind, rax, rcx, rdx }: Probe): string {
  const low = (value: bigint): string => hex(value & 0xffff_ffffn);
  switch (kind) {
    case "rdmsr":
      return `RDMSR of ${low(rcx)}`;
    case "wrmsr":
      return `WRMSR of ${low(rcx)} with EDX:EAX = ${low(rdx)}:${low(rax)}`;
    default:
      return `${kind === "cpuid" ? "" : `${kind.replace(" cpuid", "").toUpperCase()}; `}CPUID with EAX = ${low(rax)}, ECX = ${low(rcx)}`;
  }
}

/** The leaf or MSR that a probe names. */
export function leafOf(probe: Probe): number {
  return Number(probe.rax & 0xffff_ffffn);
}
export function msrOf(probe: Probe): number {
  return Number(probe.rcx & 0xffff_ffffn);
}
