import { ERROR_FAULT, MOST_CONSOLE_BYTES } from "../../../spec/paravirtual.js";
import { SERIAL_COM1 } from "../../../spec/ports.js";
import type { Hypercall } from "./hypercall.js";

function atMost(bytes: bigint): number {
  return Number(bytes < BigInt(MOST_CONSOLE_BYTES) ? bytes : MOST_CONSOLE_BYTES);
}

/** The machine's serial port is the hypervisor's own. */
export const consoleWrite: Hypercall = (guest, linear, bytes) => {
  const text = guest.linear.read(linear, atMost(bytes));
  if (text === null) return ERROR_FAULT;
  for (const byte of text) guest.port.writePort(SERIAL_COM1, 1, byte);
  return text.length;
};

export const consoleRead: Hypercall = (guest, linear, bytes) => {
  const taken = guest.console.take(atMost(bytes), (typed) => guest.linear.write(linear, typed));
  return taken < 0 ? ERROR_FAULT : taken;
};
