/** Where the bars of figure "hypercalls against traps" lie: one time axis for all. Pure. */
import type { UpdateRun } from "./update-crossings.js";

export interface UpdateRow {
  name: string;
  /** Null: not measured yet. */
  run: UpdateRun | null;
}

export interface UpdateBar extends UpdateRow {
  y: number;
  width: number;
  stays: { x: number; width: number }[];
}

export interface UpdateLayout {
  bars: UpdateBar[];
  barHeight: number;
  /** Of a row with its words. */
  rowHeight: number;
  height: number;
}

const ROW = 46;
const BAR = 18;
const WORDS = 20;
/** A stay is seen however short it is. */
const LEAST = 0.8;

/** @param width - of the longest bar, pixels */
export function updateLayout(rows: readonly UpdateRow[], width: number, scale = 1): UpdateLayout {
  const longest = Math.max(1, ...rows.map(({ run }) => run?.total ?? 0));
  const pixels = width / longest;
  const rowHeight = ROW * scale;
  const bars = rows.map((row, i) => ({
    ...row,
    y: i * rowHeight + WORDS * scale,
    width: (row.run?.total ?? 0) * pixels,
    stays: (row.run?.stays ?? []).map(({ start, end }) => ({
      x: start * pixels,
      width: Math.max(LEAST, (end - start) * pixels),
    })),
  }));
  return { bars, barHeight: BAR * scale, rowHeight, height: rows.length * rowHeight };
}
