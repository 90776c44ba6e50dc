import type { Machine, MachineStop } from "../machine/machine.js";
import type { StartState } from "../machine/start-state.js";
import { debugExit, endingOf } from "./ending.js";
import type { Run } from "./run.js";
import type { Ending, ExitCount, MachineView } from "./view.js";

/** A guest on the bare machine: the baseline of every comparison. */
export class NativeRun implements Run {
  readonly exits = 0;
  readonly pendingExit = null;
  readonly waiting = false;
  readonly exitCounts: ExitCount[] = [];
  readonly guestRegisters = null;
  ending: Ending | null = null;
  #interruptsEnabled = false;

  constructor(
    readonly machine: Machine,
    image: StartState,
  ) {
    machine.load(image);
  }

  get position(): number {
    return this.machine.processor.steps;
  }
  get phase(): MachineView["phase"] {
    if (this.ending) return "ended";
    return this.position === 0 ? "ready" : "guest";
  }

  run(position: number): void {
    if (this.ending !== null) return;
    const stop = this.machine.run({ maxSteps: position - this.position });
    this.#interruptsEnabled = stop.kind === "halted" && stop.interruptsEnabled;
    this.ending = endingOfStop(stop);
  }

  get wakeable(): boolean {
    return this.ending?.kind === "halted" && this.#interruptsEnabled && this.machine.terminal.wakes;
  }

  wake(): void {
    this.ending = null;
  }
}

function endingOfStop(stop: MachineStop): Ending | null {
  switch (stop.kind) {
    case "budget-exhausted":
    case "requested":
      return null;
    case "power-off":
      return endingOf("power-off", "The guest powered the machine off.");
    case "reset":
      return endingOf("reset", "The guest reset the machine.");
    case "debug-exit":
      return debugExit(stop.status);
    case "halted":
      return endingOf("halted", haltedWords(stop.interruptsEnabled));
    case "triple-fault":
      return endingOf(
        "triple-fault",
        "The processor shut down: an exception could not be delivered, nor the double fault after it.",
      );
    case "vm-exit":
    case "monitor":
      throw new Error("the guest left for a hypervisor that there is not");
  }
}

function haltedWords(interruptsEnabled: boolean): string {
  return interruptsEnabled
    ? "The guest is halted and nothing is set up to interrupt it."
    : "The guest is halted with interrupts disabled: nothing can wake it.";
}
