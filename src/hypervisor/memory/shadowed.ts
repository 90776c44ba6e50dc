import type { MemoryResources, MemoryVirtualizer, ViolationOutcome } from "./memory-virtualizer.js";
import { NestedPaging, READ_EXECUTE } from "./nested.js";
import { ShadowPaging } from "./shadow/shadow-paging.js";

/**
 * Memory of a VM without nested paging: shadow page tables for the processor and, for the instruction emulator, a map of
 * guest-physical memory. The map withholds writes, so that every store of an emulated instruction comes to the hypervisor, which
 * tells the shadow of it.
 */
export class ShadowedMemory implements MemoryVirtualizer {
  readonly shadow: ShadowPaging;
  readonly #map: NestedPaging;

  /** @param poolFrames - most frames that shadow tables take at a time */
  constructor(resources: MemoryResources, poolFrames?: number) {
    this.#map = new NestedPaging(resources, { permissions: READ_EXECUTE });
    this.shadow = new ShadowPaging({ ...resources, poolFrames });
  }

  get eptPointer(): bigint {
    return this.#map.eptPointer;
  }

  /** Of the emulator: it fetched from where there is no RAM. */
  violation(address: bigint, qualification: number): ViolationOutcome {
    return this.#map.violation(address, qualification);
  }
}
