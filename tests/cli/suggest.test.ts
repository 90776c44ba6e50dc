import { describe, expect, it } from "vitest";
import { distance, suggest } from "../../src/cli/suggest.js";

describe("suggestions", () => {
  it("count changes of one character", () => {
    expect(distance("kitten", "sitting")).toBe(3);
    expect(distance("", "abc")).toBe(3);
    expect(distance("same", "same")).toBe(0);
  });

  it("are the close names, closest first", () => {
    const names = ["hello", "prime", "c-hello", "memory-walk"];
    expect(suggest("helo", names)).toEqual(["hello"]);
    expect(suggest("PRIMES", names)).toEqual(["prime"]);
    expect(suggest("mem", names)).toEqual(["memory-walk"]);
    expect(suggest("zzzzzz", names)).toEqual([]);
  });
});
