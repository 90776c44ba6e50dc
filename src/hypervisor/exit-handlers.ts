import { exitReasonName } from "../trace/names.js";
import { OUTCOMES, type Outcome } from "./outcome.js";
import { describeThrown, describeValue, PartFailure } from "./part-failure.js";

/**
 * Calls the handler of a reason.
 * @throws PartFailure when there is none, it throws, or returns what is no outcome
 */
export function callHandler<V>(
  handler: ((vcpu: V) => unknown) | undefined,
  vcpu: V,
  reason: number,
): Outcome {
  const part = `the exit handler for ${exitReasonName(reason)}`;
  if (handler === undefined)
    throw new PartFailure(part, "does not exist: the manual has no such exit reason");
  let outcome: unknown;
  try {
    outcome = handler(vcpu);
  } catch (thrown) {
    throw new PartFailure(part, describeThrown(thrown));
  }
  if (OUTCOMES.includes(outcome as Outcome)) return outcome as Outcome;
  const allowed = OUTCOMES.map((name) => `"${name}"`).join(", ");
  throw new PartFailure(part, `returned ${describeValue(outcome)}; it may return ${allowed}`);
}
