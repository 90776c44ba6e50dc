import { IRQ_PIT } from "../../spec/interrupts.js";
import { PIC_MASTER, PIC_SLAVE, PIT, PIT_FREQUENCY } from "../../spec/ports.js";
import { TIMER } from "../../spec/trace-records.js";
import type { HardwarePort } from "../port.js";

/** Vectors that the hypervisor gives to the machine's interrupt requests. */
export const PHYSICAL_VECTOR_BASE = 0x20;
export const PHYSICAL_TIMER_VECTOR = PHYSICAL_VECTOR_BASE + IRQ_PIT;

const PIC_DATA = 1;
const ICW1_INIT_WITH_ICW4 = 0x11;
const ICW3_SLAVE_ON_2 = 1 << 2;
const ICW3_SLAVE_ID = 2;
const ICW4_8086 = 1;
const NON_SPECIFIC_EOI = 0x20;

const PIT_CONTROL = 3;
/** Counter 0, low then high byte, mode 0: OUT rises once when the count is through. */
const ONE_SHOT = 0x30;
const LARGEST_COUNT = 0xffff;

/** The machine's own interrupt controllers and timer, which belong to the hypervisor: it wakes it for virtual deadlines. */
export class PhysicalTimer {
  #armedFor: number | null = null;

  constructor(private readonly port: HardwarePort) {
    const out = (address: number, value: number): void => port.writePort(address, 1, value);
    for (const [pic, vectors, icw3] of [
      [PIC_MASTER, PHYSICAL_VECTOR_BASE, ICW3_SLAVE_ON_2],
      [PIC_SLAVE, PHYSICAL_VECTOR_BASE + 8, ICW3_SLAVE_ID],
    ]) {
      out(pic, ICW1_INIT_WITH_ICW4);
      out(pic + PIC_DATA, vectors);
      out(pic + PIC_DATA, icw3);
      out(pic + PIC_DATA, ICW4_8086);
    }
    out(PIC_MASTER + PIC_DATA, 0xff & ~(1 << IRQ_PIT));
    out(PIC_SLAVE + PIC_DATA, 0xff);
  }

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
    this.port.writePort(PIT + IRQ_PIT, 1, count & 0xff);
    this.port.writePort(PIT + IRQ_PIT, 1, count >> 8);
    this.#armedFor = cycle;
  }

  /** The interrupt came: tells the interrupt controller that it has been dealt with. */
  fired(): void {
    this.port.writePort(PIC_MASTER, 1, NON_SPECIFIC_EOI);
    this.port.record(TIMER, 0, 0);
    this.#armedFor = null;
  }
  // #endregion
}
