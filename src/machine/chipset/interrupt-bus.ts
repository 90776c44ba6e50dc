/**
 * The messages by which IO-APICs and local APICs interrupt processors (SDM Vol. 3, 11.1, 11.6, 11.11). Destinations
 * have 32 bits, as in x2APIC mode; who sends 8 bits widens them.
 * @module
 */

/** Delivery modes, as in bits 10:8 of the ICR, the local vector table and redirection entries. */
export const FIXED = 0;
export const LOWEST_PRIORITY = 1;
export const SMI = 2;
export const NMI = 4;
export const INIT = 5;
export const START_UP = 6;
export const EXT_INT = 7;

/** All processors. */
export const BROADCAST = 0xffff_ffff;

export interface InterruptMessage {
  /** APIC ID, logical address, or {@link BROADCAST}. */
  destination: number;
  logical: boolean;
  deliveryMode: number;
  /** 0–255. */
  vector: number;
  /** Level-triggered: the EOI is to be broadcast. */
  level: boolean;
}

/** A local APIC as other agents on the bus see it. */
export interface InterruptTarget {
  /** Whether a message with this destination is for it. */
  matches(destination: number, logical: boolean): boolean;
  /** What lowest-priority delivery compares: bits 7:0 of the processor priority. */
  readonly processorPriority: number;
  /** Whether it accepts fixed interrupts at all. */
  readonly accepting: boolean;
  /** @returns whether it has accepted the message */
  receive(message: InterruptMessage): boolean;
}

/** An IO-APIC: hears when a level-triggered interrupt is done with. */
export interface EoiListener {
  endOfInterrupt(vector: number): void;
}

/** Connects interrupt sources with the local APICs, and the local APICs with each other. */
export class InterruptBus {
  readonly #targets: InterruptTarget[] = [];
  readonly #listeners: EoiListener[] = [];

  attach(target: InterruptTarget): void {
    this.#targets.push(target);
  }
  listen(listener: EoiListener): void {
    this.#listeners.push(listener);
  }

  /** Delivers to whom the destination names. @returns whether anyone has accepted it */
  send(message: InterruptMessage): boolean {
    const named = this.#targets.filter((target) => target.matches(message.destination, message.logical));
    return deliver(named, message);
  }

  /** Delivers to all local APICs, but for one: the ICR's shorthands. */
  sendToAll(message: InterruptMessage, except?: InterruptTarget): void {
    deliver(
      this.#targets.filter((target) => target !== except),
      message,
    );
  }

  /** The end of a level-triggered interrupt (11.8.5). */
  broadcastEoi(vector: number): void {
    for (const listener of this.#listeners) listener.endOfInterrupt(vector);
  }
}

/** Lowest-priority delivery has one receiver: of several of the same priority the first one (11.6.2.4). */
function deliver(targets: readonly InterruptTarget[], message: InterruptMessage): boolean {
  if (message.deliveryMode !== LOWEST_PRIORITY) {
    return targets.map((target) => target.receive(message)).includes(true);
  }
  let lowest: InterruptTarget | undefined;
  for (const target of targets) {
    if (!target.accepting) continue;
    if (!lowest || target.processorPriority < lowest.processorPriority) lowest = target;
  }
  return lowest?.receive({ ...message, deliveryMode: FIXED }) ?? false;
}
