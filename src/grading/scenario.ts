import type { CpuMode, Ending, MemoryMode, Moment } from "../experiments/view.js";
import type { GradingAssets } from "./assets.js";
import type { ConstantModules } from "./realm/modules.js";
import type { PartProblem } from "./realm/problem.js";
import type { Variant } from "./variant.js";

/** A guest to run on the part under test. */
export interface Scenario {
  /** Any image that a session loads. */
  image: Uint8Array;
  name: string;
  ramBytes: number;
  commandLine?: string;
  /** How the guest's processor and memory are virtualised; "vtx" with nested paging unless given. */
  cpuMode?: CpuMode;
  memoryMode?: MemoryMode;
  /** Steps after which the run ends. */
  maxInstructions: number;
  /** Modules of constants that the part may import beside the shared ones. */
  given: ConstantModules;
  /** Guest-physical memory to keep when the run has ended. */
  capture?: { address: number; bytes: number };
}

/** How a lab makes a scenario from a variant. */
export interface ScenarioSpec {
  /** Unique within the lab; a report's `look` names it. */
  id: string;
  title: string;
  build(variant: Variant, assets: GradingAssets): Promise<Scenario>;
}

/** What is left of a scenario when it has run. */
export interface ScenarioRun<Observed = unknown> {
  id: string;
  ending: Ending;
  moment: Moment;
  console: string;
  /** What was seen of the part; see parts/part. */
  observed: Observed;
  /** What {@link Scenario.capture} asked for. */
  memory: Uint8Array;
  /** Why the part was stopped, if it was. */
  problem: PartProblem | null;
  printed: string;
}

/** What a check works with: scenarios of the lab, run once each and shared by all checks of a submission. */
export interface Workbench<Observed = unknown> {
  /** The scenario of this id in this submission's variant. */
  scenario(id: string): Promise<Scenario>;
  /** What happened when the part ran in it. */
  run(id: string): Promise<ScenarioRun<Observed>>;
  /** What happens in it with the hypervisor's own parts. */
  reference(id: string): Promise<ScenarioRun<Observed>>;
}
