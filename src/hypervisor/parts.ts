import * as R from "../spec/exit-reasons.js";
import * as H from "../spec/hypercalls.js";
import type { MemoryResources, MemoryVirtualizer } from "./memory/memory-virtualizer.js";
import { NestedPaging } from "./memory/nested.js";
import { ShadowedMemory } from "./memory/shadowed.js";
import type { Hypercall } from "./pv/hypercalls/hypercall.js";
import { HYPERCALLS, type HypercallName, type Hypercalls } from "./pv/hypercalls/table.js";
import type { ExitHandler } from "./vcpu.js";
import type { VmExitHandler } from "./vm-vcpu.js";
import { EXIT_TABLE, type ExitReasonName, type ExitReasonNumber } from "./vtx/exit-table.js";

/** The kit that a hypervisor is assembled from. */
export interface Parts {
  exits: Readonly<Record<ExitReasonNumber, VmExitHandler>>;
  memory: (resources: MemoryResources) => MemoryVirtualizer;
  /** MOV to and from CR8: VM exits, or the processor's TPR shadow. */
  taskPriority: "exits" | "shadow";
}

/** Parts that replace the hypervisor's own; exit handlers by the name of their reason, e.g. `{ exits: { CPUID: fn } }`. */
export interface PartOverrides {
  exits?: Partial<Record<ExitReasonName, ExitHandler>>;
  memory?: Parts["memory"];
  /** Of paravirtualisation, by name. */
  hypercalls?: Partial<Record<HypercallName, Hypercall>>;
  taskPriority?: Parts["taskPriority"];
}

/** How guest memory is virtualised: by the processor's second dimension, or by page tables of the hypervisor's making. */
export type MemoryMode = "nested" | "shadow";

const MEMORY_PARTS: Readonly<Record<MemoryMode, Parts["memory"]>> = {
  nested: (resources) => new NestedPaging(resources),
  shadow: (resources) => new ShadowedMemory(resources),
};

// #region assemble-parts
/** The hypervisor's own parts, with the given ones in place of them. */
export function assembleParts(overrides: PartOverrides = {}, memoryMode: MemoryMode = "nested"): Parts {
  const exits: Record<ExitReasonNumber, VmExitHandler> = { ...EXIT_TABLE };
  for (const [name, handler] of Object.entries(overrides.exits ?? {})) {
    if (!Object.hasOwn(R, name)) throw new RangeError(`no exit reason is called ${name}`);
    if (typeof handler !== "function") throw new TypeError(`the exit handler for ${name} is not a function`);
    exits[R[name as ExitReasonName]] = handler;
  }
  return {
    exits,
    memory: overrides.memory ?? MEMORY_PARTS[memoryMode],
    taskPriority: overrides.taskPriority ?? "exits",
  };
}
// #endregion

/** The hypervisor's own hypercalls, with the given ones in place of them. */
export function assembleHypercalls({ hypercalls = {} }: PartOverrides = {}): Hypercalls {
  const calls: Record<number, Hypercall> = { ...HYPERCALLS };
  for (const [name, call] of Object.entries(hypercalls)) calls[H[name as HypercallName]] = call;
  return calls as Hypercalls;
}
