import { FLAG_IF } from "../spec/control-bits.js";
import * as S from "../spec/cpu-state.js";
import {
  ACTIVITY_ACTIVE,
  ACTIVITY_HLT,
  ACTIVITY_WAIT_FOR_SIPI,
  BLOCKING_BY_NMI,
} from "../spec/vmx-controls.js";
import type { ProcessorPins } from "./chipset/local-apic.js";
import type { Processor } from "./processor.js";

/**
 * Cycles for which a processor runs while another one has work to do too. Long, since a switch costs the host a
 * microsecond; short beside a timer's period, 1 to 10 ms.
 */
export const QUANTUM = 40_000;
export const MOST_PROCESSORS = 4;

const NO_DEADLINE = 0xffff_ffff_ffff_ffffn;

/** @throws RangeError unless a board can have so many processors: 1 to 4 */
export function checkProcessors(count: number): void {
  if (!Number.isInteger(count) || count < 1 || count > MOST_PROCESSORS)
    throw new RangeError(`${count} processors: expected 1 to ${MOST_PROCESSORS}`);
}

/** The bootstrap processor's IA32_APIC_BASE, and another one's (SDM Vol. 3, 11.4.4). */
const APIC_BASE_BOOTSTRAP = 0xfee0_0900n;
const APIC_BASE_APPLICATION = 0xfee0_0800n;

/** Parts of the state window that belong to a processor: [first, end). The rest is the board's. */
const OWN: readonly (readonly [number, number])[] = [
  [S.GPR, S.CYCLES],
  [S.CR0, S.STOP_REQUEST],
  [S.STOP_REQUEST + 4, S.COST_VM_ENTRY],
  [S.TRACE_CAUSE + 4, S.BOARD_SHARED],
  [S.BOARD_SHARED_END, S.CPU_STATE + S.CPU_STATE_BYTES],
];

/**
 * The processors of a board, one of which runs at a time: its state is in the window, that of the others is kept here.
 * They take turns in the order of their numbers. A turn ends when the processor halts, executes PAUSE or has run for
 * {@link QUANTUM} cycles, or when one that was idle is woken.
 *
 * There is one CYCLES, which goes on with whoever runs: the time-stamp counters of all processors agree, as those of one
 * package do, and the work of several takes as long as if one did it all. Idle processors take no time.
 */
export class Processors {
  /** The one that runs. */
  current = 0;
  /** Cycle at which its turn is over; Infinity while no other one has work to do. */
  quantumEnd = Infinity;
  readonly pins: readonly ProcessorPins[];
  readonly #windows: readonly DataView[];

  /**
   * @param quantumChanged - {@link quantumEnd} is another one
   * @throws RangeError unless there are 1 to 4
   */
  constructor(
    private readonly processor: Processor,
    readonly count: number,
    private readonly quantumChanged: () => void,
  ) {
    checkProcessors(count);
    processor.write32(S.PROCESSORS, count);
    processor.write64(S.MSR_APIC_BASE, APIC_BASE_BOOTSTRAP);
    this.#windows = Array.from({ length: count }, (_, number) => this.#newWindow(number));
    this.pins = Array.from({ length: count }, (_, number) => this.#pinsOf(number));
  }

  /** Whether an interrupt could wake some processor. */
  get interruptible(): boolean {
    return this.#windows.some((_, number) => this.#waitsForInterrupt(this.#window(number)));
  }

  /** Cycle at which a VMX-preemption timer ends the waiting of a guest by an exit; null when none will. */
  get nextTimer(): number | null {
    const timers = this.#windows.map((_, number) => this.#timerOf(this.#window(number)));
    return timers.reduce((first, timer) =>
      first === null || (timer !== null && timer < first) ? timer : first,
    );
  }

  /** Whether some processor that waits has interrupts enabled. */
  get interruptsEnabled(): boolean {
    return this.#windows.some((_, number) => {
      const window = this.#window(number);
      const waits = window.getUint32(S.ACTIVITY, true) === ACTIVITY_HLT;
      return waits && (window.getUint32(S.RFLAGS, true) & FLAG_IF) !== 0;
    });
  }

  /** The turn is over: the next processor that has work to do runs, if there is another one. */
  endQuantum(): void {
    if (!this.switchToNext()) this.#begin(Infinity);
  }

  /** Gives the turn to the next processor that has work to do, at last to the present one; false: none has any. */
  switchToNext(): boolean {
    for (let i = 1; i <= this.count; i++) {
      const number = (this.current + i) % this.count;
      if (!this.#hasWork(this.#window(number))) continue;
      if (number !== this.current) this.#switchTo(number);
      const others = this.#windows.some((_, other) => other !== number && this.#hasWork(this.#window(other)));
      this.#begin(others ? this.processor.cycles + QUANTUM : Infinity);
      return true;
    }
    return false;
  }

  #begin(end: number): void {
    this.processor.write32(S.QUANTUM_SHARED, end === Infinity ? 0 : 1);
    this.quantumEnd = end;
    this.quantumChanged();
  }

  /** The window of any processor; offsets are those of the state window. */
  #window(number: number): DataView {
    return number === this.current ? this.processor.view : this.#windows[number]!;
  }

  #newWindow(number: number): DataView {
    const { buffer } = this.processor.view;
    const window = new DataView(buffer.slice(0, S.CPU_STATE + S.CPU_STATE_BYTES));
    window.setUint32(S.APIC_ID, number, true);
    if (number === 0) return window;
    window.setBigUint64(S.MSR_APIC_BASE, APIC_BASE_APPLICATION, true);
    window.setUint32(S.ACTIVITY, ACTIVITY_WAIT_FOR_SIPI, true);
    return window;
  }

  #switchTo(number: number): void {
    const { core, view } = this.processor;
    const live = new Uint8Array(view.buffer);
    core.leaveProcessor();
    const saved = new Uint8Array(this.#windows[this.current]!.buffer);
    const next = new Uint8Array(this.#windows[number]!.buffer);
    for (const [first, end] of OWN) saved.set(live.subarray(first, end), first);
    for (const [first, end] of OWN) live.set(next.subarray(first, end), first);
    this.current = number;
    core.enterProcessor(number);
  }

  #waitsForInterrupt(window: DataView): boolean {
    if (window.getUint32(S.ACTIVITY, true) !== ACTIVITY_HLT) return false;
    // In non-root operation an interrupt may cause a VM exit whatever IF says.
    if (window.getUint32(S.VMX_OPERATION, true) === S.VMX_NON_ROOT) return true;
    return (window.getUint32(S.RFLAGS, true) & FLAG_IF) !== 0;
  }

  /** The timer runs in HLT, not while a guest waits for a start-up message (SDM Vol. 3, 26.5.1). */
  #timerOf(window: DataView): number | null {
    if (window.getUint32(S.ACTIVITY, true) !== ACTIVITY_HLT) return null;
    const deadline = window.getBigUint64(S.PREEMPTION_DEADLINE, true);
    return deadline === NO_DEADLINE ? null : Number(deadline);
  }

  #hasWork(window: DataView): boolean {
    const activity = window.getUint32(S.ACTIVITY, true);
    const signals = window.getUint32(S.SIGNALS, true);
    if (activity === ACTIVITY_ACTIVE) return true;
    if (signals & S.SIGNAL_INIT) return window.getUint32(S.VMX_OPERATION, true) !== S.VMX_ROOT;
    if (activity === ACTIVITY_WAIT_FOR_SIPI) return (signals & S.SIGNAL_START_UP) !== 0;
    if (activity !== ACTIVITY_HLT) return false;
    const timer = this.#timerOf(window);
    if (timer !== null && timer <= this.processor.cycles) return true;
    const blocked = (window.getUint32(S.INTERRUPTIBILITY, true) & BLOCKING_BY_NMI) !== 0;
    if (window.getUint32(S.NMI_PENDING, true) !== 0 && !blocked) return true;
    return window.getUint32(S.INTR_LINE, true) !== 0 && this.#waitsForInterrupt(window);
  }

  /** Something has reached a processor that does not run: if it was idle, it runs soon. */
  #reached(number: number, change: (window: DataView) => void): void {
    const window = this.#windows[number]!;
    const idle = !this.#hasWork(window);
    change(window);
    if (idle && this.#hasWork(window)) this.#begin(this.processor.cycles);
  }

  #pinsOf(number: number): ProcessorPins {
    const { core } = this.processor;
    const reach = (live: () => void, change: (window: DataView) => void): void => {
      if (number === this.current) live();
      else this.#reached(number, change);
    };
    const signal = (signals: number): void =>
      reach(
        () => core.signal(signals),
        (window) => window.setUint32(S.SIGNALS, window.getUint32(S.SIGNALS, true) | signals, true),
      );
    return {
      setInterrupt: (level) =>
        reach(
          () => core.setInterruptLine(level ? 1 : 0),
          (window) => window.setUint32(S.INTR_LINE, level ? 1 : 0, true),
        ),
      signalNmi: () =>
        reach(
          () => core.signalNmi(),
          (window) => window.setUint32(S.NMI_PENDING, 1, true),
        ),
      signalInit: () => signal(S.SIGNAL_INIT),
      signalStartUp: (vector) => signal(S.SIGNAL_START_UP | (vector << 8)),
      setTaskPriority: (cr8) => this.#window(number).setUint32(S.CR8, cr8, true),
      timeStampOffset: () => this.#window(number).getBigInt64(S.TSC_ADJUST, true),
    };
  }
}
