import type { Session } from "../../src/experiments/session.js";
import type { Moment } from "../../src/experiments/view.js";
import type { PartKind } from "../../src/grading/parts/part.js";
import type { Realm } from "../../src/grading/realm/realm.js";
import type { Expected } from "../../src/grading/realm/result.js";
import { guestMode, type FaultingAccess, type GuestPaging } from "../../src/hypervisor/memory/guest-walk.js";
import type { MemoryResources, MemoryVirtualizer } from "../../src/hypervisor/memory/memory-virtualizer.js";
import type {
  AddressSpace,
  FaultOutcome,
  HardwareMode,
} from "../../src/hypervisor/memory/shadow/shadow-memory.js";
import { ShadowPaging } from "../../src/hypervisor/memory/shadow/shadow-paging.js";
import { ShadowedMemory } from "../../src/hypervisor/memory/shadowed.js";
import type { PartOverrides } from "../../src/hypervisor/parts.js";
import { auditShadow } from "./audit.js";
import { ShadowFacade } from "./facade.js";
import type { Answer } from "./given.js";

/** One call of a function of the part. */
export interface ShadowCall {
  name: string;
  moment: Moment;
  answer: Answer | null;
  hostCalls: number;
  steps: number;
  flushes: number;
  /** What is wrong with the shadow after it. */
  fault: string | null;
}

/** What is seen of a part. */
export interface ShadowObserved {
  calls: ShadowCall[];
  tables: number;
}

const ANSWERS: readonly Answer[] = ["hidden", "emulate", "refused"];
const ANSWER: Expected<Answer> = {
  words: `${ANSWERS.map((answer) => `"${answer}"`).join(", ")} or an error code`,
  take: (returned) =>
    Number.isSafeInteger(returned) && (returned as number) >= 0 && (returned as number) < 32
      ? (returned as number)
      : ANSWERS.find((answer) => answer === returned),
};
const TABLE: Expected<number> = {
  words: "the machine address of a shadow table",
  take: (returned) => (Number.isSafeInteger(returned) ? (returned as number) : undefined),
};
const ANYTHING: Expected<true> = { words: "nothing", take: () => true };

/** Shadow paging of a guest with 4-level paging; before it has that, the hypervisor's own tables serve. */
export const shadowPages: PartKind<ShadowObserved> = () => {
  const facade = new ShadowFacade();
  const observed: ShadowObserved = { calls: [], tables: 0 };
  const overrides = (realm: Realm, session: () => Session): PartOverrides => ({
    memory: (resources) => {
      const memory: MemoryVirtualizer = new ShadowedMemory(resources);
      const part = new StudentShadow(resources, { facade, observed, realm, session });
      return {
        shadow: part,
        eptPointer: memory.eptPointer,
        violation: (address, qualification) => memory.violation(address, qualification),
      };
    },
  });
  return { facade, observed, overrides };
};

interface Setting {
  facade: ShadowFacade;
  observed: ShadowObserved;
  realm: Realm;
  session: () => Session;
}

class StudentShadow extends ShadowPaging {
  readonly #space: () => number;
  readonly #fault: (linear: bigint, errorCode: number) => Answer;
  readonly #written: (address: number, bytes: number) => true;
  #used = { steps: 0, hostCalls: 0 };
  #root: number | null = null;

  constructor(
    private readonly vm: MemoryResources,
    private readonly setting: Setting,
  ) {
    super(vm);
    const { realm, facade } = setting;
    facade.begin(vm);
    this.#space = realm.exported("enterSpace", "(shadow: Shadow) => number", TABLE);
    this.#fault = realm.exported(
      "pageFault",
      "(shadow: Shadow, linear: bigint, errorCode: number) => Answer",
      ANSWER,
    );
    this.#written = realm.exported(
      "written",
      "(shadow: Shadow, address: number, bytes: number) => void",
      ANYTHING,
    );
    realm.watch = (run) => (this.#used = run);
  }

  override addressSpace(): AddressSpace {
    const own = super.addressSpace();
    return {
      load: (paging, hardware) => this.#load(own, paging, hardware),
      fault: (access) => (this.#root === null ? own.fault(access) : this.#pageFault(access)),
      // The part may map large pages in pieces.
      splitPageChanged: () => this.#root !== null || own.splitPageChanged(),
      supplyLow: (linear) => own.supplyLow(linear),
    };
  }

  override written(address: number, bytes: number): void {
    super.written(address, bytes);
    if (this.#root !== null) this.#call("written", () => this.#written(address, bytes));
  }

  #load(own: AddressSpace, paging: GuestPaging, hardware: HardwareMode): number {
    if (guestMode(paging) !== "4-level") {
      this.#root = null;
      return own.load(paging, hardware);
    }
    this.setting.facade.paging = paging;
    const root = this.#call("enterSpace", () => this.#space());
    this.#root = this.setting.facade.tableAt(root);
    return this.#root;
  }

  #pageFault({ linear, errorCode }: FaultingAccess): FaultOutcome {
    const answer = this.#call("pageFault", () => this.#fault(linear, errorCode));
    if (typeof answer === "number") return { kind: "reflect", errorCode: answer };
    if (answer === "refused")
      return { kind: "refused", why: `The part refuses an access to linear 0x${linear.toString(16)}.` };
    return answer === "hidden" ? { kind: "hidden" } : { kind: "traced", guestPhysical: 0 };
  }

  /** A call, what it used, and a look at the shadow that it left. */
  #call<R extends Answer | true>(name: string, call: () => R): R {
    const { facade, observed, session } = this.setting;
    const { moment } = session();
    facade.flushes = 0;
    const answer = call();
    const { steps, hostCalls } = this.#used;
    const root = name === "enterSpace" ? (answer as number) : this.#root!;
    const fault = facade.tables.taken.has(root) ? auditShadow(facade, this.vm, root) : null;
    observed.tables = facade.tables.taken.size;
    observed.calls.push({
      name,
      moment,
      answer: answer === true ? null : (answer as Answer),
      ...{ hostCalls, steps, flushes: facade.flushes, fault },
    });
    return answer;
  }
}
