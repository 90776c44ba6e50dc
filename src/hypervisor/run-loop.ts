import { TRIPLE_FAULT } from "../spec/exit-reasons.js";
import { HANDLED } from "../spec/trace-records.js";
import { exitReasonName } from "../trace/names.js";
import { EXIT_REASON } from "../spec/vmcs-fields.js";
import { EXIT_REASON_ENTRY_FAILURE } from "../spec/vmx-controls.js";
import { handlerCycles } from "./costs.js";
import type { VmEnding } from "./ending.js";
import { OUTCOMES, type Outcome } from "./outcome.js";
import { describeThrown, describeValue, PartFailure } from "./part-failure.js";
import type { Parts } from "./parts.js";
import { ProgressWatch } from "./progress-watch.js";
import type { VirtualMachine } from "./vm.js";
import { explainFailedEntry, explainRefusedEntry } from "./vtx/entry-failure.js";
import type { ExitReasonNumber } from "./vtx/exit-table.js";
import { VmxError } from "./vmx-error.js";

/** Bits 15:0 of the exit reason (SDM 25.9.1). */
const BASIC_REASON = 0xffff;

/**
 * entry: about to enter · guest: the guest runs · interpreted: its next instruction is one for the hypervisor · exit: it has left,
 * its handler has not run · waiting: halted in the hypervisor until an interrupt · ended.
 */
export type LoopPhase = "entry" | "guest" | "interpreted" | "exit" | "waiting" | "ended";

/** Exits of one reason. */
export interface ExitTally {
  count: number;
  /** Cycles from these exits to the entries that ended them. */
  cycles: number;
}

/** Cycles that a virtual CPU runs while another one waits for the processor: 0.1 ms at 3 GHz. */
const TIME_SLICE = 300_000;

/**
 * Runs the virtual CPUs of a VM on the one processor that there is. Its progress is a sequence of steps — a guest instruction, an exception or interrupt taken by the guest, an exit, a handled exit with the
 * entry after it, a wait — of which {@link RunLoop.run} makes any number: however a run is cut, it is the same run.
 */
export class RunLoop {
  phase: LoopPhase = "entry";
  /** Steps made. */
  position = 0;
  exits = 0;
  ending: VmEnding | null = null;
  readonly tallies = new Map<number, ExitTally>();
  /** Basic reason of the last exit. */
  exitReason = 0;
  /** Cycle at which the current virtual CPU's time slice ends. */
  #sliceEnd = 0;
  /** Phase that the run ended in. */
  #before: LoopPhase = "entry";
  /** Of the guest that halted. */
  #interruptsEnabled = false;
  #exitCycle = 0;
  readonly #watch = new ProgressWatch();

  constructor(
    private readonly vm: VirtualMachine,
    private readonly parts: Parts,
  ) {}

  // #region run-loop
  /** Makes steps up to `position`, or until an exit that `stopAt` names waits for its handler. */
  run(position: number, stopAt: (reason: number) => boolean): void {
    while (this.phase !== "ended" && this.position < position) {
      const exits = this.exits;
      this.#step(position - this.position);
      if (this.phase === "exit" && this.exits > exits && stopAt(this.exitReason)) return;
    }
  }

  /** A step never throws: whatever goes wrong in it is how the run ends. */
  #step(instructions: number): void {
    try {
      if (this.phase === "guest") this.#runGuest(instructions);
      else if (this.phase === "exit") this.#handleExit();
      else if (this.phase === "waiting") this.#wait();
      else if (this.phase === "interpreted") this.#interpret();
      else this.#enter();
    } catch (error) {
      this.#end(this.#failure(error));
    }
  }
  // #endregion

  /** The run ended as "halted", and something typed at the VM's console would interrupt it. */
  get wakeable(): boolean {
    return this.ending?.kind === "halted" && this.#interruptsEnabled && this.vm.board.terminal.wakes;
  }
  /** A run that is {@link wakeable} goes on where it was. */
  wake(): void {
    this.ending = null;
    this.phase = this.#before;
  }

  #runGuest(instructions: number): void {
    const { port } = this.vm;
    const before = port.steps;
    const stop = port.runGuest(instructions);
    this.position += port.steps - before;
    if (stop.kind === "vm-exit") this.#arrive();
    else if (stop.kind === "halted") this.#halt(stop.interruptsEnabled);
    else if (stop.kind !== "budget-exhausted")
      throw new Error(`the machine stopped under the hypervisor: ${stop.kind}`);
  }

  /** A VM exit has happened. */
  #arrive(): void {
    const { port } = this.vm;
    const { vcpu } = this.vm.current;
    vcpu.leftAgain = false;
    port.cause = port.lastRecord;
    this.#exitCycle = port.cycles;
    this.exitReason = vcpu.exitReason = port.vmread32(EXIT_REASON) & BASIC_REASON;
    this.position++;
    this.exits++;
    this.#tally(vcpu.exitReason).count++;
    this.phase = "exit";
    const stuck = this.#watch.exit(vcpu.exitReason, port);
    if (stuck !== null) this.#end({ kind: "budget-exhausted", message: stuck });
  }

  // #region handle-exit
  /** One look into the table, one small function; what it returns decides where the vCPU goes. */
  #handleExit(): void {
    const { port } = this.vm;
    const { vcpu, events } = this.vm.current;
    this.position++;
    port.spend(handlerCycles(vcpu.exitReason));
    events.afterExit();
    const outcome = this.#callHandler(vcpu.exitReason);
    port.record(HANDLED, vcpu.exitReason, OUTCOMES.indexOf(outcome));
    if (this.vm.ending !== null) return this.#end(this.vm.ending);
    switch (outcome) {
      case "resume":
        return vcpu.leftAgain ? this.#arrive() : this.#enter();
      case "halt":
        this.vm.current.halt();
        this.phase = "waiting";
        return;
      case "power-off":
        return this.#end({ kind: "power-off", message: "The hypervisor powered the VM off." });
      case "shutdown":
        return this.#end(this.#shutdown());
    }
  }
  // #endregion

  #callHandler(reason: number): Outcome {
    const part = `the exit handler for ${exitReasonName(reason)}`;
    const handler = this.parts.exits[reason as ExitReasonNumber];
    if (handler === undefined)
      throw new PartFailure(part, "does not exist: the manual has no such exit reason");
    let outcome: unknown;
    try {
      outcome = handler(this.vm.current.vcpu);
    } catch (thrown) {
      throw new PartFailure(part, describeThrown(thrown));
    }
    if (OUTCOMES.includes(outcome as Outcome)) return outcome as Outcome;
    const allowed = OUTCOMES.map((name) => `"${name}"`).join(", ");
    throw new PartFailure(part, `returned ${describeValue(outcome)}; it may return ${allowed}`);
  }

  #shutdown(): VmEnding {
    const { vcpu } = this.vm.current;
    const message =
      vcpu.stopMessage ?? `The exit handler for ${exitReasonName(vcpu.exitReason)} shut the VM down.`;
    return { kind: vcpu.exitReason === TRIPLE_FAULT ? "triple-fault" : "part-error", message };
  }

  // #region enter-guest
  /**
   * Virtual devices catch up, a virtual CPU is chosen, an interrupt goes in, the physical timer is set for the next deadline;
   * then VM entry.
   */
  #enter(): void {
    const { port, board } = this.vm;
    board.fireDue();
    if (!this.#schedule()) {
      this.phase = "waiting";
      return;
    }
    const { current } = this.vm;
    current.events.beforeEntry();
    this.#armTimer();
    port.settle();
    if (!current.vcpu.enterable) {
      this.#chargeExit();
      this.phase = "interpreted";
      return;
    }
    const entered = port.enter(current.launched);
    this.#chargeExit();
    if (!entered) return this.#leftAtOnce();
    port.cause = port.lastRecord;
    current.launched = true;
    this.phase = "guest";
  }
  // #endregion

  /** One instruction of a guest that the processor cannot run, or the delivery of an event to it. */
  #interpret(): void {
    const { vcpu } = this.vm.current;
    this.position++;
    vcpu.leftAgain = false;
    vcpu.emulateInstruction();
    if (vcpu.leftAgain) this.#arrive();
    else this.#enter();
  }

  // #region wait-for-interrupt
  /** All virtual CPUs are halted: until an interrupt for one comes, the hypervisor waits for those of the machine. */
  #wait(): void {
    const { port, board, interrupts, processors } = this.vm;
    this.position++;
    board.fireDue();
    if (this.vm.runnable) return this.#enter();
    this.#armTimer();
    port.settle();
    const interruptible = processors.some((processor) => processor.interruptible);
    const vector = interruptible ? port.waitForInterrupt() : null;
    if (vector === null) return this.#halt(interruptible);
    interrupts.take(vector);
  }
  // #endregion

  /** False when no virtual CPU has anything to execute. */
  #schedule(): boolean {
    const { vm } = this;
    const before = vm.current;
    const over = vm.port.cycles >= this.#sliceEnd;
    if (!vm.schedule(over)) return false;
    if (over || vm.current !== before) this.#sliceEnd = vm.port.cycles + TIME_SLICE;
    return true;
  }

  /** For the next virtual deadline, or the end of the time slice when another virtual CPU waits for it. */
  #armTimer(): void {
    const { board, interrupts, start, contended } = this.vm;
    const deadline = board.clock.next();
    const next = Math.min(
      deadline === null ? Infinity : deadline + start,
      contended ? this.#sliceEnd : Infinity,
    );
    if (next !== Infinity) interrupts.timer.arm(next);
  }

  /** The entry ended in a VM exit: it failed in the guest state, or delivering the injected event made the guest exit. */
  #leftAtOnce(): void {
    const { port } = this.vm;
    if ((port.vmread32(EXIT_REASON) & EXIT_REASON_ENTRY_FAILURE) !== 0) {
      return this.#end({ kind: "entry-failure", message: explainFailedEntry(port) });
    }
    this.vm.current.launched = true;
    this.#arrive();
  }

  #tally(reason: number): ExitTally {
    let tally = this.tallies.get(reason);
    if (tally === undefined) this.tallies.set(reason, (tally = { count: 0, cycles: 0 }));
    return tally;
  }

  /** The exit's time ends with the entry. */
  #chargeExit(): void {
    if (this.exits > 0) this.#tally(this.exitReason).cycles += this.vm.port.cycles - this.#exitCycle;
  }

  #halt(interruptsEnabled: boolean): void {
    this.#interruptsEnabled = interruptsEnabled;
    this.#end({ kind: "halted", message: haltedForever(interruptsEnabled) });
  }

  #end(ending: VmEnding): void {
    this.ending = ending;
    this.#before = this.phase;
    this.phase = "ended";
  }

  #failure(error: unknown): VmEnding {
    if (error instanceof PartFailure)
      return { kind: "part-error", message: `${capitalised(error.message)}.` };
    if (error instanceof VmxError) {
      return { kind: "entry-failure", message: explainRefusedEntry(this.vm.port, error) };
    }
    return { kind: "part-error", message: `The hypervisor itself ${describeThrown(error)}.` };
  }
}

function haltedForever(interruptsEnabled: boolean): string {
  return interruptsEnabled
    ? "The guest is halted and nothing is set up to interrupt it."
    : "The guest is halted with interrupts disabled: nothing can wake it.";
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
