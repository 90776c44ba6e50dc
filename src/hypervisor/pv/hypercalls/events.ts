import * as P from "../../../spec/paravirtual.js";
import { isCanonical } from "../linear-memory.js";
import type { Hypercall } from "./hypercall.js";

/** A port or source; what is none is −1, which no table has. */
function small(value: bigint): number {
  return value < BigInt(P.EVENT_PORTS) ? Number(value) : -1;
}

export const setCallback: Hypercall = (guest, handler) => {
  if (!isCanonical(handler)) return P.ERROR_INVALID;
  guest.callback = handler;
  return 0;
};

export const eventBind: Hypercall = (guest, source) => guest.events.bind(small(source));
export const eventSend: Hypercall = (guest, port) => guest.events.send(small(port));
export const eventUnmask: Hypercall = (guest, port) => guest.events.unmask(small(port));
export const eventClose: Hypercall = (guest, port) => guest.events.close(small(port));

export const setTimer: Hypercall = (guest, deadline) => {
  guest.clock.setTimer(deadline);
  return 0;
};

export const yieldProcessor: Hypercall = () => 0;

/** STI and HLT in one: an event that waits already, or slips in between, ends the wait at once. */
export const block: Hypercall = (guest) => {
  guest.shared.eventsMasked = false;
  guest.port.writeRegister(0, 0n);
  return "halt";
};
