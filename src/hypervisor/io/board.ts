import type { Bus } from "../../machine/bus.js";
import type { InterruptSource } from "../vtx/event-delivery.js";
import { Clock } from "../../machine/clock.js";
import { SerialTerminal } from "../../machine/devices/serial-terminal.js";
import { Peripherals, type LocalInterrupts, type PeripheralsConnections } from "../../machine/peripherals.js";

/** What the devices of a VM need from outside it. */
export interface BoardConnections extends Omit<PeripheralsConnections, "clock"> {
  /** Frequency of virtual time, Hz. */
  frequency: number;
  /** Virtual time, cycles. */
  now: () => number;
}

/**
 * The board that a VM finds itself on: the same device models as the machine's own board, but driven by exit handlers
 * and virtual time.
 */
export class VirtualBoard {
  readonly clock: Clock;
  readonly peripherals: Peripherals;
  /** At the far end of the VM's first serial line, or of what it has instead: what the hypervisor passes on. */
  terminal: SerialTerminal;

  constructor(connections: BoardConnections) {
    this.clock = new Clock(connections.frequency, connections.now);
    this.peripherals = new Peripherals({
      ...connections,
      clock: this.clock,
    });
    this.terminal = new SerialTerminal(this.peripherals.serial);
  }

  get ports(): Bus {
    return this.peripherals.ports;
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
  /** Whether a device claims any of `bytes` bytes from a guest-physical address. */
  isDevice(address: number, bytes: number): boolean {
    return this.peripherals.local.some(({ memory }) => memory.claimsAny(address, bytes));
  }
  /** Fires what is due by now. */
  fireDue(): void {
    this.clock.advanceTo(this.clock.now());
  }
}
