import type { Bus } from "../../machine/bus.js";
import type { InterruptSource } from "../vtx/event-delivery.js";
import type { ProcessorPins } from "../../machine/chipset/local-apic.js";
import { Clock } from "../../machine/clock.js";
import { SerialTerminal } from "../../machine/devices/serial-terminal.js";
import { Peripherals, type LocalInterrupts } from "../../machine/peripherals.js";

/** What the devices of a VM need from outside it. */
export interface BoardConnections {
  /** Frequency of virtual time, Hz. */
  frequency: number;
  /** Virtual time, cycles. */
  now: () => number;
  /** The virtual CPUs, by APIC ID. */
  processors: readonly ProcessorPins[];
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
  readonly clock: Clock;
  readonly peripherals: Peripherals;
  /** At the far end of the VM's first serial line: what the hypervisor passes on. */
  readonly terminal: SerialTerminal;

  constructor(connections: BoardConnections) {
    this.clock = new Clock(connections.frequency, connections.now);
    this.peripherals = new Peripherals({
      clock: this.clock,
      processors: connections.processors,
      onSerial: connections.onSerial,
      onPowerOff: connections.onPowerOff,
      onDebugExit: connections.onDebugExit,
    });
    this.terminal = new SerialTerminal(this.peripherals.serial);
  }

  get ports(): Bus {
    return this.peripherals.ports;
  }
  /** By guest-physical address, but for the local APIC: see {@link LocalInterrupts.memory}. */
  get mmio(): Bus {
    return this.peripherals.mmio;
  }
  /** How many virtual CPUs there are. */
  get processors(): number {
    return this.peripherals.local.length;
  }
  /** A virtual CPU's local APIC. */
  local(index: number): LocalInterrupts {
    return this.peripherals.local[index]!;
  }
  /** What interrupts a virtual CPU. */
  interruptsOf(index: number): InterruptSource {
    const { apic } = this.local(index);
    return {
      get interruptPending() {
        return apic.output;
      },
      acknowledgeInterrupt: () => apic.acknowledge(),
    };
  }
  /** Fires what is due by now. */
  fireDue(): void {
    this.clock.advanceTo(this.clock.now());
  }
}
