import type { Fault } from "./fault.js";

/** What is delivered: an exception, an external interrupt, or INT n with the address behind it. */
export interface Event extends Fault {
  kind: "exception" | "interrupt" | "software";
  /** Of INT n, INT3, INTO and traps: where its handler returns to, if not to the instruction itself. */
  returnTo?: number;
}
