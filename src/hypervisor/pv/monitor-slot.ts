import type { PhysicalMemory } from "../../machine/physical-memory.js";
import { PAGE_PRESENT, PAGE_WRITABLE } from "../../spec/page-bits.js";
import { HYPERVISOR_SLOT } from "../../spec/paravirtual.js";
import type { FrameAllocator } from "../memory/frame-allocator.js";
import { PAGE_BYTES } from "../memory/layout.js";
import type { MonitorRange } from "../memory/shadow/shadow-memory.js";

/** Linear address of the first byte that the hypervisor's entry of a level-4 table translates: canonical, upper half. */
export const MONITOR_BASE = BigInt.asUintN(64, BigInt.asIntN(48, BigInt(HYPERVISOR_SLOT) << 39n));

const NO_EXECUTE = 0x8000_0000;
const LINK = PAGE_PRESENT | PAGE_WRITABLE;

/**
 * Page tables of the hypervisor's own that map its ranges, all within 2 MiB of {@link MONITOR_BASE}, for supervisors.
 * @returns low and high half of the entry that belongs into every level-4 table
 */
export function mapMonitor(
  memory: PhysicalMemory,
  frames: FrameAllocator,
  ranges: readonly MonitorRange[],
): readonly [low: number, high: number] {
  const [pointers, directory, table] = [frames.allocate(), frames.allocate(), frames.allocate()];
  memory.write32(pointers, directory | LINK);
  memory.write32(directory, table | LINK);
  for (const { linear, machine, bytes, writable, executable } of ranges) {
    for (let at = 0; at < bytes; at += PAGE_BYTES) {
      const entry = table + ((Number(linear - MONITOR_BASE) + at) / PAGE_BYTES) * 8;
      memory.write32(entry, (machine + at) | PAGE_PRESENT | (writable ? PAGE_WRITABLE : 0));
      memory.write32(entry + 4, executable ? 0 : NO_EXECUTE);
    }
  }
  return [(pointers | LINK) >>> 0, 0];
}
