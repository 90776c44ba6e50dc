import { PIT, PIT_FREQUENCY } from "../../spec/ports.js";
import { TIMER } from "../../spec/trace-records.js";
import type { HardwarePort } from "../port.js";

const PIT_CONTROL = 3;
/** Counter 0, low then high byte, mode 0: OUT rises once when the count is through. */
const ONE_SHOT = 0x30;
const LARGEST_COUNT = 0xffff;

/** The machine's own timer, which belongs to the hypervisor: it wakes it for virtual deadlines. */
export class PhysicalTimer {
  #armedFor: number | null = null;

  constructor(private readonly port: HardwarePort) {}

  // #region physical-timer
  /**
   * Asks for an interrupt at `cycle`. The 8254 counts 16 bits at 1.19 MHz, so a deadline more than 55 ms away is reached
   * in several shots.
   */
  arm(cycle: number): void {
    if (cycle === this.#armedFor) return;
    const ticks = Math.ceil(((cycle - this.port.cycles) * PIT_FREQUENCY) / this.port.frequency);
    const count = Math.min(Math.max(ticks, 1), LARGEST_COUNT);
    this.port.writePort(PIT + PIT_CONTROL, 1, ONE_SHOT);
    this.port.writePort(PIT, 1, count & 0xff);
    this.port.writePort(PIT, 1, count >> 8);
    this.#armedFor = cycle;
  }

  /** The interrupt came. */
  fired(): void {
    this.port.record(TIMER, 0, 0);
    this.#armedFor = null;
  }
  // #endregion
}
