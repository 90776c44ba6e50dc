import * as S from "../spec/cpu-state.js";
import {
  STOP_BUDGET,
  STOP_DEADLINE,
  STOP_HALTED,
  STOP_MONITOR,
  STOP_REQUESTED,
  STOP_SHUTDOWN,
  STOP_VM_EXIT,
} from "../spec/stops.js";
import { CONSOLE } from "../spec/trace-records.js";
import { appendTrace } from "../trace/ring.js";
import type { Bus } from "./bus.js";
import { withTables } from "./acpi/tables.js";
import { CRYSTAL_FREQUENCY } from "./chipset/apic-timer.js";
import type { CivilTime } from "./chipset/calendar.js";
import type { PicPair } from "./chipset/pic-pair.js";
import type { Pit8254 } from "./chipset/pit-8254.js";
import { Clock } from "./clock.js";
import { applyCosts, applyStalls, PRESETS, type Preset, type PresetName } from "./costs.js";
import { rom } from "./devices/rom.js";
import type { Serial16550 } from "./devices/serial-16550.js";
import { SerialTerminal } from "./devices/serial-terminal.js";
import { Peripherals, type LocalInterrupts } from "./peripherals.js";
import { Processor } from "./processor.js";
import { Processors } from "./processors.js";
import { applyStartState, type StartState } from "./start-state.js";

export interface MachineOptions {
  /** Compiled `cpu.wasm`. */
  core: WebAssembly.Module;
  /** A multiple of 4096. */
  ramBytes: number;
  /** Cost model; "skylake" unless given. */
  preset?: PresetName | Preset;
  /** Whether the processor caches upper levels of page walks (SDM 4.10.3); it does unless false. */
  structureCaches?: boolean;
  /** Write trace records; off unless given. */
  trace?: boolean;
  /** How many, 1 to 4; 1 unless given. */
  processors?: number;
  /** The date at cycle 0; the beginning of 2006 unless given. */
  date?: CivilTime;
  /** Takes each byte that the first serial port sends. */
  onSerial?: (byte: number) => void;
}

/** Why {@link Machine.run} returned: plain data. */
export type MachineStop =
  /** The instruction budget is used up. */
  | { kind: "budget-exhausted" }
  /** A VM exit to the monitor: the VMCS says why. */
  | { kind: "vm-exit" }
  /** Arrival at ring 0, where the monitor is; RIP says through which gate. */
  | { kind: "monitor" }
  /** Someone called {@link Machine.requestStop}. */
  | { kind: "requested" }
  /** Software powered the board off. */
  | { kind: "power-off" }
  /** Software reset the board, by the reset control register or the keyboard controller. */
  | { kind: "reset" }
  /** Software wrote to the debug-exit port; status is 2v + 1. */
  | { kind: "debug-exit"; status: number }
  /** HLT, and no interrupt will ever come or be taken. */
  | { kind: "halted"; interruptsEnabled: boolean }
  /** Triple fault outside VMX non-root operation. */
  | { kind: "triple-fault" };

/**
 * Events without an interrupt after which a halted processor is taken to halt forever: a masked timer goes on for
 * ever, and each periodic device has then gone through its periods many times.
 */
const MOST_IDLE_EVENTS = 100_000;
const MOST_INSTRUCTIONS = 0x7fff_ffff;
const NO_DEADLINE = 0xffff_ffff_ffff_ffffn;
const ALL_KINDS = 0xffff_ffff;

/** A bare PC: processors, RAM and what {@link Peripherals} has. */
export class Machine {
  /** The core, with the processor that runs now in its state window. */
  readonly processor: Processor;
  readonly processors: Processors;
  readonly clock: Clock;
  readonly peripherals: Peripherals;
  /** At the far end of the first serial line. */
  readonly terminal: SerialTerminal;
  readonly preset: Preset;
  /** Interrupt acknowledge cycle: the vector of the request of highest priority, or a spurious one. */
  readonly acknowledgeInterrupt = (): number => this.#local.apic.acknowledge();
  #ending: MachineStop | null = null;

  /** @throws RangeError for RAM or processors out of range */
  constructor(private readonly options: MachineOptions) {
    const preset = options.preset ?? "skylake";
    this.preset = typeof preset === "string" ? PRESETS[preset] : preset;
    this.processor = new Processor(options.core, options.ramBytes, {
      portRead: (port, size) => this.ports.read(port, size),
      portWrite: (port, size, value) => this.ports.write(port, size, value),
      mmioRead: (address, size) => this.#local.memory.read(address, size),
      mmioWrite: (address, size, value) => this.#local.memory.write(address, size, value),
      acknowledgeInterrupt: this.acknowledgeInterrupt,
      msrRead: (index) => this.#readMsr(index),
      msrWrite: (index) => this.#writeMsr(index),
      taskPriorityChanged: () => this.#local.apic.taskPriorityChanged(this.processor.read32(S.CR8)),
      timeStampChanged: () => this.#local.apic.timeStampChanged(),
      floatError: () => this.peripherals.coprocessorError.report(),
    });
    this.clock = new Clock(
      this.preset.frequency,
      () => this.processor.cycles,
      (next) => this.#setDeadline(next),
    );
    this.processors = new Processors(this.processor, options.processors ?? 1, () =>
      this.#setDeadline(this.clock.next()),
    );
    this.peripherals = new Peripherals({
      clock: this.clock,
      processors: this.processors.pins,
      ramBytes: options.ramBytes,
      date: options.date,
      onSerial: (byte) => this.#transmit(byte),
      onPowerOff: () => this.#end({ kind: "power-off" }),
      onReset: () => this.#end({ kind: "reset" }),
      onFlushPage: (address) => this.processor.core.flushPhysicalPage(address),
      onIgnoreFloatError: () => this.#ignoreFloatError(),
      onDebugExit: (status) => this.#end({ kind: "debug-exit", status }),
    });
    this.terminal = new SerialTerminal(this.peripherals.serial);
    this.#describeTime();
    applyCosts(this.processor, this.preset.costs);
    applyStalls(this.processor, this.preset.stalls);
    this.processor.write32(S.NO_STRUCTURE_CACHES, options.structureCaches === false ? 1 : 0);
    this.processor.write32(S.TRACE_MASK, options.trace ? ALL_KINDS : 0);
    this.#setDeadline(this.clock.next());
  }

  get ports(): Bus {
    return this.peripherals.ports;
  }
  get pic(): PicPair {
    return this.peripherals.pic;
  }
  get pit(): Pit8254 {
    return this.peripherals.pit;
  }
  get serial(): Serial16550 {
    return this.peripherals.serial;
  }
  /** Machine-physical RAM. */
  get memory(): Processor["memory"] {
    return this.processor.memory;
  }

  /**
   * Loads an image and sets the processor to its start; to be called once, on a new machine.
   * @throws RangeError when the image does not fit
   */
  load(state: StartState): void {
    for (const { address, bytes } of state.rom ?? [])
      this.peripherals.mmio.register(address, bytes.length, rom(bytes));
    applyStartState(this.processor, withTables(state, this.options.ramBytes, this.processors.count));
  }

  /**
   * Runs until something stops it. However a run is cut into budgets, the machine goes through the same states.
   * After power-off, debug exit and triple fault every further call returns the same stop; a halted processor looks
   * again, since input may have come.
   */
  run({ maxSteps }: { maxSteps: number }): MachineStop {
    const end = this.processor.steps + maxSteps;
    let stuckAt = -1;
    for (;;) {
      if (this.#ending) return this.#ending;
      const budget = end - this.processor.steps;
      if (budget <= 0) return { kind: "budget-exhausted" };
      const stop = this.processor.core.run(Math.min(budget, MOST_INSTRUCTIONS));
      if (stop === STOP_DEADLINE) this.#reachDeadline();
      else if (stop === STOP_VM_EXIT) return { kind: "vm-exit" };
      else if (stop === STOP_MONITOR) return { kind: "monitor" };
      else if (stop === STOP_SHUTDOWN) this.#ending = { kind: "triple-fault" };
      else if (stop === STOP_REQUESTED) {
        if (!this.#ending) return { kind: "requested" };
      } else if (stop === STOP_HALTED) {
        const stuck = stuckAt === this.processor.steps;
        const { interruptsEnabled } = this.processors;
        if (stuck || !this.#wake()) return { kind: "halted", interruptsEnabled };
        stuckAt = this.processor.steps;
      } else if (stop !== STOP_BUDGET) throw new Error(`the processor stopped for unknown reason ${stop}`);
    }
  }

  /** Makes {@link run} return after the current instruction. */
  requestStop(): void {
    this.processor.core.requestStop();
  }

  /**
   * The monitor executes HLT in root operation with interrupts enabled: time passes until a request comes, which is
   * acknowledged.
   * @returns its vector, or null when none will ever come
   */
  waitForInterrupt(): number | null {
    const { apic } = this.#local;
    const came = this.#passTime(
      () => apic.output,
      () => true,
    );
    return came ? this.acknowledgeInterrupt() : null;
  }

  /** Fires what is due by now, e.g. after the monitor has charged cycles for its own work. */
  fireDue(): void {
    this.clock.advanceTo(this.processor.cycles);
  }

  get #local(): LocalInterrupts {
    return this.peripherals.local[this.processors.current]!;
  }

  #readMsr(index: number): boolean {
    const value = this.#local.msrs.read(index);
    if (value === undefined) return false;
    this.processor.write64(S.BOARD_MSR, value);
    return true;
  }

  #writeMsr(index: number): boolean {
    const taken = this.#local.msrs.write(index, this.processor.read64(S.BOARD_MSR));
    this.processor.write64(S.MSR_APIC_BASE, this.#local.msrs.apicBase);
    return taken;
  }

  #ignoreFloatError(): void {
    if (this.processor.read32(S.FLOAT_ERROR) & S.FERR)
      this.processor.write32(S.FLOAT_ERROR, S.FERR | S.IGNNE);
  }

  /** What CPUID says of the time-stamp counter (leaf 15H): nothing where 32 bits do not hold the ratio. */
  #describeTime(): void {
    const { frequency } = this.clock;
    const common = greatestCommonDivisor(frequency, CRYSTAL_FREQUENCY);
    const numerator = frequency / common;
    this.processor.write32(S.CRYSTAL, CRYSTAL_FREQUENCY);
    this.processor.write32(S.TSC_NUMERATOR, numerator < 2 ** 32 ? numerator : 0);
    this.processor.write32(S.TSC_DENOMINATOR, CRYSTAL_FREQUENCY / common);
  }

  #end(stop: MachineStop): void {
    this.#ending ??= stop;
    this.processor.core.requestStop();
  }

  #transmit(byte: number): void {
    if (this.processor.read32(S.TRACE_MASK) & (1 << CONSOLE)) {
      appendTrace(this.processor, "CONSOLE", { a: byte });
    }
    this.options.onSerial?.(byte);
  }

  /** The next event of the clock, or the end of the quantum. */
  #setDeadline(next: number | null): void {
    const cycle = Math.min(next ?? Infinity, this.processors.quantumEnd);
    if (cycle === Infinity) this.processor.write64(S.DEADLINE, NO_DEADLINE);
    else this.processor.setCount(S.DEADLINE, cycle);
  }

  /** Fires what is due and lets another processor run if it is its turn. */
  #reachDeadline(): void {
    const yields = this.processor.count(S.DEADLINE) === 0;
    this.clock.advanceTo(this.processor.cycles);
    if (yields || this.processor.cycles >= this.processors.quantumEnd) this.processors.endQuantum();
  }

  /** The processor that runs waits: the next one that has work to do runs, after some time if need be; false: none ever will. */
  #wake(): boolean {
    return this.#passTime(
      () => this.processors.switchToNext(),
      () => this.processors.interruptible,
    );
  }

  /** Cycle of what happens next: an event of the board, or the VMX-preemption timer of a guest that waits. */
  #nextEvent(): number | null {
    const board = this.clock.next();
    const timer = this.processors.nextTimer;
    return board === null || (timer !== null && timer < board) ? timer : board;
  }

  /** Advances time, event by event, until `done`; false when that will never be, e.g. since nobody is `waiting`. */
  #passTime(done: () => boolean, waiting: () => boolean): boolean {
    for (let events = 0; !done();) {
      const next = this.#nextEvent();
      if (!waiting() || next === null || events > MOST_IDLE_EVENTS) return false;
      if (next > this.processor.cycles) this.processor.setCount(S.CYCLES, next);
      events += this.clock.advanceTo(this.processor.cycles);
    }
    return true;
  }
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
