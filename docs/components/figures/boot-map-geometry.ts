/** Where the blocks of a boot map stand: memory from low addresses at the top, not to scale. No DOM. */
import type { BootMap, BootRegion } from "../../lib/guests/linux/boot-map.js";

export interface Block {
  region: BootRegion | null;
  /** Free memory has no name of its own. */
  name: string;
  start: number;
  end: number;
  y: number;
  height: number;
  /** Registers that point into it at entry. */
  registers: readonly string[];
}

const LEAST = 26;
/** Pixels for each doubling beyond a page. */
const PER_DOUBLING = 3.2;
const GAP = 2;
const PAGE = 4096;

function heightOf(bytes: number, scale: number): number {
  return (LEAST + PER_DOUBLING * Math.max(0, Math.log2(bytes / PAGE))) * scale;
}

/** All of RAM, the free stretches between what is held included; those within a page of it are left out. */
export function bootBlocks(map: BootMap, scale = 1): { blocks: Block[]; height: number } {
  const blocks: Block[] = [];
  let y = 0;
  let at = 0;
  const put = (region: BootRegion | null, start: number, end: number): void => {
    const height = heightOf(end - start, scale);
    const registers = map.pointers
      .filter(({ address }) => start <= address && address < end)
      .map(({ register }) => register);
    blocks.push({ region, name: region?.name ?? "free", start, end, y, height, registers });
    y += height + GAP * scale;
  };
  for (const region of map.regions) {
    if (region.start - at >= PAGE && at > 0) put(null, Math.ceil(at / PAGE) * PAGE, region.start);
    put(region, region.start, region.end);
    at = region.end;
  }
  if (map.ramBytes - at >= PAGE) put(null, at, map.ramBytes);
  return { blocks, height: y };
}

/** What the zero page points at. */
export function zeroPageLinks(blocks: readonly Block[]): { from: Block; to: Block }[] {
  const find = (name: string): Block | undefined => blocks.find((block) => block.name === name);
  const from = find("the zero page");
  if (from === undefined) return [];
  return ["the command line", "the initramfs"].flatMap((name) => {
    const to = find(name);
    return to ? [{ from, to }] : [];
  });
}
