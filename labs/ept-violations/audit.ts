import { PAGE_BYTES } from "../../src/hypervisor/memory/layout.js";
import type { MemoryResources } from "../../src/hypervisor/memory/memory-virtualizer.js";
import {
  EPT_ACCESSED,
  EPT_DIRTY,
  EPT_EXECUTE,
  EPT_MEMORY_TYPE_WB,
  EPT_READ,
  EPT_WRITE,
} from "../../src/spec/page-bits.js";
import { hex } from "../judging.js";
import type { EptFacade } from "./facade.js";

const RIGHTS = EPT_READ | EPT_WRITE | EPT_EXECUTE;
const FLAGS = EPT_ACCESSED | EPT_DIRTY;
/** All that the low twelve bits of an entry may say, accessed and dirty flag aside. */
const LEAF = RIGHTS | EPT_MEMORY_TYPE_WB;

/** Walks the part's tables as the processor does. @returns what is wrong with them; null when nothing is */
export function auditTables(
  { tables: { taken }, pages }: EptFacade,
  resources: MemoryResources,
): string | null {
  const { memory, guestBase, guestBytes } = resources;
  const seen = new Set<number>();

  const table = (at: number, level: number, first: number): string | null => {
    if (seen.has(at)) return `Two entries lead to the table at ${hex(at)}.`;
    seen.add(at);
    const halves = new Uint32Array(memory.read(at, PAGE_BYTES).buffer);
    for (let i = 0; i < 512; i++) {
      const [low, high] = [halves[2 * i], halves[2 * i + 1]];
      if (low === 0 && high === 0) continue;
      const gpa = first + i * PAGE_BYTES * 512 ** (level - 1);
      const found = level === 1 ? leaf(gpa, low, high) : upper(gpa, level, low, high);
      if (found !== null) return found;
    }
    return null;
  };

  const leaf = (gpa: number, low: number, high: number): string | null => {
    const what = `The entry for guest-physical ${hex(gpa)}`;
    if (gpa >= guestBytes) return `${what}, which is no RAM, is ${hex(low)}.`;
    const frame = (low - (low & 0xfff)) >>> 0;
    if (high !== 0 || frame !== guestBase + gpa)
      return `${what} leads to the frame at ${hex(high * 2 ** 32 + frame)}, which is not that page's.`;
    if (!pages.has(gpa)) return `${what} leads to a frame that was not allotted.`;
    const flags = low & 0xfff & ~FLAGS;
    return flags === LEAF ? null : `${what} has bits 11:0 = ${hex(flags)}; it needs ${hex(LEAF)}.`;
  };

  const upper = (gpa: number, level: number, low: number, high: number): string | null => {
    const what = `The entry of level ${level} for guest-physical ${hex(gpa)}`;
    const next = (low - (low & 0xfff)) >>> 0;
    if (high !== 0 || !taken.has(next))
      return `${what} leads to ${hex(high * 2 ** 32 + next)}, which is no table.`;
    const flags = low & 0xfff & ~EPT_ACCESSED;
    if (flags !== RIGHTS) return `${what} has bits 11:0 = ${hex(flags)}; it needs ${hex(RIGHTS)}.`;
    return table(next, level - 1, gpa);
  };

  return table([...taken][0], 4, 0);
}
