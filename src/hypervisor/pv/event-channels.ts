import { ERROR_INVALID, ERROR_NO_SPACE, EVENT_PORTS, SOURCE_SOFTWARE } from "../../spec/paravirtual.js";
import type { SharedInfo } from "./shared-info.js";

/**
 * Event channels: what interrupts are to a processor. A port has a bit that says that it has signalled and one that keeps it
 * quiet, both in memory that the guest writes without a call.
 */
export class EventChannels {
  /** Source that each port is bound to. */
  readonly #sources: (number | null)[] = new Array<number | null>(EVENT_PORTS).fill(null);

  constructor(private readonly shared: SharedInfo) {}

  /** @returns the port of a source, or an error. The timer and the console have one port each, software has as many as it binds */
  bind(source: number): number {
    if (source < 0 || source > SOURCE_SOFTWARE) return ERROR_INVALID;
    const bound = source === SOURCE_SOFTWARE ? -1 : this.#sources.indexOf(source);
    if (bound >= 0) return bound;
    const port = this.#sources.indexOf(null);
    if (port < 0) return ERROR_NO_SPACE;
    this.#sources[port] = source;
    return port;
  }

  /** @returns 0 or an error, as do the next ones */
  close(port: number): number {
    if (!this.#isPort(port)) return ERROR_INVALID;
    this.#sources[port] = null;
    return 0;
  }

  send(port: number): number {
    if (!this.#isPort(port) || this.#sources[port] !== SOURCE_SOFTWARE) return ERROR_INVALID;
    this.#raise(port);
    return 0;
  }

  unmask(port: number): number {
    if (!this.#isPort(port)) return ERROR_INVALID;
    this.shared.unmask(port);
    if (this.shared.isPending(port)) this.shared.upcallPending = true;
    return 0;
  }

  /** A port is bound to a source. */
  isBound(source: number): boolean {
    return this.#sources.includes(source);
  }

  /** A source that the hypervisor has signals, if it is bound. */
  signal(source: number): void {
    const port = this.#sources.indexOf(source);
    if (port >= 0) this.#raise(port);
  }

  /** The port's bit is set; where it was not and nothing keeps the port quiet, the guest is to be called. */
  #raise(port: number): void {
    const { shared } = this;
    if (shared.isPending(port)) return;
    shared.setPending(port);
    if (!shared.isMasked(port)) shared.upcallPending = true;
  }

  #isPort(port: number): boolean {
    return port >= 0 && port < EVENT_PORTS && this.#sources[port] !== null;
  }
}
