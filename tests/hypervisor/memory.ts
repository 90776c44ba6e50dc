import { PhysicalMemory } from "../../src/machine/physical-memory.js";
import { RAM_BASE } from "../../src/spec/memory-map.js";

/** Machine memory without a processor. */
export function bareMemory(bytes: number): PhysicalMemory {
  const memory = new WebAssembly.Memory({ initial: Math.ceil((RAM_BASE + bytes) / 65536) });
  return new PhysicalMemory(memory, bytes, () => {});
}
