import type { PhysicalMemory } from "../../machine/physical-memory.js";
import { PAGE_BYTES } from "./layout.js";

/** Hands out the 4 KiB frames of the hypervisor's own area. They are never given back: a VM's structures live as long as it. */
export class FrameAllocator {
  #next: number;

  /** Frames come from machine-physical [base, end). */
  constructor(
    private readonly memory: PhysicalMemory,
    base: number,
    private readonly end: number,
  ) {
    this.#next = base;
  }

  /** Machine-physical address of a zeroed frame. */
  allocate(): number {
    const frame = this.#next;
    if (frame + PAGE_BYTES > this.end) {
      throw new RangeError(`no frame left for the hypervisor below 0x${this.end.toString(16)}`);
    }
    this.#next += PAGE_BYTES;
    this.memory.fill(frame, PAGE_BYTES, 0);
    return frame;
  }
}
