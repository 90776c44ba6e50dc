import { ERROR_FAULT, ERROR_TOO_MANY, MOST_REQUESTS, REQUEST_BYTES } from "../../../spec/paravirtual.js";
import { REQUEST_CYCLES, TABLE_CYCLES } from "../../costs.js";
import type { PvGuest } from "../pv-guest.js";
import { secondResult } from "./hypercall.js";

/** An entry of a list: two halves. */
export type Request = (first: bigint, second: bigint) => number;

// #region pv-list
/**
 * Carries a list out that lies in the guest's memory, up to the first entry that is refused: one way to the hypervisor and back,
 * however long the list.
 * @returns 0 or the error of that entry
 */
export function carryOut(guest: PvGuest, list: bigint, count: bigint, request: Request): number {
  secondResult(guest, 0);
  if (count > BigInt(MOST_REQUESTS)) return ERROR_TOO_MANY;
  const bytes = guest.linear.read(list, Number(count) * REQUEST_BYTES);
  if (bytes === null) return ERROR_FAULT;
  const checked = guest.paging.tablesChecked;
  const halves = new BigUint64Array(bytes.buffer);
  let done = 0;
  let error = 0;
  while (done < Number(count) && (error = request(halves[2 * done], halves[2 * done + 1])) === 0) done++;
  guest.paging.dismantleSome();
  guest.port.work(REQUEST_CYCLES * done + TABLE_CYCLES * (guest.paging.tablesChecked - checked));
  secondResult(guest, done);
  return error;
}
// #endregion
