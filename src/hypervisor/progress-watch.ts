import { exitReasonName } from "../trace/names.js";
import type { HardwarePort } from "./port.js";

/** The same exit so often in a row, with no guest instruction between, is a loop that no interrupt will break. */
const MOST_REPEATS = 10_000;
/** Number of RCX in encodings: a repeated string instruction makes progress by counting it down. */
const RCX = 1;

/** Notices a guest that leaves and enters without getting anywhere, e.g. since a handler forgot to advance RIP. */
export class ProgressWatch {
  #reason = -1;
  #instructions = -1;
  #rcx = -1;
  #repeats = 0;

  /** Looks at an exit; words for the user when the guest is stuck. */
  exit(reason: number, port: HardwarePort): string | null {
    const { instructions } = port;
    const rcx = port.readRegister32(RCX);
    const same = reason === this.#reason && instructions === this.#instructions && rcx === this.#rcx;
    this.#repeats = same ? this.#repeats + 1 : 0;
    this.#reason = reason;
    this.#instructions = instructions;
    this.#rcx = rcx;
    if (this.#repeats < MOST_REPEATS) return null;
    const name = exitReasonName(reason);
    return `The guest re-executed the same ${name} ${MOST_REPEATS} times: does the handler call advance()?`;
  }
}
