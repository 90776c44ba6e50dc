import { describe, expect, it } from "vitest";
import { TRACE_COUNT, VMX_OFF, VMX_ROOT, VMX_NON_ROOT, TRACE_CAUSE } from "../../src/spec/cpu-state.js";
import * as R from "../../src/spec/trace-records.js";
import { exitReasonName, kindName, KINDS } from "../../src/trace/names.js";
import { appendTrace, readTrace, setCause, traceCount } from "../../src/trace/ring.js";

/** Memory with a ring, written as the processor does. */
class Writer {
  readonly view = new DataView(new ArrayBuffer(R.TRACE_RING + R.TRACE_CAPACITY * R.TRACE_RECORD_BYTES));
  readonly core = {
    traceAppend: (kind: number): number => {
      const n = this.view.getUint32(TRACE_COUNT, true);
      const at = R.TRACE_RING + (n % R.TRACE_CAPACITY) * R.TRACE_RECORD_BYTES;
      for (let i = 0; i < R.TRACE_RECORD_BYTES; i++) this.view.setUint8(at + i, 0);
      this.view.setUint16(at + R.RECORD_KIND, kind, true);
      this.view.setUint32(at + R.RECORD_CAUSE, this.view.getUint32(TRACE_CAUSE, true), true);
      this.view.setUint32(TRACE_COUNT, n + 1, true);
      return at;
    },
  };
}

describe("trace ring", () => {
  it("decodes every field", () => {
    const w = new Writer();
    const at = w.core.traceAppend(R.CR_WRITE);
    w.view.setUint8(at + R.RECORD_PROCESSOR, 3);
    w.view.setUint8(at + R.RECORD_CPL, 3);
    w.view.setUint8(at + R.RECORD_VMX, VMX_NON_ROOT);
    w.view.setBigUint64(at + R.RECORD_CYCLE, 0x1f_ffff_ffff_fff1n, true);
    w.view.setBigUint64(at + R.RECORD_INSTRUCTIONS, 0x1_0000_0002n, true);
    w.view.setBigUint64(at + R.RECORD_RIP, 0xffff_ffff_8000_0000n, true);
    w.view.setBigUint64(at + R.RECORD_A, 3n, true);
    w.view.setBigUint64(at + R.RECORD_B, 0x1000n, true);
    w.view.setBigUint64(at + R.RECORD_C, 2n ** 64n - 1n, true);
    expect(readTrace(w, 0, 1)).toEqual({
      lost: 0,
      events: [
        {
          n: 0,
          kind: "CR_WRITE",
          processor: 3,
          cycle: 0x1f_ffff_ffff_fff1,
          instructions: 0x1_0000_0002,
          ring: 3,
          cause: 0,
          rip: 0xffff_ffff_8000_0000n,
          a: 3n,
          b: 0x1000n,
          c: 2n ** 64n - 1n,
        },
      ],
    });
  });

  it.each([
    [VMX_OFF, 0, 0],
    [VMX_OFF, 3, 3],
    [VMX_NON_ROOT, 1, 1],
    [VMX_ROOT, 0, -1],
    [VMX_ROOT, 3, -1],
  ])("VMX operation %d at CPL %d is ring %d", (vmx, cpl, ring) => {
    const w = new Writer();
    const at = w.core.traceAppend(R.HALT);
    w.view.setUint8(at + R.RECORD_CPL, cpl);
    w.view.setUint8(at + R.RECORD_VMX, vmx);
    expect(readTrace(w, 0, 1).events[0]!.ring).toBe(ring);
  });

  it("appends records of the hypervisor with their cause", () => {
    const w = new Writer();
    expect(appendTrace(w, "VM_EXIT", { a: 12 })).toBe(0);
    setCause(w, 0);
    expect(appendTrace(w, "HANDLED", { a: 12n, b: -1n })).toBe(1);
    const { events } = readTrace(w, 1, 2);
    expect(events[0]).toMatchObject({ n: 1, kind: "HANDLED", a: 12n, b: 2n ** 64n - 1n, c: 0n, cause: 0 });
  });

  it("clips to what was written", () => {
    const w = new Writer();
    for (let i = 0; i < 5; i++) appendTrace(w, "TIMER");
    expect(readTrace(w, 3, 99).events.map(({ n }) => n)).toEqual([3, 4]);
    expect(readTrace(w, 7, 99)).toEqual({ events: [], lost: 0 });
    expect(readTrace(w, -3, 1).events.map(({ n }) => n)).toEqual([0]);
  });

  it("wraps around, keeping numbers, and reports what was overwritten", () => {
    const w = new Writer();
    const written = R.TRACE_CAPACITY + 10;
    for (let i = 0; i < written; i++) w.view.setUint32(w.core.traceAppend(R.CONSOLE) + R.RECORD_A, i, true);
    expect(traceCount(w)).toBe(written);
    const all = readTrace(w, 0, written);
    expect(all.lost).toBe(10);
    expect(all.events.length).toBe(R.TRACE_CAPACITY);
    expect(all.events.every(({ n, a }) => a === BigInt(n))).toBe(true);
    expect(readTrace(w, 4, 8)).toEqual({ events: [], lost: 4 });
    expect(readTrace(w, 8, 12)).toMatchObject({ lost: 2, events: [{ n: 10 }, { n: 11 }] });
  });
});

describe("names", () => {
  it("names every kind of the specification and no other", () => {
    const layout = /^(TRACE|RECORD)_/;
    const kinds = Object.entries(R).filter(([name]) => !layout.test(name));
    expect(Object.fromEntries(kinds)).toEqual(KINDS);
    for (const [name, kind] of kinds) expect(kindName(kind)).toBe(name);
    expect(() => kindName(0)).toThrow(RangeError);
  });

  it("names exit reasons", () => {
    expect([exitReasonName(10), exitReasonName(48), exitReasonName(9999)]).toEqual([
      "CPUID",
      "EPT_VIOLATION",
      "REASON_9999",
    ]);
  });

  it("names what brings a monitor at ring 0 in", () => {
    expect([0x10e, 0x120, 0x200, 0x316].map(exitReasonName)).toEqual([
      "PAGE_FAULT",
      "VECTOR_32",
      "MONITOR_SYSCALL",
      "CALL_OUT_CPUID",
    ]);
  });
});
