import { byteWide, type Device } from "../bus.js";

/**
 * Coprocessor error register (82371SB datasheet, 2.5.7), port F0H: FERR# of the processor becomes interrupt request 13, and a
 * write takes that back and asserts IGNNE#, so that the handler can use the coprocessor.
 */
export class CoprocessorError {
  #requested = false;
  /** 1 port. */
  readonly device: Device = byteWide(
    () => 0xff,
    (offset) => {
      if (offset === 0) this.#acknowledge();
    },
  );

  /**
   * @param request - sets the level of the interrupt request
   * @param ignore - asserts IGNNE#, until the processor negates FERR#
   */
  constructor(
    private readonly request: (level: boolean) => void,
    private readonly ignore: () => void,
  ) {}

  /** FERR# has been asserted. */
  report(): void {
    this.#requested = true;
    this.request(true);
  }

  #acknowledge(): void {
    if (!this.#requested) return;
    this.#requested = false;
    this.request(false);
    this.ignore();
  }

  snapshot(): { requested: boolean } {
    return { requested: this.#requested };
  }
  restore(state: { requested: boolean }): void {
    this.#requested = state.requested;
  }
}
