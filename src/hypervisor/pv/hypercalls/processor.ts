import * as P from "../../../spec/paravirtual.js";
import { isCanonical } from "../linear-memory.js";
import { secondResult, type Hypercall } from "./hypercall.js";

const VECTORS = 256n;

export const version: Hypercall = (_guest, what) => {
  if (what === 0n) return P.INTERFACE_VERSION;
  return what === 1n ? P.FEATURE_LARGE_PAGES : P.ERROR_INVALID;
};

export const setTrapTable: Hypercall = (guest, list, count) => {
  if (count > VECTORS) return P.ERROR_TOO_MANY;
  const bytes = guest.linear.read(list, Number(count) * P.REQUEST_BYTES);
  if (bytes === null) return P.ERROR_FAULT;
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < bytes.length; at += P.REQUEST_BYTES) {
    const error = guest.traps.set(view.getUint8(at), view.getUint8(at + 1), view.getBigUint64(at + 8, true));
    if (error !== 0) return error;
  }
  return 0;
};

export const stackSwitch: Hypercall = (guest, stack) => {
  if (!isCanonical(stack)) return P.ERROR_INVALID;
  guest.kernelStack = stack;
  return 0;
};

export const writeMsr: Hypercall = (guest, index, value) => guest.msrs.write(index, value);

export const readMsr: Hypercall = (guest, index) => {
  const value = guest.msrs.read(index);
  if (value === undefined) return P.ERROR_PERMISSION;
  secondResult(guest, value);
  return 0;
};

export const swapGs: Hypercall = (guest) => {
  guest.msrs.swapGs();
  return 0;
};

export const interruptReturn: Hypercall = (guest) => {
  if (!guest.interruptReturn()) return P.ERROR_INVALID;
  return "resume";
};
