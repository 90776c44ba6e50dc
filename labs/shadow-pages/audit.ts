import { FOUND, GuestWalk } from "../../src/hypervisor/memory/guest-walk.js";
import { PAGE_BYTES } from "../../src/hypervisor/memory/layout.js";
import type { MemoryResources } from "../../src/hypervisor/memory/memory-virtualizer.js";
import { PAGE_LARGE, PAGE_PRESENT, PAGE_USER, PAGE_WRITABLE } from "../../src/spec/page-bits.js";
import { hex } from "../judging.js";
import type { ShadowFacade } from "./facade.js";

const NO_EXECUTE = 0x8000_0000;

interface Leaf {
  linear: number;
  machine: number;
  writable: boolean;
  user: boolean;
  noExecute: boolean;
}

/**
 * Walks the shadow as the processor does, and the guest's tables for each page that it maps: it may permit no more than they do,
 * and no write to a table of theirs. @returns what is wrong; null when nothing is
 */
export function auditShadow(facade: ShadowFacade, resources: MemoryResources, root: number): string | null {
  const { memory, guestBase, guestBytes } = resources;
  const walk = new GuestWalk(memory, guestBase, guestBytes);
  const leaves: Leaf[] = [];
  const broken = collect(facade, resources, root, leaves);
  if (broken !== null) return broken;
  const guestTables = new Set<number>([Number(facade.paging.cr3 & 0x7f_ffff_f000n)]);
  for (const leaf of leaves) {
    const what = `The shadow's entry for linear ${hex(leaf.linear)}`;
    if (walk.walk(facade.paging, leaf.linear) !== FOUND)
      return `${what} is there, and the guest's tables have none.`;
    for (let level = 4; level > walk.leaf; level--) guestTables.add(walk.tableAddress(level));
    if (leaf.machine !== guestBase + walk.physical || walk.physical >= guestBytes)
      return `${what} leads to machine ${hex(leaf.machine)}; the guest's page is at ${hex(guestBase + walk.physical)}.`;
    if (leaf.user && !walk.user) return `${what} lets ring 3 in, and the guest's tables do not.`;
    if (!leaf.noExecute && walk.noExecute)
      return `${what} lets code be executed, and the guest's tables do not.`;
    if (leaf.writable && !walk.writable) return `${what} is writable, and the guest's is not.`;
    if (leaf.writable && !walk.dirty) return `${what} is writable, and the guest's has no dirty flag yet.`;
  }
  const exposed = leaves.find(({ writable, machine }) => writable && guestTables.has(machine - guestBase));
  if (exposed === undefined) return null;
  return `The shadow's entry for linear ${hex(exposed.linear)} lets the guest write its page table at ${hex(exposed.machine - guestBase)} unseen.`;
}

/** Linear addresses by their low 48 bits. */
function collect(
  { tables }: ShadowFacade,
  { memory }: MemoryResources,
  root: number,
  leaves: Leaf[],
): string | null {
  const table = (at: number, level: number, above: Leaf): string | null => {
    const halves = new Uint32Array(memory.read(at, PAGE_BYTES).buffer);
    for (let i = 0; i < 512; i++) {
      const [low, high] = [halves[2 * i], halves[2 * i + 1]];
      if ((low & PAGE_PRESENT) === 0) continue;
      const next: Leaf = {
        linear: above.linear + i * PAGE_BYTES * 512 ** (level - 1),
        machine: (high & 0x7f) * 2 ** 32 + ((low & 0xffff_f000) >>> 0),
        writable: above.writable && (low & PAGE_WRITABLE) !== 0,
        user: above.user && (low & PAGE_USER) !== 0,
        noExecute: above.noExecute || (high & NO_EXECUTE) !== 0,
      };
      if (level === 1) leaves.push(next);
      else if ((low & PAGE_LARGE) !== 0) return `The shadow has a large page at linear ${hex(next.linear)}.`;
      else if (!tables.taken.has(next.machine))
        return `An entry of level ${level} leads to ${hex(next.machine)}, which is no shadow table.`;
      else {
        const broken = table(next.machine, level - 1, next);
        if (broken !== null) return broken;
      }
    }
    return null;
  };
  return table(root, 4, { linear: 0, machine: 0, writable: true, user: true, noExecute: false });
}
