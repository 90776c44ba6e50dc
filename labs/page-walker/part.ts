import type { PartKind } from "../../src/grading/parts/part.js";
import { plainFacade } from "../../src/grading/realm/facade.js";
import { PartError } from "../../src/grading/realm/problem.js";
import type { Realm } from "../../src/grading/realm/realm.js";
import type { Expected } from "../../src/grading/realm/result.js";
import { CR0_PE, CR0_PG, CR0_WP, CR4_PAE } from "../../src/spec/control-bits.js";
import { FAULT_FETCH, FAULT_USER, FAULT_WRITE } from "../../src/spec/page-bits.js";
import { PROBE_RAM_BYTES, type LineKind, type LineResult } from "../memory-probe.js";
import type { PagingScenario } from "../paging-scripts.js";

/** What came of one line of the script on the part, and what it cost. */
export interface Step extends LineResult {
  reads: number;
  writes: number;
  steps: number;
}

/** What is seen of a part. */
export interface WalkObserved {
  /** As many as there are lines, unless the part was stopped. */
  steps: Step[];
  /** Physical memory after the last. */
  memory: Uint8Array;
}

const ADDRESS: Expected<number> = {
  words: "a physical address, or what pageFault returns",
  take: (returned) =>
    Number.isSafeInteger(returned) && (returned as number) >= -1 ? (returned as number) : undefined,
};
const ANYTHING: Expected<true> = { words: "nothing", take: () => true };

const ACCESSES: Partial<Record<LineKind, number>> = {
  read: 0,
  write: FAULT_WRITE,
  fetch: FAULT_FETCH,
  "user read": FAULT_USER,
  "user write": FAULT_USER | FAULT_WRITE,
  "user fetch": FAULT_USER | FAULT_FETCH,
};
const PAGE_FAULT = 14;
const KEEP = 1n << 63n;
const ALL_ONES = 0xffff_ffff_ffff_ffffn;

/**
 * A walker of page tables with its TLB. The processor makes the accesses of a script, and the part translates the same ones, on a
 * copy of the memory that the script began with.
 */
export const pageWalker: PartKind<WalkObserved> = () => {
  const memory = new Uint8Array(PROBE_RAM_BYTES);
  const observed: WalkObserved = { steps: [], memory };
  const processor = new ModelProcessor(memory);
  const drive = (realm: Realm, scenario: PagingScenario): void => {
    processor.load(scenario);
    try {
      for (const step of processor.run(realm, scenario)) observed.steps.push(step);
    } catch (error) {
      if (!(error instanceof PartError)) throw error;
    }
  };
  return {
    facade: processor.facade,
    observed,
    drive: (realm, scenario) => drive(realm, scenario as PagingScenario),
  };
};

/** As much of a processor as a walk needs; translation is the part's. */
class ModelProcessor {
  cr0 = (CR0_PG | CR0_PE | CR0_WP) >>> 0;
  cr3 = 0n;
  cr4 = CR4_PAE;
  reads = 0;
  writes = 0;
  errorCode = 0;
  readonly #view: DataView;

  readonly facade = plainFacade("cpu", {
    cr0: { get: () => this.cr0 },
    cr3: { get: () => this.cr3 },
    cr4: { get: () => this.cr4 },
    readPhysical: {
      parameters: "address: number",
      call: (address: number) => {
        this.reads++;
        return this.#read(address);
      },
    },
    writePhysical: {
      parameters: "address: number, value: bigint",
      call: (address: number, value: bigint) => {
        this.writes++;
        this.#write(address, value);
      },
    },
    pageFault: {
      parameters: "errorCode: number",
      call: (errorCode: number) => {
        this.errorCode = errorCode;
        return -1;
      },
    },
  });

  constructor(memory: Uint8Array) {
    this.#view = new DataView(memory.buffer);
  }

  load({ contents }: PagingScenario): void {
    for (const { address, words } of contents) words.forEach((word, i) => this.#write(address + 8 * i, word));
  }

  *run(realm: Realm, { script }: PagingScenario): Generator<Step> {
    const translate = realm.exported(
      "translate",
      "(cpu: Processor, linear: bigint, access: number) => number",
      ADDRESS,
    );
    const invalidatePage = realm.exported(
      "invalidatePage",
      "(cpu: Processor, linear: bigint) => void",
      ANYTHING,
    );
    const loadCr3 = realm.exported("loadCr3", "(cpu: Processor, value: bigint) => void", ANYTHING);
    const flush = realm.exported("flush", "(cpu: Processor) => void", ANYTHING);
    let steps = 0;
    realm.watch = (run) => (steps = run.steps);
    for (const { kind, operand, value } of script) {
      this.reads = this.writes = this.errorCode = 0;
      let result: LineResult = { value: 0n, vector: 0, errorCode: 0, cr2: 0n };
      const access = ACCESSES[kind];
      if (access !== undefined) result = this.#access(kind, operand, value, translate(operand, access));
      else if (kind === "invlpg") invalidatePage(operand);
      else if (kind === "load cr3") {
        this.cr3 = operand & ~KEEP;
        loadCr3(operand);
      } else {
        if (kind === "load cr0") this.cr0 = Number(operand);
        else this.cr4 = Number(operand);
        flush();
      }
      yield { ...result, reads: this.reads, writes: this.writes, steps };
    }
  }

  /** @param physical - where the part says that the access goes; −1 where it faults */
  #access(kind: LineKind, linear: bigint, value: bigint, physical: number): LineResult {
    if (physical < 0) return { value: 0n, vector: PAGE_FAULT, errorCode: this.errorCode, cr2: linear };
    if (kind.endsWith("write")) this.#write(physical, value);
    const found = kind.endsWith("write") ? 0n : this.#read(physical);
    return { value: found, vector: 0, errorCode: 0, cr2: 0n };
  }

  #read(address: number): bigint {
    return this.#inRam(address) ? this.#view.getBigUint64(address, true) : ALL_ONES;
  }
  #write(address: number, value: bigint): void {
    if (this.#inRam(address)) this.#view.setBigUint64(address, BigInt.asUintN(64, value), true);
  }
  #inRam(address: number): boolean {
    return address >= 0 && address + 8 <= this.#view.byteLength;
  }
}
