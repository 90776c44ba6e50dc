import type { GuestRegisters } from "../hypervisor/guest-cpu.js";
import type { Machine } from "../machine/machine.js";
import type { Ending, ExitCount, MachineView, TranslationsView } from "./view.js";

/**
 * A run in one of the CPU modes. Its progress is counted in steps: guest instructions, exceptions and interrupts that the
 * guest takes and, under a hypervisor, exits, handled exits and waits. A position names a state of the run exactly.
 */
export interface Run {
  readonly machine: Machine;
  readonly position: number;
  /** VM exits so far. */
  readonly exits: number;
  readonly phase: MachineView["phase"];
  readonly ending: Ending | null;
  /** The exit that waits for its handler, or null. */
  readonly pendingExit: number | null;
  /** The guest is halted and time passes until it is interrupted. */
  readonly waiting: boolean;
  readonly exitCounts: ExitCount[];
  /** The guest's registers, where they are neither the processor's nor a VMCS's; else null. */
  readonly guestRegisters: GuestRegisters | null;
  /** The translation cache, where there is one. */
  translations?(): TranslationsView | null;
  /** Goes on up to a position, or until an exit that `stopAt` names waits for its handler. */
  run(position: number, stopAt: (reason: number) => boolean): void;
  /** The run ended as "halted", and something typed at the guest's console would interrupt it. */
  readonly wakeable: boolean;
  /** A run that is {@link wakeable} goes on. */
  wake(): void;
}
