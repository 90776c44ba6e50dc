import * as P from "../../../spec/paravirtual.js";
import type { VmEnding } from "../../ending.js";
import type { Hypercall } from "./hypercall.js";

const STATUS_BITS = 32;

export const shutdown: Hypercall = (guest, reason, status) => {
  const ending = endingOf(reason, status);
  if (ending === null) return P.ERROR_INVALID;
  guest.ending = ending;
  return "shutdown";
};

function endingOf(reason: bigint, value: bigint): VmEnding | null {
  if (reason > BigInt(P.SHUTDOWN_STATUS)) return null;
  switch (Number(reason)) {
    case P.SHUTDOWN_POWER_OFF:
      return { kind: "power-off", message: "The guest powered its machine off." };
    case P.SHUTDOWN_RESET:
      return { kind: "reset", message: "The guest reset its machine." };
    case P.SHUTDOWN_CRASH:
      return { kind: "triple-fault", message: "The guest gave up." };
    default:
      return debugExit(Number(BigInt.asUintN(STATUS_BITS, value)));
  }
}

function debugExit(value: number): VmEnding {
  return { kind: "debug-exit", status: 2 * value + 1, message: `The guest ended with the value ${value}.` };
}
