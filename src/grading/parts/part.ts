import type { Session } from "../../experiments/session.js";
import type { PartOverrides } from "../../hypervisor/parts.js";
import type { Facade } from "../realm/facade.js";
import type { Realm } from "../realm/realm.js";
import type { Scenario } from "../scenario.js";

/** What a lab asks for, for one run of a scenario. */
interface Observing<Observed> {
  /** What the student's functions are given. */
  readonly facade: Facade;
  /** What is seen of the part while it runs, for the checks. */
  readonly observed: Observed;
}

/** A part of the hypervisor: the scenario's guest runs on it. */
export interface HypervisorPart<Observed> extends Observing<Observed> {
  /**
   * Puts the student's functions into the hypervisor.
   * @param session - the run, once it has been created
   */
  overrides(realm: Realm, session: () => Session): PartOverrides;
}

/** A model of something that the processor does: the scenario's guest runs without it, and the part does the same beside it. */
export interface ModelPart<Observed> extends Observing<Observed> {
  /** Has the student's functions do what the scenario says. */
  drive(realm: Realm, scenario: Scenario): void;
}

export type PartUnderTest<Observed> = HypervisorPart<Observed> | ModelPart<Observed>;

/** A kind of part: makes what one run needs. */
export type PartKind<Observed> = () => PartUnderTest<Observed>;
