import { HANDLED } from "../spec/trace-records.js";
import type { VmEnding } from "./ending.js";
import type { GuestRegisters } from "./guest-cpu.js";
import { OUTCOMES } from "./outcome.js";
import { describeThrown, PartFailure } from "./part-failure.js";
import { ProgressWatch } from "./progress-watch.js";
import type { VirtualMachine } from "./vm.js";

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
  /** Reason of the last exit. */
  exitReason = 0;
  /** Cycle at which the current virtual CPU's time slice ends. */
  #sliceEnd = 0;
  /** Phase that the run ended in. */
  #before: LoopPhase = "entry";
  /** Of the guest that halted. */
  #interruptsEnabled = false;
  #exitCycle = 0;
  readonly #watch = new ProgressWatch();

  constructor(private readonly vm: VirtualMachine) {}

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

  /** The current virtual CPU's registers, where they are neither the processor's nor a VMCS's. */
  peek(): GuestRegisters | null {
    return this.vm.current.cpu.peek?.() ?? null;
  }

  #runGuest(instructions: number): void {
    const { port } = this.vm;
    const before = port.steps;
    const stop = port.runGuest(instructions);
    this.position += port.steps - before;
    // What brings a monitor in is a step of the processor itself; a VM exit is not.
    if (stop.kind === "monitor") this.#arrived();
    else if (stop.kind === "vm-exit") this.#arrive();
    else if (stop.kind === "halted") this.#halt(stop.interruptsEnabled);
    else if (stop.kind !== "budget-exhausted")
      throw new Error(`the machine stopped under the hypervisor: ${stop.kind}`);
  }

  /** The guest has left, which is a step. */
  #arrive(): void {
    this.position++;
    this.#arrived();
  }

  #arrived(): void {
    const { port } = this.vm;
    port.cause = port.lastRecord;
    this.#exitCycle = port.cycles;
    this.exitReason = this.vm.current.cpu.arrive();
    this.exits++;
    this.#tally(this.exitReason).count++;
    this.phase = "exit";
    const stuck = this.#watch.exit(this.exitReason, port);
    if (stuck !== null) this.#end({ kind: "budget-exhausted", message: stuck });
  }

  // #region handle-exit
  /** One look into a table by the reason, one small function; what it returns decides where the virtual CPU goes. */
  #handleExit(): void {
    const { port } = this.vm;
    const { cpu } = this.vm.current;
    this.position++;
    const outcome = cpu.handle();
    port.record(HANDLED, this.exitReason, OUTCOMES.indexOf(outcome));
    if (this.vm.ending !== null) return this.#end(this.vm.ending);
    switch (outcome) {
      case "resume":
        return cpu.leftAgain ? this.#arrive() : this.#enter();
      case "halt":
        this.vm.current.halt();
        this.phase = "waiting";
        return;
      case "power-off":
        return this.#end({ kind: "power-off", message: "The hypervisor powered the VM off." });
      case "shutdown":
        return this.#end(cpu.shutdown());
    }
  }
  // #endregion

  // #region enter-guest
  /**
   * Virtual devices catch up, a virtual CPU is chosen, an interrupt goes in, the physical timer is set for the next deadline;
   * then the guest is entered.
   */
  #enter(): void {
    const { port, board } = this.vm;
    board.fireDue();
    if (!this.#schedule()) {
      this.phase = "waiting";
      return;
    }
    const { cpu } = this.vm.current;
    cpu.beforeEntry();
    this.#armTimer();
    port.settle();
    if (cpu.interpreted === true) {
      this.#chargeExit();
      this.phase = "interpreted";
      return;
    }
    const entered = cpu.enter();
    this.#chargeExit();
    if (!entered) return this.#leftAtOnce();
    port.cause = port.lastRecord;
    this.phase = "guest";
  }
  // #endregion

  /** One instruction of a guest that the processor cannot run, or the delivery of an event to it. */
  #interpret(): void {
    const { cpu } = this.vm.current;
    this.position++;
    cpu.interpret!();
    if (cpu.leftAgain) this.#arrive();
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

  #leftAtOnce(): void {
    const failure = this.vm.current.cpu.entryFailure();
    if (failure !== null) this.#end(failure);
    else this.#arrive();
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
    return (
      this.vm.backend.explain(error) ?? {
        kind: "part-error",
        message: `The hypervisor itself ${describeThrown(error)}.`,
      }
    );
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
