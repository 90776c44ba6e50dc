import { Clock } from "../../src/machine/clock.js";

/** A clock whose time the test moves, firing what is due on the way. */
export class ManualClock {
  cycle = 0;
  readonly clock: Clock;
  constructor(frequency: number) {
    this.clock = new Clock(frequency, () => this.cycle);
  }
  /** Moves from deadline to deadline, as a board does while its processor is halted. */
  moveTo(cycle: number): void {
    for (let next = this.clock.next(); next !== null && next <= cycle; next = this.clock.next()) {
      this.cycle = Math.max(this.cycle, next);
      this.clock.advanceTo(this.cycle);
    }
    this.cycle = cycle;
  }
}
