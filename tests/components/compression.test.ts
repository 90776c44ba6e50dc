import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { compressionLayout } from "../../docs/components/figures/compression-geometry.js";
import { compressionRows, INSTRUCTIONS } from "../../docs/components/figures/compression-rows.js";
import {
  COMPRESSION_PREDICTIONS,
  compressionVerdicts,
} from "../../docs/components/learning/compression-verdicts.js";

const CONSOLE = readFileSync(new URL("../guests/expected/rings.txt", import.meta.url), "utf8");

describe("what the guest of chapter 4 has said", () => {
  const rows = compressionRows(CONSOLE);

  it("is a row for each instruction", () => {
    expect(rows).toHaveLength(INSTRUCTIONS);
    expect(rows[0]).toEqual({ instruction: "CLI", fate: "trapped" });
    expect(rows.find(({ instruction }) => instruction === "POPF")).toEqual({
      instruction: "POPF",
      fate: "silent",
      believed: "0",
      found: "200",
    });
  });

  it("is read while it is printed: a line counts when it has ended", () => {
    for (let end = 0; end <= CONSOLE.length; end += 7) {
      const lines = CONSOLE.slice(0, end).split("\n").length - 1;
      expect(compressionRows(CONSOLE.slice(0, end))).toEqual(rows.slice(0, lines));
    }
  });

  it("answers every prediction", () => {
    const verdicts = compressionVerdicts(CONSOLE);
    const happened = COMPRESSION_PREDICTIONS.map(({ id }) => [id, verdicts[id]?.happened]);
    expect(Object.fromEntries(happened)).toEqual({
      ...{ CLI: true, POPF: false, "MOV CR0": true, SMSW: false, LGDT: true, SGDT: false, "MOV SS": false },
    });
  });

  it.each([320, 700, 1064])("lies in two bands that do not overlap, %i pixels wide", (width) => {
    const { tiles, tile, kernel, monitor, height } = compressionLayout(rows, width);
    expect(kernel.y + kernel.height).toBeLessThan(monitor.y);
    for (const { x, y, fate } of tiles) {
      const band = fate === "trapped" ? monitor : kernel;
      expect(x).toBeGreaterThanOrEqual(0);
      expect(x + tile.width).toBeLessThanOrEqual(width);
      expect(y).toBeGreaterThan(band.y);
      expect(y + tile.height).toBeLessThanOrEqual(band.y + band.height);
    }
    expect(new Set(tiles.map(({ x, y }) => `${x},${y}`)).size).toBe(INSTRUCTIONS);
    expect(height).toBe(monitor.y + monitor.height);
  });
});
