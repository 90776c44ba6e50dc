import type { CpuBackend } from "../hypervisor/cpu-backend.js";
import type { GuestRegisters } from "../hypervisor/guest-cpu.js";
import type { VmEnding } from "../hypervisor/ending.js";
import { describeThrown } from "../hypervisor/part-failure.js";
import { RunLoop } from "../hypervisor/run-loop.js";
import { VirtualMachine } from "../hypervisor/vm.js";
import type { Machine } from "../machine/machine.js";
import type { StartState } from "../machine/start-state.js";
import { exitReasonName } from "../trace/names.js";
import { debugExit, endingOf } from "./ending.js";
import type { Run } from "./run.js";
import type { Ending, ExitCount, MachineView } from "./view.js";

export interface VmRunOptions {
  image: StartState;
  /** RAM of the guest. */
  guestBytes: number;
  processors?: number;
}

/** A guest in a virtual machine. */
export class VmRun implements Run {
  readonly #loop: RunLoop | null;
  /** Why there is no VM to run. */
  readonly #stillborn: Ending | null = null;

  /** @param backend - makes what runs the virtual CPUs; may throw */
  constructor(
    readonly machine: Machine,
    backend: (machine: Machine) => CpuBackend,
    options: VmRunOptions,
  ) {
    let loop: RunLoop | null = null;
    try {
      loop = new RunLoop(new VirtualMachine({ backend: backend(machine), ...options }));
    } catch (error) {
      this.#stillborn = endingOf("part-error", `Setting up the VM ${describeThrown(error)}.`);
    }
    this.#loop = loop;
  }

  get position(): number {
    return this.#loop?.position ?? 0;
  }
  get exits(): number {
    return this.#loop?.exits ?? 0;
  }
  get phase(): MachineView["phase"] {
    const phase = this.#loop?.phase ?? "ended";
    if (phase === "entry") return "ready";
    if (phase === "exit") return "hypervisor";
    return phase === "waiting" || phase === "interpreted" ? "guest" : phase;
  }
  get waiting(): boolean {
    return this.#loop?.phase === "waiting";
  }
  get pendingExit(): number | null {
    return this.#loop?.phase === "exit" ? this.#loop.exitReason : null;
  }
  get ending(): Ending | null {
    return this.#loop?.ending ? endingOfVm(this.#loop.ending) : this.#stillborn;
  }
  get exitCounts(): ExitCount[] {
    return [...(this.#loop?.tallies ?? [])]
      .map(([reason, { count, cycles }]) => ({ reason, name: exitReasonName(reason), count, cycles }))
      .sort((x, y) => x.reason - y.reason);
  }

  get guestRegisters(): GuestRegisters | null {
    return this.#loop?.peek() ?? null;
  }

  run(position: number, stopAt: (reason: number) => boolean): void {
    this.#loop?.run(position, stopAt);
  }

  get wakeable(): boolean {
    return this.#loop?.wakeable ?? false;
  }
  wake(): void {
    this.#loop?.wake();
  }
}

function endingOfVm(ending: VmEnding): Ending {
  return ending.kind === "debug-exit" ? debugExit(ending.status ?? 1) : endingOf(ending.kind, ending.message);
}
