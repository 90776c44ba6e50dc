import { SERIAL_COM1 } from "../../spec/ports.js";
import type { HardwarePort } from "../port.js";

/** Registers of the 16550 (PC16550D datasheet, table II). */
const RECEIVER_BUFFER = SERIAL_COM1;
const INTERRUPT_ENABLE = SERIAL_COM1 + 1;
const FIFO_CONTROL = SERIAL_COM1 + 2;
const MODEM_CONTROL = SERIAL_COM1 + 4;
const LINE_STATUS = SERIAL_COM1 + 5;

const RECEIVED_DATA_AVAILABLE = 1 << 0;
const FIFO_ENABLE = 1 << 0;
const DTR_RTS_OUT2 = 0b1011;
const DATA_READY = 1 << 0;

/** The machine's serial port, which belongs to the hypervisor. */
export class PhysicalSerial {
  constructor(
    private readonly port: HardwarePort,
    private readonly onReceived: (bytes: readonly number[]) => void,
  ) {
    port.writePort(FIFO_CONTROL, 1, FIFO_ENABLE);
    port.writePort(MODEM_CONTROL, 1, DTR_RTS_OUT2);
    port.writePort(INTERRUPT_ENABLE, 1, RECEIVED_DATA_AVAILABLE);
  }

  // #region physical-serial
  /** The machine's serial port interrupts: all that has arrived is typed into the VM's own. */
  received(): void {
    const bytes: number[] = [];
    while ((this.port.readPort(LINE_STATUS, 1) & DATA_READY) !== 0) {
      bytes.push(this.port.readPort(RECEIVER_BUFFER, 1));
    }
    this.onReceived(bytes);
  }
  // #endregion
}
