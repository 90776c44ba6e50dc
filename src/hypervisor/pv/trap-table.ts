import { ERROR_INVALID, TRAP_MASKS_EVENTS, TRAP_RING } from "../../spec/paravirtual.js";
import { isCanonical } from "./linear-memory.js";

/** Where the guest takes a vector. */
export interface TrapHandler {
  /** Linear, canonical. */
  address: bigint;
  /** The least privileged ring that may raise it with INT n. */
  ring: number;
  masksEvents: boolean;
}

/** What an IDT is natively. */
export class TrapTable {
  readonly #handlers = new Map<number, TrapHandler>();

  handler(vector: number): TrapHandler | undefined {
    return this.#handlers.get(vector);
  }

  /** @returns 0 or an error */
  set(vector: number, flags: number, address: bigint): number {
    if ((flags & ~(TRAP_RING | TRAP_MASKS_EVENTS)) !== 0 || !isCanonical(address)) return ERROR_INVALID;
    if (address === 0n) this.#handlers.delete(vector);
    else
      this.#handlers.set(vector, {
        address,
        ring: flags & TRAP_RING,
        masksEvents: (flags & TRAP_MASKS_EVENTS) !== 0,
      });
    return 0;
  }
}
