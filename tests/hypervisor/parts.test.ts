import { describe, expect, it } from "vitest";
import { describeThrown, describeValue } from "../../src/hypervisor/part-failure.js";
import { assembleParts } from "../../src/hypervisor/parts.js";
import { EXIT_TABLE } from "../../src/hypervisor/vtx/exit-table.js";
import * as R from "../../src/spec/exit-reasons.js";

describe("the exit table", () => {
  it("has a handler for every basic exit reason and no other", () => {
    expect(
      Object.keys(EXIT_TABLE)
        .map(Number)
        .sort((x, y) => x - y),
    ).toEqual((Object.values(R) as number[]).sort((x, y) => x - y));
    for (const handler of Object.values(EXIT_TABLE)) expect(handler).toBeTypeOf("function");
  });
});

describe("assembleParts", () => {
  it("takes the defaults, with overrides by reason name in their place", () => {
    const mine = () => "resume" as const;
    const parts = assembleParts({ exits: { CPUID: mine } });
    expect(parts.exits[R.CPUID]).toBe(mine);
    expect(parts.exits[R.HLT]).toBe(EXIT_TABLE[R.HLT]);
    expect(assembleParts().exits[R.CPUID]).toBe(EXIT_TABLE[R.CPUID]);
  });

  it("refuses a name that the manual lacks, inherited ones included, and what is not a function", () => {
    expect(() => assembleParts({ exits: { CPUIDX: () => "resume" } as object })).toThrow(
      /no exit reason is called CPUIDX/,
    );
    expect(() => assembleParts({ exits: { toString: () => "resume" } as object })).toThrow(/toString/);
    expect(() => assembleParts({ exits: { HLT: "halt" } as object })).toThrow(/HLT is not a function/);
  });
});

describe("words about what a part did", () => {
  it("shows any value, however hostile", () => {
    expect(describeValue("maybe")).toBe('"maybe"');
    expect(describeValue(undefined)).toBe("undefined");
    expect(describeValue(7n)).toBe("7n");
    expect(describeValue(Symbol("x"))).toBe("Symbol(x)");
    expect(describeValue(Promise.resolve("resume"))).toContain("promise");
    expect(describeValue({ toString: () => "resume" })).toBe("an object");
    const hostile = new Proxy(
      {},
      {
        getPrototypeOf() {
          throw new Error("no");
        },
      },
    );
    expect(describeValue(hostile)).toBe("a value that cannot be shown");
  });

  it("names the error, its message and its place", () => {
    expect(describeThrown(new TypeError("no such thing"))).toMatch(
      /^threw TypeError: no such thing \(line \d+, column \d+ of parts\.test\.ts\)$/,
    );
    expect(describeThrown("just a string")).toBe('threw "just a string"');
    const silent = new Error("x");
    Object.defineProperty(silent, "stack", {
      get() {
        throw new Error("y");
      },
    });
    expect(describeThrown(silent)).toBe("threw an error that cannot be shown");
  });
});
