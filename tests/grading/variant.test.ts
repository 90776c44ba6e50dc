import { describe, expect, it } from "vitest";
import { Variant } from "../../src/grading/variant.js";

describe("a variant", () => {
  it("is a function of its seed", () => {
    const take = (seed: string): string[] => {
      const variant = new Variant(seed);
      return [
        variant.u64().toString(16),
        variant.letters(5, "abc"),
        String(variant.below(10)),
        variant.pick(["x", "y"]),
      ];
    };
    expect(take("ring1")).toEqual(take("ring1"));
    expect(take("ring1")).not.toEqual(take("ring2"));
    expect(take("")).toHaveLength(4);
  });

  it("spreads its numbers", () => {
    const variant = new Variant("spread");
    const counts = new Array<number>(8).fill(0);
    for (let i = 0; i < 8000; i++) counts[variant.below(8)]++;
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });
});
