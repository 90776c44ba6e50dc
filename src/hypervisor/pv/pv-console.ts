import type { LineEnd } from "../../machine/devices/serial-terminal.js";
import { MOST_CONSOLE_BYTES, SOURCE_CONSOLE } from "../../spec/paravirtual.js";
import type { EventChannels } from "./event-channels.js";

/** Where a paravirtual guest reads what is typed: a queue, and an event. */
export class PvConsole implements LineEnd {
  onListening: () => void = () => {};
  #typed: number[] = [];

  constructor(private readonly events: EventChannels) {}

  get listening(): boolean {
    return this.#typed.length < MOST_CONSOLE_BYTES;
  }
  get interruptsOnData(): boolean {
    return this.events.isBound(SOURCE_CONSOLE);
  }

  receive(byte: number): void {
    this.#typed.push(byte);
    this.events.signal(SOURCE_CONSOLE);
  }

  /** Hands the first bytes out, at most so many, to what may refuse them: they wait then. @returns how many, −1 when refused */
  take(bytes: number, action: (typed: Uint8Array) => boolean): number {
    const first = this.#typed.slice(0, bytes);
    if (!action(Uint8Array.from(first))) return -1;
    this.#typed = this.#typed.slice(first.length);
    this.onListening();
    return first.length;
  }
}
