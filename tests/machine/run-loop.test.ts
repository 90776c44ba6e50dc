import { afterEach, describe, expect, it, vi } from "vitest";
import { Machine, type MachineStop } from "../../src/machine/machine.js";
import * as S from "../../src/spec/cpu-state.js";
import { STOP_VM_EXIT } from "../../src/spec/stops.js";
import { FAKE, mountFakeCore, type FakeInstruction } from "./fake-core.js";

afterEach(() => vi.unstubAllGlobals());

const out =
  (port: number, value: number): FakeInstruction =>
  (board) =>
    board.portWrite(port, 1, value);
const halt: FakeInstruction = (_board, cpu) => cpu.halt();
const sti: FakeInstruction = (_board, cpu) => cpu.setInterruptFlag(true);
const jump =
  (index: number): FakeInstruction =>
  (_board, cpu) =>
    cpu.jump(index);
const nop: FakeInstruction = () => {};
/** Both controllers at 0x20 and 0x28 with this mask, counter 0 in mode 2 with this count. */
const setUp = (mask: number, count: number): FakeInstruction[] => [
  out(0x20, 0x11),
  out(0x21, 0x20),
  out(0x21, 4),
  out(0x21, 1),
  out(0x21, mask),
  out(0xa0, 0x11),
  out(0xa1, 0x28),
  out(0xa1, 2),
  out(0xa1, 1),
  out(0x43, 0x34),
  out(0x40, count & 0xff),
  out(0x40, count >> 8),
];

function run(program: readonly FakeInstruction[], maxSteps = 1000): { machine: Machine; stop: MachineStop } {
  mountFakeCore(program);
  const machine = new Machine(FAKE);
  return { machine, stop: machine.run({ maxSteps }) };
}

describe("Machine.run", () => {
  it("stops at the budget, exactly", () => {
    const { machine, stop } = run([nop, jump(0)], 501);
    expect(stop).toEqual({ kind: "budget-exhausted" });
    expect(machine.processor.instructions).toBe(501);
  });

  it("ends at debug exit and power-off, and stays ended", () => {
    const debug = run([out(0xf4, 5), nop]);
    expect(debug.stop).toEqual({ kind: "debug-exit", status: 11 });
    expect(debug.machine.processor.instructions).toBe(1);
    expect(debug.machine.run({ maxSteps: 10 })).toEqual(debug.stop);
    expect(debug.machine.processor.instructions).toBe(1);
    expect(run([(board) => board.portWrite(0x604, 2, 0x2000)]).stop).toEqual({ kind: "power-off" });
  });

  it("reports a triple fault and a VM exit", () => {
    expect(run([]).stop).toEqual({ kind: "triple-fault" });
    expect(run([(_board, cpu) => cpu.stop(STOP_VM_EXIT)]).stop).toEqual({ kind: "vm-exit" });
  });

  it("sends COM1's bytes to onSerial", () => {
    mountFakeCore([out(0x3f8, 0x4f), out(0x3f8, 0x4b)]);
    const bytes: number[] = [];
    new Machine({ ...FAKE, onSerial: (byte) => bytes.push(byte) }).run({ maxSteps: 2 });
    expect(bytes).toEqual([0x4f, 0x4b]);
  });

  it("stops when it is asked to, and goes on", () => {
    mountFakeCore([nop, jump(0)]);
    const machine = new Machine(FAKE);
    machine.requestStop();
    expect(machine.run({ maxSteps: 10 })).toEqual({ kind: "requested" });
    expect(machine.run({ maxSteps: 10 })).toEqual({ kind: "budget-exhausted" });
  });

  it("lets time pass at HLT until the timer interrupts", () => {
    const vectors: [number, number][] = [];
    mountFakeCore([...setUp(0xfe, 1193), sti, halt, out(0x20, 0x20), jump(13)], (vector) =>
      vectors.push([vector, machine.processor.cycles]),
    );
    const machine: Machine = new Machine(FAKE);
    machine.run({ maxSteps: 13 + 3 * 10 + 1 });
    expect(vectors.map(([vector]) => vector)).toEqual(Array.from({ length: 10 }, () => 0x20));
    const period = (vectors[9]![1] - vectors[0]![1]) / 9;
    expect(period).toBeCloseTo((1193 / 1_193_182) * 3e9, -1);
    expect(machine.processor.instructions).toBe(44);
  });

  it.each([
    ["with interrupts off", [halt], false],
    ["with no event to come", [sti, halt], true],
    ["with a timer that is masked for ever", [...setUp(0xff, 2), sti, halt], true],
  ])("reports a processor that halts for ever %s", (_name, program, interruptsEnabled) => {
    expect(run(program).stop).toEqual({ kind: "halted", interruptsEnabled });
  });

  it("reports a halted guest that is offered an interrupt and never takes it", () => {
    const enterGuest: FakeInstruction = (_board, { view }) => {
      view.setUint32(S.VMX_OPERATION, S.VMX_NON_ROOT, true);
    };
    const { machine, stop } = run([...setUp(0xfe, 100), enterGuest, halt]);
    expect(stop).toEqual({ kind: "halted", interruptsEnabled: false });
    expect(machine.pic.output).toBe(true);
  });

  it("goes on when input wakes a processor that had nothing to wait for", () => {
    const received: number[] = [];
    const program = [...setUp(0xef, 0), out(0x43, 0x30), out(0x3fc, 8), out(0x3f9, 1), sti, halt, jump(16)];
    mountFakeCore(program, () => {
      received.push(machine.ports.read(0x3f8, 1));
      machine.ports.write(0x20, 1, 0x20);
    });
    const machine: Machine = new Machine(FAKE);
    for (const byte of [0x61, 0x62]) {
      expect(machine.run({ maxSteps: 100 })).toEqual({ kind: "halted", interruptsEnabled: true });
      machine.terminal.type([byte]);
    }
    machine.run({ maxSteps: 100 });
    expect(received).toEqual([0x61, 0x62]);
  });

  it.each([1, 2, 3, 7, 100])("goes through the same states in slices of %d instructions", (slice) => {
    const program = [...setUp(0xfe, 97), sti, nop, nop, halt, out(0x20, 0x20), out(0x3f8, 0x2e), jump(13)];
    const states = (step: number): unknown => {
      const vectors: number[] = [];
      mountFakeCore(program, () => vectors.push(machine.processor.cycles));
      const machine: Machine = new Machine(FAKE);
      for (let done = 0; done < 2100; done += step) machine.run({ maxSteps: step });
      const { cycles, instructions } = machine.processor;
      return [
        cycles,
        instructions,
        vectors,
        machine.pic.snapshot(),
        machine.pit.snapshot(),
        machine.clock.next(),
      ];
    };
    expect(states(slice)).toEqual(states(2100));
  });

  it("keeps the processor's deadline at the next event", () => {
    const { machine } = run([...setUp(0xfe, 500), nop], 13);
    expect(machine.processor.count(S.DEADLINE)).toBe(machine.clock.next());
  });
});

describe("Machine for a monitor", () => {
  it("waits for an interrupt in root operation and acknowledges it", () => {
    const { machine } = run([...setUp(0xfe, 1193), nop], 12);
    const before = machine.processor.cycles;
    expect(machine.waitForInterrupt()).toBe(0x20);
    expect(machine.processor.cycles - before).toBeGreaterThan(2_900_000);
    expect(machine.pic.output).toBe(false);
  });

  it("gives null when no interrupt will ever come", () => {
    expect(run([...setUp(0xff, 100)], 12).machine.waitForInterrupt()).toBeNull();
    expect(run([nop], 1).machine.waitForInterrupt()).toBeNull();
  });

  it("fires what became due while the monitor worked", () => {
    const { machine } = run([...setUp(0xfe, 100)], 12);
    machine.processor.setCount(S.CYCLES, machine.processor.cycles + 1_000_000);
    machine.fireDue();
    expect(machine.pic.output).toBe(true);
    expect(machine.clock.next()).toBeGreaterThan(machine.processor.cycles);
  });
});

describe("Machine set-up", () => {
  it("fills the cost fields from the preset", () => {
    mountFakeCore([]);
    const machine = new Machine({ ...FAKE, preset: "core2-duo" });
    expect(machine.processor.read32(S.COST_VM_ENTRY)).toBe(937);
    expect(machine.clock.frequency).toBe(2_660_000_000);
  });

  it("writes trace records only when asked", () => {
    mountFakeCore([]);
    expect(new Machine(FAKE).processor.read32(S.TRACE_MASK)).toBe(0);
    expect(new Machine({ ...FAKE, trace: true }).processor.read32(S.TRACE_MASK)).toBe(0xffff_ffff);
  });

  it("loads a Multiboot start state", () => {
    mountFakeCore([]);
    const machine = new Machine(FAKE);
    machine.memory.fill(0x2000, 16, 0xff);
    machine.load({
      segments: [{ address: 0x1000, bytes: new Uint8Array([1, 2, 3]) }],
      zero: [{ address: 0x2000, bytes: 8 }],
      entry: 0x1000,
      startMode: "protected32",
      registers: { rax: 0x2bad_b002, rbx: 0x9000n },
    });
    const { processor } = machine;
    expect([...machine.memory.read(0x1000, 3)]).toEqual([1, 2, 3]);
    expect([processor.memory.read64(0x2000), processor.memory.read64(0x2008)]).toEqual([0n, 2n ** 64n - 1n]);
    expect([processor.read64(S.RIP), processor.read64(S.GPR), processor.read64(S.GPR + 24)]).toEqual([
      0x1000n,
      0x2bad_b002n,
      0x9000n,
    ]);
    expect([processor.read64(S.CR0), processor.read64(S.RFLAGS), processor.read32(S.CODE_BITS)]).toEqual([
      0x11n,
      2n,
      32,
    ]);
    expect(processor.read32(S.SEGMENTS + S.CS * S.SEGMENT_BYTES + S.SEGMENT_LIMIT)).toBe(0xffff_ffff);
  });

  it("loads a long-mode start state on its page tables", () => {
    mountFakeCore([]);
    const machine = new Machine(FAKE);
    machine.load({
      segments: [],
      entry: 0x10_0000,
      startMode: "long64",
      registers: { cr3: 0x7000, rsi: 0x8000 },
      gdt: { base: 0x500, limit: 31 },
    });
    const { processor } = machine;
    expect([S.CR0, S.CR3, S.CR4, S.MSR_EFER, S.GDTR_BASE].map((field) => processor.read64(field))).toEqual([
      0x8000_0011n,
      0x7000n,
      0x20n,
      0x500n,
      0x500n,
    ]);
  });

  it("refuses an image outside RAM and a register that it does not know", () => {
    mountFakeCore([]);
    const base = { entry: 0, startMode: "protected32", registers: {} } as const;
    const machine = new Machine(FAKE);
    expect(() =>
      machine.load({ ...base, segments: [{ address: 0xf_ffff, bytes: new Uint8Array(2) }] }),
    ).toThrow(RangeError);
    expect(() => machine.load({ ...base, segments: [], registers: { ax: 1 } as object })).toThrow(/"ax"/);
  });
});
