import type { Ending } from "./view.js";

/**
 * Exit statuses of a run, as the command line reports them: what `timeout`, `env` and shells use for "ran out of time",
 * "the tool itself failed" and "abnormal". A debug exit has its own, 2v + 1.
 */
const STATUS = {
  "power-off": 0,
  reset: 0,
  "budget-exhausted": 124,
  halted: 124,
  "entry-failure": 125,
  "part-error": 125,
  "triple-fault": 126,
} as const satisfies Record<Exclude<Ending["kind"], "debug-exit">, number>;

/** An ending with its exit status. */
export function endingOf(kind: Exclude<Ending["kind"], "debug-exit">, message: string): Ending {
  return { kind, status: STATUS[kind], message };
}

/** The ending of a guest that wrote to the debug-exit port. */
export function debugExit(status: number): Ending {
  return {
    kind: "debug-exit",
    status,
    message: `The guest wrote ${(status - 1) / 2} to the debug-exit port.`,
  };
}

/** The ending of a run that used up its budget. */
export function budgetExhausted(maxInstructions: number): Ending {
  const words = `The guest was still running after ${maxInstructions.toLocaleString("en")} instructions, the run's limit.`;
  return endingOf("budget-exhausted", words);
}
