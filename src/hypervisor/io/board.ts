import type { Bus } from "../../machine/bus.js";
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
  /** What the guest's time-stamp counter adds to virtual time. */
  timeStampOffset: () => bigint;
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
      processors: [virtualPins(connections)],
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
  /** The virtual CPU's local APIC. */
  get local(): LocalInterrupts {
    return this.peripherals.local[0]!;
  }
  /** Whether the virtual local APIC asserts INTR. */
  get interruptPending(): boolean {
    return this.local.apic.output;
  }
  /** The vector of the interrupt that is injected now. */
  acknowledgeInterrupt(): number {
    return this.local.apic.acknowledge();
  }
  /** Fires what is due by now. */
  fireDue(): void {
    this.clock.advanceTo(this.clock.now());
  }
}

/** The run loop asks for {@link VirtualBoard.interruptPending} before each entry: nothing is to be told. */
function virtualPins({ timeStampOffset }: BoardConnections): ProcessorPins {
  return {
    setInterrupt: () => {},
    signalNmi: () => {},
    signalInit: () => {},
    signalStartUp: () => {},
    setTaskPriority: () => {},
    timeStampOffset,
  };
}
