import { IRQ_PIT, IRQ_SERIAL_COM1 } from "../../spec/interrupts.js";
import { PIC_MASTER, PIC_SLAVE } from "../../spec/ports.js";
import type { HardwarePort } from "../port.js";
import { PhysicalSerial } from "./physical-serial.js";
import { PhysicalTimer } from "./physical-timer.js";

/** Vectors that the hypervisor gives to the machine's interrupt requests. */
const VECTOR_BASE = 0x20;

const PIC_DATA = 1;
const ICW1_INIT_WITH_ICW4 = 0x11;
const ICW3_SLAVE_ON_2 = 1 << 2;
const ICW3_SLAVE_ID = 2;
const ICW4_8086 = 1;
const NON_SPECIFIC_EOI = 0x20;

/** The machine's own interrupt controllers and the two devices that the hypervisor wants to hear of. */
export class PhysicalInterrupts {
  readonly timer: PhysicalTimer;
  readonly #serial: PhysicalSerial;

  /** @param onSerial - takes what arrives at the machine's serial port */
  constructor(
    private readonly port: HardwarePort,
    onSerial: (bytes: readonly number[]) => void,
  ) {
    const out = (address: number, value: number): void => port.writePort(address, 1, value);
    for (const [pic, vectors, icw3] of [
      [PIC_MASTER, VECTOR_BASE, ICW3_SLAVE_ON_2],
      [PIC_SLAVE, VECTOR_BASE + 8, ICW3_SLAVE_ID],
    ]) {
      out(pic, ICW1_INIT_WITH_ICW4);
      out(pic + PIC_DATA, vectors);
      out(pic + PIC_DATA, icw3);
      out(pic + PIC_DATA, ICW4_8086);
    }
    out(PIC_MASTER + PIC_DATA, 0xff & ~((1 << IRQ_PIT) | (1 << IRQ_SERIAL_COM1)));
    out(PIC_SLAVE + PIC_DATA, 0xff);
    this.timer = new PhysicalTimer(port);
    this.#serial = new PhysicalSerial(port, onSerial);
  }

  // #region physical-interrupt
  /** An interrupt of the machine has been acknowledged: its device is served, then the interrupt controller told so. */
  take(vector: number): void {
    if (vector === VECTOR_BASE + IRQ_PIT) this.timer.fired();
    else if (vector === VECTOR_BASE + IRQ_SERIAL_COM1) this.#serial.received();
    else return; // a spurious one has nothing to end (8259A datasheet, "interrupt sequence")
    this.port.writePort(PIC_MASTER, 1, NON_SPECIFIC_EOI);
  }
  // #endregion
}
