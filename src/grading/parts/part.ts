import type { Session } from "../../experiments/session.js";
import type { PartOverrides } from "../../hypervisor/parts.js";
import type { Facade } from "../realm/facade.js";
import type { Realm } from "../realm/realm.js";

/** What a lab asks for, for one run of a scenario. */
export interface PartUnderTest<Observed> {
  /** What the student's functions are given. */
  readonly facade: Facade;
  /** What is seen of the part while it runs, for the checks. */
  readonly observed: Observed;
  /**
   * Puts the student's functions into the hypervisor.
   * @param session - the run, once it has been created
   */
  overrides(realm: Realm, session: () => Session): PartOverrides;
}

/** A kind of part: makes what one run needs. */
export type PartKind<Observed> = () => PartUnderTest<Observed>;
