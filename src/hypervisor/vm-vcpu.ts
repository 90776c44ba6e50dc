import type { GuestMemory } from "./memory/guest-memory.js";
import type { MemoryVirtualizer } from "./memory/memory-virtualizer.js";
import type { Outcome } from "./outcome.js";
import type { Vcpu } from "./vcpu.js";
import type { ShadowRegisters } from "./vtx/shadow-registers.js";

/** What the hypervisor's own exit handlers use beyond the neutral {@link Vcpu}: the VM that the vCPU belongs to. */
export interface VmVcpu extends Vcpu {
  readonly memory: MemoryVirtualizer;
  readonly guestMemory: GuestMemory;
  /** The guest's paging registers where the hypervisor translates for it (shadow paging), else null: they are in the VMCS. */
  readonly paging: ShadowRegisters | null;
  /**
   * What the guest's own page tables make of a linear address as they are now: its guest-physical one, whatever they permit;
   * undefined where there is none.
   */
  translation(): (linear: bigint) => number | undefined;
  /** CR2, which VM exits and entries leave alone. */
  cr2: bigint;
  /** CR8: the task priority of the virtual local APIC. */
  taskPriority: number;
  /** Reads a field of at most 32 bits. */
  vmread32(field: number): number;
  /** Takes an interrupt of the physical machine, acknowledged by the VM exit that it caused. */
  physicalInterrupt(vector: number): void;
  /** Drops the translations cached for this virtual CPU (INVVPID), of one linear address if given. */
  flushTranslations(linear?: bigint): void;
  /** XSETBV of XCR0 with a value that the processor takes. */
  enableExtendedState(xcr0: bigint): void;
  /** Executes the guest's instruction in software, with the VM's devices where it has no memory. */
  emulateInstruction(): void;
  /** Ends the VM, with the reason in words. */
  stop(message: string): Outcome;
  /** The guest's processor shuts down: an exception came while a double fault was delivered. */
  tripleFault(): Outcome;
}

/** An exit handler of the hypervisor itself. An {@link vcpu!ExitHandler} is one too: it asks for less. */
export type VmExitHandler = (vcpu: VmVcpu) => Outcome;
