import type { Session } from "../../src/experiments/session.js";
import type { Moment } from "../../src/experiments/view.js";
import type { PartKind } from "../../src/grading/parts/part.js";
import type { Realm } from "../../src/grading/realm/realm.js";
import type { Expected } from "../../src/grading/realm/result.js";
import { REQUEST_CYCLES, TABLE_CYCLES } from "../../src/hypervisor/costs.js";
import { PAGE_BYTES } from "../../src/hypervisor/memory/layout.js";
import type { Hypercall } from "../../src/hypervisor/pv/hypercalls/hypercall.js";
import type { PvGuest } from "../../src/hypervisor/pv/pv-guest.js";
import { HYPERVISOR_SLOT } from "../../src/spec/paravirtual.js";
import { DomainFacade } from "./facade.js";
import { TableChecker } from "./table-checker.js";

/** One call that the part carried out. */
export interface UpdateCall {
  moment: Moment;
  /** Requests, as the guest says. */
  count: bigint;
  result: number;
  done: number;
  hostCalls: number;
  steps: number;
  /** What is wrong with the tables after it. */
  fault: string | null;
}

const ERROR: Expected<number> = {
  words: "0 or an error of spec/paravirtual",
  take: (returned) => (Number.isSafeInteger(returned) ? (returned as number) : undefined),
};

/** MMU_UPDATE of paravirtualisation. What is observed: its calls, and the page tables after each. */
export const mmuUpdates: PartKind<UpdateCall[]> = () => {
  const facade = new DomainFacade();
  const observed: UpdateCall[] = [];
  const overrides = (realm: Realm, session: () => Session): { hypercalls: { MMU_UPDATE: Hypercall } } => {
    const update = realm.exported(
      "mmuUpdate",
      "(domain: Domain, list: bigint, count: bigint) => number",
      ERROR,
    );
    let used = { steps: 0, hostCalls: 0 };
    realm.watch = (run) => (used = run);
    let checker: TableChecker | null = null;
    const call: Hypercall = (guest, list, count) => {
      const { moment, machine } = session();
      checker ??= checkerOf(guest, machine);
      facade.begin(guest);
      const checked = guest.paging.tablesChecked;
      const result = update(list, count);
      guest.paging.dismantleSome();
      guest.port.spend(REQUEST_CYCLES * facade.done + TABLE_CYCLES * (guest.paging.tablesChecked - checked));
      checker.flushed();
      const fault = checker.walk(guest.paging.addressOf(guest.root))[0] ?? null;
      const { steps, hostCalls } = used;
      observed.push({ moment, count, result, done: facade.done, hostCalls, steps, fault });
      return result;
    };
    return { hypercalls: { MMU_UPDATE: call } };
  };
  return { facade, observed, overrides };
};

function checkerOf({ paging, port, root }: PvGuest, machine: Session["machine"]): TableChecker {
  const own = port.memory.read32(paging.addressOf(root) + 8 * HYPERVISOR_SLOT);
  return new TableChecker(machine, paging.addressOf(0), paging.types.frames * PAGE_BYTES, own >>> 12);
}
