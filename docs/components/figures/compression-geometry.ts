/** Where the instructions of figure "ring compression" stand: in the kernel's ring, or in the monitor's. Pure. */
import type { CompressionRow } from "./compression-rows.js";

export interface Tile extends CompressionRow {
  x: number;
  y: number;
}

export interface Band {
  y: number;
  height: number;
}

export interface CompressionLayout {
  tile: { width: number; height: number };
  kernel: Band;
  monitor: Band;
  height: number;
  tiles: Tile[];
}

const GAP = 8;
const HEAD = 34;
const PAD = 12;
const BETWEEN = 44;

/**
 * @param width - of the drawing, pixels
 * @param room - rows of tiles that each band holds at least, so that little moves while they come
 */
export function compressionLayout(
  rows: readonly CompressionRow[],
  width: number,
  scale = 1,
  room = { kernel: 13, monitor: 13 },
): CompressionLayout {
  const smallest = 124 * scale;
  const columns = Math.max(2, Math.floor((width - 2 * PAD + GAP) / (smallest + GAP)));
  const tile = { width: (width - 2 * PAD - (columns - 1) * GAP) / columns, height: 46 * scale };
  const heightFor = (count: number): number =>
    HEAD * scale + Math.ceil(count / columns) * (tile.height + GAP) + PAD - GAP;
  const here = rows.filter(({ fate }) => fate !== "trapped");
  const there = rows.filter(({ fate }) => fate === "trapped");
  const kernel: Band = { y: 0, height: heightFor(Math.max(here.length, room.kernel)) };
  const monitor: Band = {
    y: kernel.height + BETWEEN * scale,
    height: heightFor(Math.max(there.length, room.monitor)),
  };
  const place = (band: Band, list: readonly CompressionRow[]): Tile[] =>
    list.map((row, i) => ({
      ...row,
      x: PAD + (i % columns) * (tile.width + GAP),
      y: band.y + HEAD * scale + Math.floor(i / columns) * (tile.height + GAP),
    }));
  return {
    tile,
    kernel,
    monitor,
    height: monitor.y + monitor.height,
    tiles: [...place(kernel, here), ...place(monitor, there)],
  };
}
