import type { Device } from "../bus.js";

/**
 * The test device of bare-metal test suites: a write of v ends the run with exit status 2v + 1, so that no run that
 * ends here looks like success to a shell. Reads give 0. 4 ports, all alike.
 */
export class DebugExit {
  readonly device: Device = {
    read: () => 0,
    write: (_offset, _size, value) => this.exit(2 * value + 1),
  };

  /** @param exit - told the exit status, odd and below 2^33 */
  constructor(private readonly exit: (status: number) => void) {}
}
