import { describe, expect, it } from "vitest";
import { crossings, exitStays, injection } from "../../docs/components/figures/crossings.js";
import { SHORT, trace } from "./fixture.js";

describe("crossings", () => {
  it("names every change of ring and nothing else", () => {
    expect(crossings(trace(SHORT), -1).map(({ from, to, name }) => [from, to, name])).toEqual([
      [-1, 0, "VM entry"],
      [0, -1, "VM exit: CPUID"],
      [-1, 0, "VM entry"],
      [0, 3, "SYSRET"],
      [3, 0, "SYSCALL"],
      [0, -1, "VM exit: I/O"],
      [-1, 0, "VM entry"],
      [0, -1, "VM exit: HLT"],
      [-1, 0, "VM entry"],
      [0, 3, "IRET"],
      [3, 0, "#PF page fault"],
    ]);
  });

  it("draws rings 1 and 2 as ring 0", () => {
    expect(
      crossings(
        trace([
          ["IRET", 1, 1],
          ["IRET", 2, 1],
          ["IRET", 3, 1],
        ]),
        0,
      ),
    ).toHaveLength(1);
  });

  it("starts from the ring before the first record", () => {
    expect(crossings(trace([["SYSCALL", 0, 1]]), 3)).toHaveLength(1);
    expect(crossings(trace([["SYSCALL", 0, 1]]), 0)).toHaveLength(0);
  });
});

describe("exitStays", () => {
  it("pairs exits with entries and numbers them", () => {
    const stays = exitStays(trace(SHORT), 5, -1);
    expect(
      stays.map(({ number, name, from, start, end, injected }) => [
        number,
        name,
        from,
        end! - start,
        injected,
      ]),
    ).toEqual([
      [5, "CPUID", 0, 920, null],
      [6, "IO_INSTRUCTION", 0, 1400, null],
      [7, "HLT", 0, 40_000, "interrupt 32"],
    ]);
  });

  it("leaves an exit that is being handled open", () => {
    const stays = exitStays(trace(SHORT).slice(0, 2), 1, -1);
    expect(stays.map(({ end }) => end)).toEqual([null]);
  });

  it("knows the ring that was left", () => {
    expect(
      exitStays(
        trace([
          ["SYSRET", 3, 1],
          ["VM_EXIT", -1, 1, 10],
        ]),
        1,
        0,
      )[0].from,
    ).toBe(3);
  });
});

describe("injection", () => {
  it.each([
    [0x8000_0020n, "interrupt 32"],
    [0x8000_0b0dn, "#GP general protection"],
    [0x20n, null],
  ])("%s is %s", (information, words) => {
    expect(injection(information)).toBe(words);
  });
});
