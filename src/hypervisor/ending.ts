/** How the run of a VM ended. */
export interface VmEnding {
  kind:
    | "power-off"
    | "reset"
    | "debug-exit"
    | "halted"
    | "triple-fault"
    | "entry-failure"
    | "part-error"
    | "budget-exhausted";
  /** One or two sentences: what happened, the value, what to do next. */
  message: string;
  /** Of "debug-exit": 2v + 1 for a write of v. */
  status?: number;
}
