import { describe, expect, it } from "vitest";
import { CPUID, HLT } from "../../src/spec/exit-reasons.js";
import { exitIntervals, exitStatistics } from "../../src/trace/exits.js";
import { traceEventsJson } from "../../src/trace/export-trace-events.js";
import { kvmStat } from "../../src/trace/kvm-stat.js";
import { cyclesByRing, ringSpans } from "../../src/trace/spans.js";
import { trace } from "./events.js";

const RUN = trace(
  [
    { kind: "VM_ENTRY", ring: 3, cycle: 100 },
    { kind: "SYSCALL", ring: 0, cycle: 150 },
    { kind: "PORT_READ", ring: 0, cycle: 160 },
    { kind: "VM_EXIT", ring: -1, cycle: 200, a: BigInt(CPUID) },
    { kind: "HANDLED", ring: -1, cycle: 260, a: BigInt(CPUID) },
    { kind: "VM_ENTRY", ring: 0, cycle: 300 },
    { kind: "VM_EXIT", ring: -1, cycle: 400, a: BigInt(CPUID) },
    { kind: "VM_ENTRY", ring: 0, cycle: 700 },
    { kind: "VM_EXIT", ring: -1, cycle: 710, a: BigInt(HLT) },
    { kind: "VM_ENTRY", ring: 0, cycle: 1710 },
    { kind: "VM_EXIT", ring: -1, cycle: 1720, a: BigInt(HLT) },
  ],
  40,
);

describe("ring spans", () => {
  it("are the stretches between changes of ring", () => {
    expect(ringSpans(RUN, 1800).slice(0, 4)).toEqual([
      { ring: 3, start: 100, end: 150, open: 40, close: 41 },
      { ring: 0, start: 150, end: 200, open: 41, close: 43 },
      { ring: -1, start: 200, end: 300, open: 43, close: 45 },
      { ring: 0, start: 300, end: 400, open: 45, close: 46 },
    ]);
    expect(ringSpans(RUN, 1800).at(-1)).toEqual({ ring: -1, start: 1720, end: 1800, open: 50, close: null });
  });

  it("tile the time from the first event to now", () => {
    const spans = ringSpans(RUN, 1800);
    spans.slice(1).forEach((span, i) => expect(span.start).toBe(spans[i]!.end));
    expect([...cyclesByRing(spans).values()].reduce((sum, cycles) => sum + cycles, 0)).toBe(1700);
  });

  it("are none without events", () => {
    expect(ringSpans([], 5)).toEqual([]);
  });
});

describe("exits", () => {
  it("pair with entries; the one in progress is left out", () => {
    const intervals = exitIntervals(RUN);
    expect(intervals.length).toBe(3);
    expect(intervals[0]).toEqual({ exit: 43, entry: 45, reason: CPUID, start: 200, end: 300 });
  });

  it("leave out an entry whose exit is not in the trace", () => {
    expect(exitIntervals(RUN.slice(5, 6))).toEqual([]);
  });

  it("add up by reason, most cycles first", () => {
    const [hlt, cpuid] = exitStatistics(exitIntervals(RUN));
    expect(hlt).toEqual({
      reason: HLT,
      name: "HLT",
      count: 1,
      cycles: 1000,
      least: 1000,
      most: 1000,
      error: 0,
    });
    expect(cpuid).toMatchObject({
      reason: CPUID,
      name: "CPUID",
      count: 2,
      cycles: 400,
      least: 100,
      most: 300,
    });
    // Deviation of 100 and 300 from 200: √(20000 / 1 / 2) / 200.
    expect(cpuid!.error).toBeCloseTo(0.5);
  });
});

describe("perf kvm stat table", () => {
  it("is laid out as the tool's", () => {
    expect(kvmStat(exitStatistics(exitIntervals(RUN)), 1e9)).toBe(
      [
        "Analyze events for all VMs, all VCPUs:",
        "",
        "                 VM-EXIT    Samples  Samples%     Time%    Min Time    Max Time               Avg time",
        "",
        "                     HLT          1    33.33%    71.43%      1.00us      1.00us  1.00us ( +-   0.00% )",
        "                   CPUID          2    66.67%    28.57%      0.10us      0.30us  0.20us ( +-  50.00% )",
        "",
        "Total Samples:3, Total events handled time:1.40us.",
        "",
      ].join("\n"),
    );
  });

  it("has no rows without exits", () => {
    expect(kvmStat([], 1e9)).toContain("Total Samples:0, Total events handled time:0.00us.");
  });
});

describe("trace-event JSON", () => {
  const { traceEvents } = traceEventsJson(RUN, 1e9);

  it("names a track for each ring", () => {
    const names = traceEvents
      .filter(({ name }) => name === "thread_name")
      .map(({ tid, args }) => [tid, args!.name]);
    expect(names).toEqual([
      [1, "ring −1: hypervisor"],
      [2, "ring 0: kernel"],
      [3, "ring 1"],
      [4, "ring 2"],
      [5, "ring 3: user"],
    ]);
  });

  it("names the hypervisor's spans by exit reason, in microseconds", () => {
    const spans = traceEvents.filter(({ ph, tid }) => ph === "X" && tid === 1);
    expect(spans.map(({ name }) => name)).toEqual(["CPUID", "CPUID", "HLT", "HLT"]);
    expect(spans[0]).toMatchObject({ ts: 0.2, dur: 0.1, pid: 1, args: { record: 43, cycles: 100 } });
  });

  it("has one instant for each record and is JSON", () => {
    expect(traceEvents.filter(({ ph }) => ph === "i").length).toBe(RUN.length);
    expect(JSON.parse(JSON.stringify(traceEvents))).toEqual(traceEvents);
  });

  it("has no tracks without events", () => {
    expect(traceEventsJson([], 1e9).traceEvents).toEqual([]);
  });
});
