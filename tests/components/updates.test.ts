/** Figure and predictions of chapter 6, on runs of its guest. */
import { beforeAll, describe, expect, it } from "vitest";
import { updateRuns, type UpdateRun } from "../../docs/components/figures/update-crossings.js";
import { updateLayout } from "../../docs/components/figures/update-timeline-geometry.js";
import { UPDATE_PREDICTIONS, updateVerdicts } from "../../docs/components/learning/update-verdicts.js";
import { Session } from "../../src/experiments/session.js";
import type { CpuMode, MemoryMode } from "../../src/experiments/view.js";
import { builtImage, core, decoder } from "../experiments/guest.js";

function runsOf(
  cpuMode: CpuMode,
  memoryMode?: MemoryMode,
): { runs: Map<number, UpdateRun>; console: string } {
  const image = builtImage(`measured-table-updates${cpuMode === "pv" ? ".pv" : ""}.bin`);
  const options = { core, decoder, image, name: "table-updates", cpuMode, memoryMode };
  const session = Session.create({ ...options, preset: "pentium4-672", ramBytes: 16 << 20 });
  session.run();
  const { console, traceCount } = session.view();
  return { runs: updateRuns(session.trace(0, traceCount), console), console };
}

let pv: ReturnType<typeof runsOf>;
let ways: Record<string, Map<number, UpdateRun>>;
beforeAll(() => {
  pv = runsOf("pv");
  ways = {
    pv: pv.runs,
    bt: runsOf("bt").runs,
    shadow: runsOf("vtx", "shadow").runs,
    nested: runsOf("vtx", "nested").runs,
  };
});

describe("hypercalls against traps", () => {
  it("crosses once for each list, at least once for each page that traps, and never with nested paging", () => {
    const crossings = (way: string): number[] => [...ways[way]!.values()].map(({ stays }) => stays.length);
    expect(crossings("pv")).toEqual([64, 16, 4, 1]);
    for (const way of ["bt", "shadow"]) expect(Math.min(...crossings(way))).toBeGreaterThanOrEqual(64);
    expect(crossings("nested")).toEqual([0, 0, 0, 0]);
  });

  it("costs less the longer the list is, and less than any trap", () => {
    const total = (way: string, batch: number): number => ways[way]!.get(batch)!.total;
    for (const [more, fewer] of [
      [1, 4],
      [4, 16],
      [16, 64],
    ] as const)
      expect(total("pv", fewer)).toBeLessThan(total("pv", more));
    expect(total("pv", 1)).toBeLessThan(Math.min(total("bt", 64), total("shadow", 64)));
  });

  it("refuses a page table that would be writable, and foreign memory", () => {
    expect(pv.console).toContain("own-table -16\nforeign-frame -1\nown-frame 0\n");
  });

  it("answers every prediction", () => {
    const verdicts = updateVerdicts(ways);
    expect(UPDATE_PREDICTIONS.map(({ id }) => verdicts[id]?.happened)).toEqual([
      true,
      false,
      true,
      true,
      false,
    ]);
    expect(updateVerdicts({})["pv-1"]).toBeNull();
  });

  it("knows nothing of a loop that has not ended", () => {
    expect(updateRuns([], "").size).toBe(0);
  });
});

it("lays the bars out on one scale, every stay within its bar", () => {
  const rows = [...ways.pv!.values(), null].map((run, i) => ({ name: `${i}`, run }));
  const { bars, barHeight, height } = updateLayout(rows, 300);
  expect(Math.max(...bars.map(({ width }) => width))).toBeCloseTo(300, 6);
  for (const { run, width, stays, y } of bars) {
    expect(width).toBeCloseTo(((run?.total ?? 0) / ways.pv!.get(1)!.total) * 300, 6);
    for (const stay of stays) expect(stay.x + stay.width).toBeLessThanOrEqual(width + 1);
    expect(y + barHeight).toBeLessThanOrEqual(height);
  }
});
