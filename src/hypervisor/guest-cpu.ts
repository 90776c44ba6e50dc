import type { StartState } from "../machine/start-state.js";
import type { VmEnding } from "./ending.js";
import type { Outcome } from "./outcome.js";

/** What a guest would find in its registers, of those that its hypervisor keeps for it. */
export interface GuestRegisters {
  /** In encoding order. */
  general: readonly bigint[];
  rip: bigint;
  rflags: bigint;
  cr0: bigint;
  cr2: bigint;
  cr3: bigint;
  cr4: bigint;
  cr8: bigint;
  efer: bigint;
  /** ES, CS, SS, DS, FS, GS, LDTR, TR; access rights in the VMX format. */
  segments: readonly { selector: number; base: bigint; limit: number; rights: number }[];
}

/**
 * One virtual CPU as the run loop drives it, whatever it is that keeps the guest and its hypervisor apart: VT-x, or a
 * monitor at ring 0. Only {@link load} and the queries may be called while another one is in the processor.
 */
export interface GuestCpu {
  /** 0-based number within the VM. */
  readonly index: number;
  /** The processor leaves this virtual CPU for another one: what stays in it is kept. */
  save(): void;
  /** What was kept is put into the processor: this virtual CPU is the current one. */
  load(): void;
  /** Puts it where a loader or a start-up message leaves it. */
  begin(state: StartState): void;

  /** The processor would not take it as it is: instead of an entry, {@link interpret} carries out its next instruction. */
  readonly interpreted?: boolean;
  /** One instruction, or the delivery of an event, in software; {@link leftAgain} tells whether the guest has left over it. */
  interpret?(): void;

  /** Just before the entry: a waiting event that the guest can take goes in. */
  beforeEntry(): void;
  /** @returns false when it has left again before its first instruction, or could not be entered at all */
  enter(): boolean;
  /** Why it could not be entered; null: it has left. */
  entryFailure(): VmEnding | null;
  /** The guest has left: why. A number that trace/names has a name for. */
  arrive(): number;
  /**
   * What the guest left for is done for it. An event whose delivery was broken off is delivered again.
   * @throws PartFailure when a part of the kit did what it may not do
   */
  handle(): Outcome;
  /** Handling made the guest leave for another reason, which is to be asked for. */
  readonly leftAgain: boolean;
  /** The ending of a guest that was shut down. */
  shutdown(): VmEnding;

  /** The guest's registers where neither the processor nor a VMCS has them; looking changes nothing. */
  peek?(): GuestRegisters;

  /** RFLAGS.IF of a guest that has executed HLT. */
  readonly interruptsEnabled: boolean;
  /** An interrupt waits for it. */
  readonly interruptWaiting: boolean;
}
