import * as P from "../../../spec/paravirtual.js";
import { TABLE_CYCLES } from "../../costs.js";
import type { Level } from "../../memory/direct/frame-types.js";
import { isCanonical } from "../linear-memory.js";
import type { PvGuest } from "../pv-guest.js";
import type { Hypercall } from "./hypercall.js";
import { carryOut } from "./list.js";

export const mmuUpdate: Hypercall = (guest, list, count) =>
  carryOut(guest, list, count, (entry, value) => guest.paging.update(entry, value));

export const mmuOperate: Hypercall = (guest, list, count) =>
  carryOut(guest, list, count, (what, argument) => operate(guest, what, argument));

function operate(guest: PvGuest, what: bigint, argument: bigint): number {
  const { paging } = guest;
  if (what > BigInt(P.MMU_INVALIDATE_PAGE)) return P.ERROR_INVALID;
  switch (Number(what)) {
    case P.MMU_UNPIN:
      return paging.unpin(argument);
    case P.MMU_NEW_CR3:
      return guest.loadCr3(argument);
    case P.MMU_FLUSH:
      paging.flush();
      return 0;
    case P.MMU_INVALIDATE_PAGE:
      return invalidate(guest, argument);
    default:
      return paging.pin(argument, (Number(what) - P.MMU_PIN_L1 + 1) as Level);
  }
}

function invalidate(guest: PvGuest, linear: bigint): number {
  if (!isCanonical(linear)) return P.ERROR_INVALID;
  guest.port.invlpg(linear);
  return 0;
}

/** One entry of level 1 and its flush: what a page-fault handler needs. */
export const updateMapping: Hypercall = (guest, linear, value, flush) => {
  const entry = guest.linear.lastLevelEntry(linear);
  if (entry < 0 || flush > BigInt(P.FLUSH_ALL)) return P.ERROR_INVALID;
  const checked = guest.paging.tablesChecked;
  const error = guest.paging.update(BigInt(entry), value);
  guest.paging.dismantleSome();
  guest.port.work(TABLE_CYCLES * (guest.paging.tablesChecked - checked));
  if (error !== 0) return error;
  if (flush === BigInt(P.FLUSH_PAGE)) guest.port.invlpg(linear);
  if (flush === BigInt(P.FLUSH_ALL)) guest.paging.flush();
  return 0;
};
