/**
 * What the run loop does after an exit handler. A closed set: anything else that a handler returns stops the VM with
 * an error that names the handler.
 */
export const OUTCOMES = [
  /** Enter the guest again. */
  "resume",
  /** The vCPU waits for an interrupt. */
  "halt",
  /** The guest asked to be powered off. */
  "power-off",
  /** The vCPU shut down (triple fault, failed VM entry). */
  "shutdown",
] as const;
export type Outcome = (typeof OUTCOMES)[number];
