import { describe, expect, it } from "vitest";
import { Clock, Divider } from "../../src/machine/clock.js";
import { PIT_FREQUENCY } from "../../src/spec/ports.js";
import { seeded } from "./random.js";

const clock = (onNext?: (cycle: number | null) => void): Clock => new Clock(3e9, () => 0, onNext);

describe("Clock", () => {
  it("fires in order of time, ties in order of scheduling", () => {
    const fired: string[] = [];
    const c = clock();
    for (const [cycle, name] of [
      [30, "d"],
      [10, "a"],
      [20, "b"],
      [20, "c"],
      [40, "e"],
    ] as const) {
      c.schedule(cycle, (at) => fired.push(name + at));
    }
    expect(c.next()).toBe(10);
    expect(c.advanceTo(30)).toBe(4);
    expect(fired).toEqual(["a10", "b20", "c20", "d30"]);
    expect(c.next()).toBe(40);
  });

  it("forgets cancelled events, and only those", () => {
    const fired: number[] = [];
    const c = clock();
    const events = [10, 10, 20].map((cycle, i) => c.schedule(cycle, () => fired.push(i)));
    c.cancel(events[1]!);
    c.cancel(events[1]!);
    c.advanceTo(10);
    c.cancel(events[0]!);
    expect(fired).toEqual([0]);
    expect(c.next()).toBe(20);
  });

  it("fires events that are scheduled meanwhile when they are due", () => {
    const fired: number[] = [];
    const c = clock();
    const again = (cycle: number): void => {
      fired.push(cycle);
      c.schedule(cycle + 10, again);
    };
    c.schedule(10, again);
    c.advanceTo(35);
    expect(fired).toEqual([10, 20, 30]);
    expect(c.next()).toBe(40);
  });

  it("tells of every change of the next deadline", () => {
    const told: (number | null)[] = [];
    const c = clock((cycle) => told.push(cycle));
    const late = c.schedule(20, () => {});
    c.schedule(30, () => {});
    c.cancel(c.schedule(40, () => {}));
    const early = c.schedule(10, () => {});
    c.cancel(early);
    c.cancel(late);
    c.advanceTo(30);
    expect(told).toEqual([20, 10, 20, 30, null]);
  });

  it.each([0, -1, 1.5, Number.NaN, 8e9])("refuses %d Hz", (frequency) => {
    expect(() => new Clock(frequency, () => 0)).toThrow(RangeError);
  });

  it("agrees with a sorted list on random schedules", () => {
    const random = seeded(7);
    const c = clock();
    const fired: number[] = [];
    const expected: { cycle: number; i: number }[] = [];
    for (let i = 0; i < 500; i++) {
      const cycle = random() % 50;
      const event = c.schedule(cycle, () => fired.push(i));
      if (random() % 4 === 0) c.cancel(event);
      else expected.push({ cycle, i });
    }
    c.advanceTo(50);
    expected.sort((x, y) => x.cycle - y.cycle || x.i - y.i);
    expect(fired).toEqual(expected.map(({ i }) => i));
  });
});

describe("Divider", () => {
  it.each([1_000_000_000, 2_660_000_000, 3_000_000_000, 3_800_000_000])(
    "never drifts at %d Hz",
    (frequency) => {
      const ticks = new Divider(PIT_FREQUENCY, new Clock(frequency, () => 0));
      for (const seconds of [0, 1, 60, 3600, 86_400]) {
        expect(ticks.tickAt(seconds * frequency)).toBe(seconds * PIT_FREQUENCY);
        expect(ticks.cycleOf(seconds * PIT_FREQUENCY)).toBe(seconds * frequency);
      }
    },
  );

  it.each([
    [PIT_FREQUENCY, 3_800_000_000],
    [3_579_545, 3_000_000_000],
    [24_000_000, 2_660_000_000],
    [33_000_000, 7_500_000_000],
  ])("has cycleOf give the first cycle of a tick of %d Hz at %d Hz, exactly", (slow, frequency) => {
    const ticks = new Divider(slow, new Clock(frequency, () => 0));
    const random = seeded(3);
    for (let i = 0; i < 2000; i++) {
      const tick = random() * 64 + (random() % 64) + 1;
      const cycle = ticks.cycleOf(tick);
      expect(ticks.tickAt(cycle)).toBe(tick);
      expect(ticks.tickAt(cycle - 1)).toBe(tick - 1);
      expect(BigInt(cycle)).toBe((BigInt(tick) * BigInt(frequency) + BigInt(slow - 1)) / BigInt(slow));
    }
  });
});
