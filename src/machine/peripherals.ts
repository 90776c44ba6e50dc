import {
  IO_APIC,
  IRQ_COPROCESSOR,
  IRQ_PIT,
  IRQ_RTC,
  IRQ_SCI,
  IRQ_SERIAL_COM1,
  TEST_MEMORY,
  TEST_MEMORY_BYTES,
} from "../spec/interrupts.js";
import * as P from "../spec/ports.js";
import { Bus } from "./bus.js";
import { ACPI_PM_PORTS, AcpiPm } from "./chipset/acpi-pm.js";
import { ApicMsrs } from "./chipset/apic-msrs.js";
import { CoprocessorError } from "./chipset/coprocessor-error.js";
import { InterruptBus } from "./chipset/interrupt-bus.js";
import { IO_APIC_BYTES, IoApic } from "./chipset/io-apic.js";
import { Keyboard8042 } from "./chipset/keyboard-8042.js";
import type { CivilTime } from "./chipset/calendar.js";
import { LocalApic, type ProcessorPins } from "./chipset/local-apic.js";
import { PCI_CONFIGURATION_PORTS, PciHost } from "./chipset/pci-host.js";
import { PicPair } from "./chipset/pic-pair.js";
import { Pit8254 } from "./chipset/pit-8254.js";
import { ResetControl } from "./chipset/reset-control.js";
import { RtcMc146818 } from "./chipset/rtc-mc146818.js";
import { SystemControlB } from "./chipset/system-control-b.js";
import type { Clock } from "./clock.js";
import { LocalMemory } from "./local-memory.js";
import { debugConsole } from "./devices/debug-console.js";
import { DebugExit } from "./devices/debug-exit.js";
import { FwCfg } from "./devices/fw-cfg.js";
import { Latch } from "./devices/latch.js";
import { Serial16550 } from "./devices/serial-16550.js";
import { TestDevice } from "./devices/test-device.js";
import { cmosMemory, DEFAULT_DATE, e820File } from "./firmware-data.js";

/** What the devices of a PC need from outside. */
export interface PeripheralsConnections {
  /** Their time. */
  clock: Clock;
  /** The processors, by APIC ID; the first one is the bootstrap processor. */
  processors: readonly ProcessorPins[];
  /** RAM, for firmware to ask. */
  ramBytes: number;
  /** The date at cycle 0 of the clock; the beginning of 2006 unless given. */
  date?: CivilTime;
  /** A byte left the first serial port. */
  onSerial: (byte: number) => void;
  /** Soft-off. */
  onPowerOff: () => void;
  /** The board's reset line was pulled. */
  onReset: () => void;
  /** The test device asks for a page's translations to be dropped. */
  onFlushPage: (address: number) => void;
  /** IGNNE# is asserted to the processor that runs. */
  onIgnoreFloatError: () => void;
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
  readonly rtc: RtcMc146818;
  readonly acpi: AcpiPm;
  readonly coprocessorError: CoprocessorError;

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
    const memory = cmosMemory(connections.ramBytes, processors.length);
    this.rtc = new RtcMc146818(clock, connections.date ?? DEFAULT_DATE, memory, (level) =>
      this.#followClock(level),
    );
    this.acpi = new AcpiPm(clock, (level) => this.setLine(IRQ_SCI, level), connections.onPowerOff);
    this.coprocessorError = new CoprocessorError(
      (level) => this.setLine(IRQ_COPROCESSOR, level),
      connections.onIgnoreFloatError,
    );
    this.#wireChipset(connections);
    this.#wireDevices(connections);
  }

  /**
   * Sets the level of an interrupt line: 0–15 are the ISA requests, which both kinds of controller see, 16–23 those of
   * the I/O APIC alone. Request 0 is on its input 2, as the MADT says.
   */
  setLine(line: number, level: boolean): void {
    if (line < 16) this.pic.setLine(line, level);
    this.ioApic.setLine(line === IRQ_PIT ? 2 : line, level);
  }

  #followClock(level: boolean): void {
    this.setLine(IRQ_RTC, level);
    if (level) this.acpi.clockInterrupt();
  }

  /** INTR of the 8259s goes to LINT0 of every processor and to input 0 of the I/O APIC. */
  #followPic(level: boolean): void {
    this.ioApic.setLine(0, level);
    for (const { apic } of this.local) apic.setLint0(level);
  }

  #wireChipset({ onReset }: PeripheralsConnections): void {
    const { ports, mmio } = this;
    const keyboard = new Keyboard8042(onReset);
    const pci = new PciHost(new ResetControl(onReset).device);
    ports.register(P.PIC_MASTER, 2, this.pic.master);
    ports.register(P.PIC_SLAVE, 2, this.pic.slave);
    ports.register(P.PIC_ELCR, 2, this.pic.elcr);
    ports.register(P.PIT, 4, this.pit.device);
    ports.register(P.SYSTEM_CONTROL_B, 1, new SystemControlB(this.pit).device);
    ports.register(P.KEYBOARD_DATA, 1, keyboard.data);
    ports.register(P.KEYBOARD_COMMAND, 1, keyboard.command);
    ports.register(P.RTC, 2, this.rtc.device);
    ports.register(P.DMA_PAGES, 16, new Latch(16).device);
    ports.register(P.COPROCESSOR_ERROR, 1, this.coprocessorError.device);
    ports.register(P.ACPI_PM1A_EVENT, ACPI_PM_PORTS, this.acpi.device);
    ports.register(P.PCI_CONFIGURATION, PCI_CONFIGURATION_PORTS, pci.device);
    mmio.register(IO_APIC, IO_APIC_BYTES, this.ioApic.device);
  }

  #wireDevices({ ramBytes, processors, onDebugExit, onFlushPage, onSerial }: PeripheralsConnections): void {
    const { ports, mmio } = this;
    const files = new Map([["etc/e820", e820File(ramBytes)]]);
    const firmware = new FwCfg({ ramBytes, processors: processors.length, files });
    const test = new TestDevice((line, level) => this.setLine(line, level), onFlushPage);
    ports.register(P.SERIAL_COM1, 8, this.serial.device);
    ports.register(P.DEBUG_CONSOLE, 1, debugConsole(onSerial));
    ports.register(P.DEBUG_EXIT, 4, new DebugExit(onDebugExit).device);
    ports.register(P.TEST_LATCH, 4, test.latch);
    ports.register(P.TEST_FLUSH, 4, test.flush);
    ports.register(P.TEST_LATCH_BYTES, 4, test.latch);
    ports.register(P.TEST_LINES, 24, test.lines);
    ports.register(P.FW_CFG, 2, firmware.device);
    mmio.register(TEST_MEMORY, TEST_MEMORY_BYTES, test.memory);
  }
}
