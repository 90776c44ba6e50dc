/** Where the blocks of a translation cache lie on its map, and how the chains between them run. Pure. */
import type { TranslatedBlock, TranslationKind } from "../../lib/experiments/view.js";

export interface MapBox {
  number: number;
  x: number;
  y: number;
  width: number;
  /** Parts by what the instructions became, from left to right. */
  parts: { x: number; width: number; kind: TranslationKind }[];
}

export interface Chain {
  from: number;
  to: number;
  /** SVG path from the exit to the beginning of the other block. */
  path: string;
}

export interface CacheMap {
  boxes: MapBox[];
  chains: Chain[];
  boxHeight: number;
  height: number;
}

const PIXELS_PER_BYTE = 0.62;
const ARC_ROOM = 30;
const BOX_HEIGHT = 24;
const BELOW = 12;
const GAP = 2;

/**
 * The cache as memory, line by line. A block never moves once it is there, whatever comes after it.
 * @param width - of the drawing, pixels
 */
export function cacheMap(blocks: readonly TranslatedBlock[], width: number, scale = 1): CacheMap {
  const lineHeight = (ARC_ROOM + BOX_HEIGHT + BELOW) * scale;
  const pixels = PIXELS_PER_BYTE * scale;
  const boxes: MapBox[] = [];
  let x = 0;
  let line = 0;
  for (const block of blocks) {
    const wanted = Math.min(Math.max(block.bytes * pixels, 4), width);
    if (x + wanted > width) {
      x = 0;
      line++;
    }
    const y = line * lineHeight + ARC_ROOM * scale;
    boxes.push({ number: block.number, x, y, width: wanted, parts: partsOf(block, x, wanted) });
    x += wanted + GAP;
  }
  const chains = blocks.flatMap((block) =>
    block.alive
      ? block.exits.flatMap(({ offset, to }) =>
          to === null ? [] : [chain(block, boxes, offset, to, ARC_ROOM * scale)],
        )
      : [],
  );
  return { boxes, chains, boxHeight: BOX_HEIGHT * scale, height: (line + 1) * lineHeight };
}

function partsOf({ rows, offset, bytes }: TranslatedBlock, x: number, width: number): MapBox["parts"] {
  const starts = rows.map(({ code }) => code[0]?.offset ?? offset);
  return rows.map(({ kind }, i) => {
    const end = starts[i + 1] ?? offset + bytes;
    return {
      x: x + ((starts[i] - offset) / bytes) * width,
      width: ((end - starts[i]) / bytes) * width,
      kind,
    };
  });
}

function chain(
  block: TranslatedBlock,
  boxes: readonly MapBox[],
  offset: number,
  to: number,
  room: number,
): Chain {
  const source = boxes[block.number - 1];
  const target = boxes[to - 1];
  const x1 = source.x + ((offset - block.offset) / block.bytes) * source.width;
  const x2 = target.x + Math.min(3, target.width / 2);
  const reach = source.y === target.y ? Math.abs(x2 - x1) : room * 2;
  const rise = Math.min(room - 3, 8 + reach / 6);
  const path = `M${round(x1)},${source.y}C${round(x1)},${round(source.y - rise)} ${round(x2)},${round(target.y - rise)} ${round(x2)},${target.y}`;
  return { from: block.number, to, path };
}

const round = (value: number): number => Math.round(value * 10) / 10;
