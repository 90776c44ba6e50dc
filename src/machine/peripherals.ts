import { IO_APIC, IRQ_PIT, IRQ_SERIAL_COM1 } from "../spec/interrupts.js";
import * as P from "../spec/ports.js";
import { Bus } from "./bus.js";
import { ApicMsrs } from "./chipset/apic-msrs.js";
import { InterruptBus } from "./chipset/interrupt-bus.js";
import { IO_APIC_BYTES, IoApic } from "./chipset/io-apic.js";
import { LocalApic, type ProcessorPins } from "./chipset/local-apic.js";
import { PicPair } from "./chipset/pic-pair.js";
import { Pit8254 } from "./chipset/pit-8254.js";
import { Power } from "./chipset/power.js";
import { SystemControlB } from "./chipset/system-control-b.js";
import type { Clock } from "./clock.js";
import { LocalMemory } from "./local-memory.js";
import { DebugExit } from "./devices/debug-exit.js";
import { Serial16550 } from "./devices/serial-16550.js";

/** What the devices of a PC need from outside. */
export interface PeripheralsConnections {
  /** Their time. */
  clock: Clock;
  /** The processors, by APIC ID; the first one is the bootstrap processor. */
  processors: readonly ProcessorPins[];
  /** A byte left the first serial port. */
  onSerial: (byte: number) => void;
  /** Soft-off. */
  onPowerOff: () => void;
  /** A write to the debug-exit port. */
  onDebugExit: (status: number) => void;
}

/** A processor's local APIC and the MSRs that belong to it. */
export interface LocalInterrupts {
  readonly apic: LocalApic;
  readonly msrs: ApicMsrs;
  readonly memory: LocalMemory;
}

/**
 * Everything on a PC's board but processors and RAM: the interrupt controllers, timers and devices at their customary
 * places. The machine has one, and so has each VM.
 */
export class Peripherals {
  readonly ports = new Bus("port");
  readonly mmio = new Bus("memory-mapped");
  readonly pic: PicPair;
  readonly ioApic: IoApic;
  /** By processor. */
  readonly local: readonly LocalInterrupts[];
  readonly pit: Pit8254;
  readonly serial: Serial16550;

  constructor(connections: PeripheralsConnections) {
    const { clock, processors } = connections;
    const bus = new InterruptBus();
    this.pic = new PicPair((level) => this.#followPic(level));
    this.ioApic = new IoApic(processors.length, bus);
    this.local = processors.map((pins, id) => {
      const apic = new LocalApic(id, id === 0, clock, bus, pins, () => this.pic.acknowledge());
      const msrs = new ApicMsrs(apic);
      return { apic, msrs, memory: new LocalMemory(this.mmio, apic, msrs) };
    });
    this.local[0]!.apic.enterVirtualWireMode();
    this.pit = new Pit8254(clock, (level) => this.setLine(IRQ_PIT, level));
    this.serial = new Serial16550(connections.onSerial, (level) => this.setLine(IRQ_SERIAL_COM1, level));
    this.#wire(connections);
  }

  /**
   * Sets the level of an interrupt line: 0–15 are the ISA requests, which both kinds of controller see, 16–23 those of
   * the I/O APIC alone. Request 0 is on its input 2, as the MADT says.
   */
  setLine(line: number, level: boolean): void {
    if (line < 16) this.pic.setLine(line, level);
    this.ioApic.setLine(line === IRQ_PIT ? 2 : line, level);
  }

  /** INTR of the 8259s goes to LINT0 of every processor and to input 0 of the I/O APIC. */
  #followPic(level: boolean): void {
    this.ioApic.setLine(0, level);
    for (const { apic } of this.local) apic.setLint0(level);
  }

  #wire({ onPowerOff, onDebugExit }: PeripheralsConnections): void {
    this.ports.register(P.PIC_MASTER, 2, this.pic.master);
    this.ports.register(P.PIC_SLAVE, 2, this.pic.slave);
    this.ports.register(P.PIC_ELCR, 2, this.pic.elcr);
    this.ports.register(P.PIT, 4, this.pit.device);
    this.ports.register(P.SYSTEM_CONTROL_B, 1, new SystemControlB(this.pit).device);
    this.ports.register(P.SERIAL_COM1, 8, this.serial.device);
    this.ports.register(P.DEBUG_EXIT, 4, new DebugExit(onDebugExit).device);
    this.ports.register(P.ACPI_PM1A_CONTROL, 2, new Power(onPowerOff).device);
    this.mmio.register(IO_APIC, IO_APIC_BYTES, this.ioApic.device);
  }
}
