import type { Session } from "../../src/experiments/session.js";
import type { Moment } from "../../src/experiments/view.js";
import type { PartKind } from "../../src/grading/parts/part.js";
import type { PartRun, Realm } from "../../src/grading/realm/realm.js";
import type { Expected } from "../../src/grading/realm/result.js";
import { PAGE_BYTES } from "../../src/hypervisor/memory/layout.js";
import type {
  MemoryResources,
  MemoryVirtualizer,
  ViolationOutcome,
} from "../../src/hypervisor/memory/memory-virtualizer.js";
import type { PartOverrides } from "../../src/hypervisor/parts.js";
import { cpuid } from "../../src/hypervisor/vtx/exits/cpuid.js";
import { EPTP_ACCESSED_DIRTY, EPTP_MEMORY_TYPE_WB, EPTP_WALK_LENGTH_4 } from "../../src/spec/page-bits.js";
import { MARK_LEAF } from "../memory-probe.js";
import type { Answer } from "./given.js";
import { auditTables } from "./audit.js";
import { EptFacade } from "./facade.js";

/** What one run of a function of the part used. */
interface Used {
  moment: Moment;
  steps: number;
  hostCalls: number;
  /** How often it executed INVEPT. */
  flushes: number;
}

/** A violation that the part dealt with. */
export interface Violation extends Used {
  address: number;
  answer: Answer;
  /** Pages that it allotted. */
  allotted: readonly number[];
}

/** One collection of dirty pages, with the truth beside it. */
export interface Collection extends Used {
  reported: readonly number[];
  returned: number;
  /** Pages whose bytes are other ones than at the last collection. */
  changed: readonly number[];
}

/** What is seen of a part. */
export interface EptObserved {
  violations: Violation[];
  collections: Collection[];
  /** What is wrong with the tables, the first time that anything is. */
  fault: { message: string; moment: Moment } | null;
  /** Tables that were allocated, beside the root. */
  tables: number;
}

const ANSWERS: readonly Answer[] = ["mapped", "emulate", "refused"];
const ANSWER: Expected<Answer> = {
  words: ANSWERS.map((answer) => `"${answer}"`).join(", "),
  take: (returned) => ANSWERS.find((answer) => answer === returned),
};
const COUNT: Expected<number> = {
  words: "how many pages it reported",
  take: (returned) => (Number.isSafeInteger(returned) ? (returned as number) : undefined),
};

/** The part that gives a VM its memory. Dirty pages are collected whenever the guest executes CPUID with the leaf of a mark. */
export const eptViolations: PartKind<EptObserved> = () => {
  const facade = new EptFacade();
  const observed: EptObserved = { violations: [], collections: [], fault: null, tables: 0 };
  const overrides = (realm: Realm, session: () => Session): PartOverrides => {
    let part: EptPart | null = null;
    return {
      memory: (resources) => (part = new EptPart(resources, facade, observed, realm, session)),
      exits: {
        CPUID: (vcpu) => {
          if (vcpu.registers.eax === MARK_LEAF) part!.collect();
          return cpuid(vcpu);
        },
      },
    };
  };
  return { facade, observed, overrides };
};

/** Puts the student's functions in the place of nested paging. */
class EptPart implements MemoryVirtualizer {
  readonly #root: number;
  readonly #handle: (address: number, qualification: number) => Answer;
  readonly #collect: () => number;
  /** Pages that the guest has, as they were at the last collection. */
  readonly #before = new Map<number, Uint8Array>();
  #used: PartRun = { name: "", steps: 0, hostCalls: 0 };

  constructor(
    private readonly resources: MemoryResources,
    private readonly facade: EptFacade,
    private readonly observed: EptObserved,
    realm: Realm,
    private readonly session: () => Session,
  ) {
    this.#root = facade.begin(resources);
    this.#handle = realm.exported(
      "handleEptViolation",
      "(ept: Ept, address: number, qualification: number) => Answer",
      ANSWER,
    );
    this.#collect = realm.exported("collectDirty", "(ept: Ept) => number", COUNT);
    realm.watch = (run) => (this.#used = run);
  }

  get eptPointer(): bigint {
    return BigInt(this.#root | EPTP_WALK_LENGTH_4 | EPTP_MEMORY_TYPE_WB | EPTP_ACCESSED_DIRTY);
  }

  violation(address: bigint, qualification: number): ViolationOutcome {
    const moment = this.session().moment;
    const answer = this.#handle(Number(address), qualification);
    const { allotted } = this.facade;
    for (const page of allotted) if (!this.#before.has(page)) this.#before.set(page, this.#read(page));
    this.observed.violations.push({ ...this.#end(moment), address: Number(address), answer, allotted });
    return answer === "refused"
      ? { kind: answer, why: `The part refuses an access to guest-physical 0x${address.toString(16)}.` }
      : { kind: answer };
  }

  collect(): void {
    const moment = this.session().moment;
    const returned = this.#collect();
    const { reported } = this.facade;
    const changed = this.#changedPages();
    this.observed.collections.push({ ...this.#end(moment), reported, returned, changed });
  }

  /** The run is over: what it used, and a look at the tables that it left. */
  #end(moment: Moment): Used {
    const { observed, facade } = this;
    const message = auditTables(facade, this.resources);
    if (message !== null) observed.fault ??= { message, moment };
    observed.tables = facade.tables.taken.size - 1;
    const { steps, hostCalls } = this.#used;
    const { flushes } = facade;
    facade.next();
    return { moment, steps, hostCalls, flushes };
  }

  #changedPages(): number[] {
    const changed: number[] = [];
    for (const [page, before] of this.#before) {
      const now = this.#read(page);
      if (now.every((byte, i) => byte === before[i])) continue;
      this.#before.set(page, now);
      changed.push(page);
    }
    return changed;
  }

  #read(page: number): Uint8Array {
    return this.resources.memory.read(this.resources.guestBase + page, PAGE_BYTES);
  }
}
