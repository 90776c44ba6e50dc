import { beforeAll, describe, expect, it } from "vitest";
import { Machine, type MachineStop } from "../../src/machine/machine.js";
import type { StartState } from "../../src/machine/start-state.js";
import { ringSpans } from "../../src/trace/spans.js";
import { readTrace, traceCount } from "../../src/trace/ring.js";
import { compiledCore } from "./core.js";

let core: WebAssembly.Module;
beforeAll(() => {
  core = compiledCore();
});

const GDT = 0x500;
const IDT = 0x600;
const CODE = 0x1000;
const HANDLER = 0x2000;

const bytes = (...parts: (number | number[])[]): Uint8Array => new Uint8Array(parts.flat());
/** MOV AL, value; OUT port, AL. */
const outByte = (port: number, value: number): number[] => [0xb0, value, 0xe6, port];
/** Flat code at 0x10 and data at 0x18, as the start state has them. */
const gdt = (): Uint8Array => {
  const table = new DataView(new ArrayBuffer(32));
  table.setBigUint64(16, 0x00cf_9b00_0000_ffffn, true);
  table.setBigUint64(24, 0x00cf_9300_0000_ffffn, true);
  return new Uint8Array(table.buffer);
};
/** A 32-bit interrupt gate. */
const gate = (handler: number): number[] => [handler & 0xff, handler >> 8, 0x10, 0, 0, 0x8e, 0, 0];

const state = (code: Uint8Array, more: StartState["segments"] = []): StartState => ({
  segments: [{ address: CODE, bytes: code }, { address: GDT, bytes: gdt() }, ...more],
  entry: CODE,
  startMode: "protected32",
  registers: { rsp: 0x8000, rdx: 0x3f8 },
  gdt: { base: GDT, limit: 31 },
});

const PIC_AND_TIMER = (count: number, mask = 0xfe): number[] => [
  ...[0x11, 0x20, 4, 1, mask].flatMap((word, i) => outByte(i === 0 ? 0x20 : 0x21, word)),
  ...[0x11, 0x28, 2, 1, 0xff].flatMap((word, i) => outByte(i === 0 ? 0xa0 : 0xa1, word)),
  ...outByte(0x43, 0x34),
  ...outByte(0x40, count & 0xff),
  ...outByte(0x40, count >> 8),
];
/** Waits for twenty ticks of the timer, working and printing in between; exits with 0. */
const ticking = (): StartState =>
  state(
    bytes(
      [0x0f, 0x01, 0x1d, 0xf0, 0x05, 0x00, 0x00], // lidt [0x5f0]
      PIC_AND_TIMER(1193),
      [0x31, 0xc9, 0xfb], // xor ecx, ecx; sti
      [0xf4], // again: hlt
      [0xbe, 0x10, 0x27, 0x00, 0x00], // mov esi, 10000
      [0x4e, 0x75, 0xfd], // work: dec esi; jnz work
      [0xb0, 0x2e, 0xee], // mov al, '.'; out dx, al
      [0x83, 0xf9, 0x14, 0x72, 0xef], // cmp ecx, 20; jb again
      [0xfa],
      outByte(0xf4, 0),
    ),
    [
      { address: 0x5f0, bytes: bytes([0xff, 0x07, IDT & 0xff, IDT >> 8, 0, 0]) },
      { address: IDT + 8 * 0x20, bytes: bytes(gate(HANDLER)) },
      // inc ecx; push eax; mov al, 0x20; out 0x20, al; pop eax; iret
      { address: HANDLER, bytes: bytes([0x41, 0x50, ...outByte(0x20, 0x20), 0x58, 0xcf]) },
    ],
  );

function run(
  start: StartState,
  slice = 1e9,
  trace = false,
): { machine: Machine; stop: MachineStop; text: string } {
  let text = "";
  const machine = new Machine({
    core,
    ramBytes: 1 << 20,
    trace,
    onSerial: (byte) => (text += String.fromCharCode(byte)),
  });
  machine.load(start);
  let stop = machine.run({ maxSteps: slice });
  while (stop.kind === "budget-exhausted" && machine.processor.instructions < 5_000_000) {
    stop = machine.run({ maxSteps: slice });
  }
  return { machine, stop, text };
}

describe("machine code on the board", () => {
  it("prints and exits", () => {
    const code = bytes([0xb0, 0x4f, 0xee, 0xb0, 0x4b, 0xee], outByte(0xf4, 3));
    const { machine, stop, text } = run(state(code));
    expect(text).toBe("OK");
    expect(stop).toEqual({ kind: "debug-exit", status: 7 });
    expect(machine.processor.instructions).toBe(6);
  });

  it("powers off", () => {
    const code = bytes([0xba, 0x04, 0x06, 0, 0, 0x66, 0xb8, 0x00, 0x20, 0x66, 0xef]);
    expect(run(state(code)).stop).toEqual({ kind: "power-off" });
  });

  it("reports a triple fault", () => {
    expect(run(state(bytes([0x0f, 0x0b]))).stop).toEqual({ kind: "triple-fault" });
  });

  it("halts for ever with interrupts off, and with a masked timer", () => {
    expect(run(state(bytes([0xf4]))).stop).toEqual({ kind: "halted", interruptsEnabled: false });
    expect(run(state(bytes(PIC_AND_TIMER(2, 0xff), [0xfb, 0xf4]))).stop).toEqual({
      kind: "halted",
      interruptsEnabled: true,
    });
  });

  it("is woken by the timer once a millisecond of simulated time", () => {
    const { machine, stop, text } = run(ticking());
    expect(stop).toEqual({ kind: "debug-exit", status: 1 });
    expect(text).toBe(".".repeat(20));
    const milliseconds = machine.processor.cycles / 3e6;
    expect(milliseconds).toBeGreaterThan(20);
    expect(milliseconds).toBeLessThan(20.2);
  });

  it.each([1, 13, 1000, 9999, 100_000])("runs to the same cycle in slices of %d instructions", (slice) => {
    const whole = run(ticking());
    const cut = run(ticking(), slice);
    expect([cut.stop, cut.text]).toEqual([whole.stop, whole.text]);
    expect(cut.machine.processor.cycles).toBe(whole.machine.processor.cycles);
    expect(cut.machine.processor.instructions).toBe(whole.machine.processor.instructions);
    expect(cut.machine.pit.snapshot()).toEqual(whole.machine.pit.snapshot());
    expect(cut.machine.pic.snapshot()).toEqual(whole.machine.pic.snapshot());
  });

  it("costs the same cycles traced, and the trace tells the interrupts and the bytes sent", () => {
    const traced = run(ticking(), 1e9, true);
    expect(traced.machine.processor.cycles).toBe(run(ticking()).machine.processor.cycles);
    const { events, lost } = readTrace(traced.machine.processor, 0, traceCount(traced.machine.processor));
    expect(lost).toBe(0);
    const interrupts = events.filter(({ kind }) => kind === "INTERRUPT");
    expect(interrupts.map(({ a }) => a)).toEqual(Array.from({ length: 20 }, () => 0x20n));
    expect(events.filter(({ kind }) => kind === "CONSOLE").map(({ a }) => a)).toEqual(
      Array.from({ length: 20 }, () => 0x2en),
    );
    expect(ringSpans(events, traced.machine.processor.cycles).map(({ ring }) => ring)).toEqual([0]);
    events.slice(1).forEach((event, i) => expect(event.cycle).toBeGreaterThanOrEqual(events[i]!.cycle));
  });
});
