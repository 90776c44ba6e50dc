import { EPT_VIOLATION, EXCEPTION_OR_NMI, EXTERNAL_INTERRUPT, IO_INSTRUCTION } from "../spec/exit-reasons.js";
import { exitReasonName } from "../trace/names.js";
import type { HardwarePort } from "./port.js";

/** So many exits with no guest instruction between are a loop that nothing will break. */
const MOST_REPEATS = 1_000;
/** Exits of a repeated string instruction: it makes progress by counting RCX down. */
const OF_STRINGS: readonly number[] = [IO_INSTRUCTION, EPT_VIOLATION, EXCEPTION_OR_NMI];
/** Number of RCX in encodings. */
const RCX = 1;

/** Notices a guest that leaves and enters without getting anywhere, e.g. since a handler forgot to advance RIP. */
export class ProgressWatch {
  #instructions = -1;
  #rcx = -1;
  #repeats = 0;

  /**
   * Looks at an exit; words for the user when the guest is stuck. Interrupts of the machine come between the others and say
   * nothing about the guest.
   */
  exit(reason: number, port: HardwarePort): string | null {
    if (reason === EXTERNAL_INTERRUPT) return null;
    const { instructions } = port;
    const rcx = OF_STRINGS.includes(reason) ? port.readRegister32(RCX) : 0;
    const same = instructions === this.#instructions && rcx === this.#rcx;
    this.#repeats = same ? this.#repeats + 1 : 0;
    this.#instructions = instructions;
    this.#rcx = rcx;
    if (this.#repeats < MOST_REPEATS) return null;
    const name = exitReasonName(reason);
    return `The guest re-executed the same ${name} ${MOST_REPEATS} times: does the handler call advance()?`;
  }
}
