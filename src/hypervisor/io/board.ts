import { Bus } from "../../machine/bus.js";
import { PicPair } from "../../machine/chipset/pic-pair.js";
import { Pit8254 } from "../../machine/chipset/pit-8254.js";
import { Power } from "../../machine/chipset/power.js";
import { SystemControlB } from "../../machine/chipset/system-control-b.js";
import { Clock } from "../../machine/clock.js";
import { DebugExit } from "../../machine/devices/debug-exit.js";
import { Serial16550 } from "../../machine/devices/serial-16550.js";
import { SerialTerminal } from "../../machine/devices/serial-terminal.js";
import * as P from "../../spec/ports.js";

/** What the devices of a VM need from outside it. */
export interface BoardConnections {
  /** Frequency of virtual time, Hz. */
  frequency: number;
  /** Virtual time, cycles. */
  now: () => number;
  /** A byte left the first serial port. */
  onSerial: (byte: number) => void;
  /** Soft-off. */
  onPowerOff: () => void;
  /** A write to the debug-exit port. */
  onDebugExit: (status: number) => void;
}

/**
 * The board that a VM finds itself on: the same device models as the machine's own board, but driven by exit handlers
 * and virtual time.
 */
export class VirtualBoard {
  readonly ports = new Bus("virtual port");
  /** By guest-physical address. */
  readonly mmio = new Bus("virtual memory-mapped");
  readonly clock: Clock;
  /** At the far end of the VM's first serial line: what the hypervisor passes on. */
  readonly terminal: SerialTerminal;
  readonly #pic: PicPair;

  constructor(connections: BoardConnections) {
    this.clock = new Clock(connections.frequency, connections.now);
    this.#pic = new PicPair(() => {});
    const pit = new Pit8254(this.clock, (level) => this.#pic.setLine(P.IRQ_PIT, level));
    const serial = new Serial16550(connections.onSerial, (level) =>
      this.#pic.setLine(P.IRQ_SERIAL_COM1, level),
    );
    this.terminal = new SerialTerminal(serial);
    this.ports.register(P.PIC_MASTER, 2, this.#pic.master);
    this.ports.register(P.PIC_SLAVE, 2, this.#pic.slave);
    this.ports.register(P.PIC_ELCR, 2, this.#pic.elcr);
    this.ports.register(P.PIT, 4, pit.device);
    this.ports.register(P.SYSTEM_CONTROL_B, 1, new SystemControlB(pit).device);
    this.ports.register(P.SERIAL_COM1, 8, serial.device);
    this.ports.register(P.DEBUG_EXIT, 4, new DebugExit(connections.onDebugExit).device);
    this.ports.register(P.ACPI_PM1A_CONTROL, 2, new Power(connections.onPowerOff).device);
  }

  /** Whether the virtual interrupt controller asserts INTR. */
  get interruptPending(): boolean {
    return this.#pic.output;
  }
  /** The vector of the interrupt that is injected now. */
  acknowledgeInterrupt(): number {
    return this.#pic.acknowledge();
  }
  /** Fires what is due by now. */
  fireDue(): void {
    this.clock.advanceTo(this.clock.now());
  }
}
