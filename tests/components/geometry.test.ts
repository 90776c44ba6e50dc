import { describe, expect, it } from "vitest";
import { ringGeometry, way, WAYS } from "../../docs/components/figures/ring-geometry.js";
import { bars, evenScale, exitMarks, windowAround } from "../../docs/components/figures/timeline-geometry.js";
import { exitStays } from "../../docs/components/figures/crossings.js";
import { ringSpans } from "../../src/trace/spans.js";
import type { RingSpan } from "../../src/trace/events.js";
import { SHORT, trace } from "./fixture.js";

describe("ringGeometry", () => {
  const sizes = [
    [320, 1],
    [390, 1],
    [559, 1],
    [560, 1],
    [700, 1],
    [1064, 1],
    [1200, 1.6],
  ] as const;

  it.each(sizes)("stays inside its box at %i px, text %f", (width, scale) => {
    const { height, arrows, rest } = ringGeometry(width, scale);
    const points = [...arrows.flatMap(({ head, tail }) => [head, tail]), ...Object.values(rest)];
    for (const { x, y } of points) {
      expect(x).toBeGreaterThanOrEqual(0);
      expect(x).toBeLessThanOrEqual(width);
      expect(y).toBeGreaterThanOrEqual(0);
      expect(y).toBeLessThanOrEqual(height);
    }
  });

  it.each(sizes)(
    "points each arrow from the ring that is left to the one that is entered at %i px, text %f",
    (width, scale) => {
      const { arrows, ringAt, rest } = ringGeometry(width, scale);
      for (const arrow of arrows) expect(`${ringAt(arrow.tail)}>${ringAt(arrow.head)}`).toBe(arrow.way);
      for (const [ring, point] of Object.entries(rest)) expect(ringAt(point)).toBe(Number(ring));
    },
  );

  it("sets labels of a column apart", () => {
    for (const anchor of ["start", "end"]) {
      const { arrows, height } = ringGeometry(1064);
      const labels = arrows.filter((arrow) => arrow.anchor === anchor).map(({ label }) => label);
      for (const a of labels) {
        expect(a.y + 20).toBeLessThan(height);
        for (const b of labels) if (a !== b && a.x === b.x) expect(Math.abs(a.y - b.y)).toBeGreaterThan(34);
      }
    }
  });

  it("has a way for every pair of rings", () => {
    expect(WAYS).toContain(way(1, 3));
    expect(way(2, -1)).toBe("0>-1");
  });
});

const span = (ring: RingSpan["ring"], start: number, end: number): RingSpan => ({
  ring,
  start,
  end,
  open: 0,
  close: 1,
});

describe("bars", () => {
  it("gives each span its place in its lane", () => {
    const found = bars([span(3, 0, 10), span(0, 10, 30), span(-1, 30, 100)], (cycle) => cycle, 100);
    expect(found.map(({ lane, x, width }) => [lane, x, width])).toEqual([
      ["user", 0, 10],
      ["kernel", 10, 20],
      ["hypervisor", 30, 70],
    ]);
  });

  it("merges what is narrower than a pixel, and says how much of it is filled", () => {
    const spans = Array.from({ length: 10_000 }, (_, i) => span(i % 2 ? 0 : -1, i, i + 1));
    const found = bars(spans, (cycle) => cycle / 100, 100);
    expect(found.length).toBeLessThan(120);
    expect(found.reduce((sum, { spans: merged }) => sum + merged, 0)).toBe(10_000);
    for (const { filled } of found) expect(filled).toBeLessThan(0.8);
  });

  it("leaves out what lies outside the window, and clips at its edges", () => {
    const found = bars(
      [span(0, -50, -10), span(0, -5, 5), span(0, 95, 200), span(0, 300, 400)],
      (cycle) => cycle,
      100,
    );
    expect(found.map(({ x, width }) => [x, width])).toEqual([
      [0, 5],
      [95, 5],
    ]);
  });

  it("leaves out empty spans", () => {
    expect(bars([span(0, 5, 5)], (cycle) => cycle, 100)).toEqual([]);
  });
});

describe("exitMarks", () => {
  const stays = exitStays(trace(SHORT), 1, -1);
  const label = (stay: { name: string }): string => stay.name;

  it("labels only where there is room", () => {
    const roomy = exitMarks(
      stays,
      (cycle) => cycle,
      50_000,
      50_000,
      label,
      () => 50,
    );
    expect(roomy.every((mark) => mark.label !== null)).toBe(true);
    const tight = exitMarks(
      stays,
      (cycle) => cycle / 1000,
      50,
      50_000,
      label,
      () => 30,
    );
    expect(tight.filter((mark) => mark.label !== null)).toHaveLength(1);
  });

  it("labels narrow marks where the reason changes", () => {
    const same = exitStays(
      trace(
        Array.from({ length: 50 }, () => [["VM_EXIT", -1, 5, 30] as const, ["VM_ENTRY", 0, 5] as const])
          .flat()
          .map((line) => [...line]),
      ),
      1,
      0,
    );
    const marks = exitMarks(
      same,
      (cycle) => cycle,
      1000,
      1000,
      label,
      () => 3,
    );
    expect(marks.filter((mark) => mark.label !== null)).toHaveLength(1);
  });

  it("draws a bounded number of marks", () => {
    const many = exitStays(trace(Array.from({ length: 4000 }, () => SHORT).flat()), 1, -1);
    expect(
      exitMarks(
        many,
        () => 1,
        100,
        1e9,
        label,
        () => 10,
        500,
      ).length,
    ).toBeLessThanOrEqual(500);
  });

  it("is at least visible", () => {
    expect(
      exitMarks(
        stays,
        () => 5,
        100,
        10,
        label,
        () => 10,
      ).every(({ width }) => width >= 1.5),
    ).toBe(true);
  });
});

describe("evenScale", () => {
  it("makes every stretch one step wide", () => {
    const { steps, step } = evenScale([0, 10, 10, 1_000_000, 1_000_010]);
    expect(steps).toBe(3);
    expect([0, 5, 10, 500_005, 1_000_000, 2_000_000].map(step)).toEqual([0, 0.5, 1, 1.5, 2, 3]);
  });
  it("stands with nothing to scale", () => {
    expect(evenScale([]).step(5)).toBe(0);
    expect(evenScale([7]).steps).toBe(1);
  });
  it("agrees with the spans of a trace", () => {
    const spans = ringSpans(trace(SHORT), 100_000);
    const { step } = evenScale(spans.map(({ start }) => start));
    expect(spans.map(({ start }) => step(start))).toEqual(spans.map((_, index) => index));
  });
});

describe("windowAround", () => {
  it.each([
    [50, 20, [40, 60]],
    [5, 20, [0, 20]],
    [98, 20, [80, 100]],
    [50, 400, [0, 100]],
  ] as const)("centre %i, width %i", (centre, width, expected) => {
    expect(windowAround(centre, width, 100)).toEqual(expected);
  });
});
