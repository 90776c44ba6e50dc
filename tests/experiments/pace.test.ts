import { describe, expect, it } from "vitest";
import { Pace } from "../../src/experiments/pace.js";

const MEGAHERTZ = 1_000_000;

describe("the pace of a run that somebody watches", () => {
  it("lets a guest that computes run as fast as it can", () => {
    const pace = new Pace(MEGAHERTZ, 100);
    for (let second = 0; second < 20; second++) expect(pace.wait(second * 1_000, second * 1_000)).toBe(0);
  });

  it("lets a guest sleep through the slack, and no longer than the wall clock beyond it", () => {
    const pace = new Pace(MEGAHERTZ, 100);
    pace.wait(0, 0);
    expect(pace.wait(90_000, 1)).toBe(0);
    expect(pace.wait(190_000, 2)).toBe(88);
    expect(pace.wait(190_000, 50)).toBe(40);
    expect(pace.wait(190_000, 90)).toBe(0);
  });

  it("earns no credit by computing or pausing before it sleeps", () => {
    const pace = new Pace(MEGAHERTZ, 100);
    pace.wait(0, 0);
    expect(pace.wait(10, 1_000_000)).toBe(0);
    expect(pace.wait(300_010, 1_000_000)).toBe(200);
  });

  it("forgets what it would have waited for when somebody types", () => {
    const pace = new Pace(MEGAHERTZ, 100);
    pace.wait(0, 0);
    expect(pace.wait(1_000_000, 0)).toBe(900);
    pace.forgive();
    expect(pace.wait(1_000_000, 0)).toBe(0);
    expect(pace.wait(1_050_000, 0)).toBe(50);
  });
});
