import { REGISTER_NAMES, type RegisterName } from "../spec/registers.js";
import type { Outcome } from "./outcome.js";

export { REGISTER_NAMES, type RegisterName };

/**
 * The guest's general-purpose registers. The 64-bit names are bigints 0 … 2^64 − 1; the 32-bit names are numbers
 * 0 … 2^32 − 1, and writing one clears the upper half, as a 32-bit instruction does. RSP lives in the VMCS
 * (GUEST_RSP), not here on real hardware: reading and writing it does a VMREAD or VMWRITE.
 */
export interface Registers extends Record<RegisterName, bigint> {
  eax: number;
  ebx: number;
  ecx: number;
  edx: number;
}

/** Four registers that CPUID fills; each 0 … 2^32 − 1. */
export interface CpuidRegisters {
  eax: number;
  ebx: number;
  ecx: number;
  edx: number;
}

/** An event for the guest (SDM 25.8.3). */
export interface Injection {
  /** 0–255. */
  vector: number;
  /** "interrupt" for an external interrupt, "exception" for a hardware exception. */
  type: "interrupt" | "exception";
  /** Pushed by vectors 8, 10–14 and 17; required there, refused elsewhere. */
  errorCode?: number;
}

/**
 * What an exit handler works on: one virtual CPU that has just left non-root operation. All values are plain data, so
 * that a handler can run in a realm of its own.
 */
export interface Vcpu {
  /** 0-based number within the VM. */
  readonly index: number;
  readonly registers: Registers;
  /** Basic exit reason (spec/exit-reasons). */
  readonly exitReason: number;
  /** Reads a field of the current VMCS (spec/vmcs-fields). A field the processor lacks throws a RangeError. */
  vmread(field: number): bigint;
  /** Writes a field of the current VMCS; a read-only or unknown field throws a RangeError. */
  vmwrite(field: number, value: bigint): void;
  /** Moves RIP behind the instruction that exited and ends a STI or MOV SS shadow. */
  advance(): void;
  /** Puts an event into the entry interruption information; it is delivered at the next VM entry. */
  inject(event: Injection): void;
  /** Executes CPUID on the hardware; what tells of the executing processor (its APIC ID, OSXSAVE) tells of this vCPU. */
  cpuid(leaf: number, subleaf: number): CpuidRegisters;
  /** Executes RDMSR on the hardware; undefined where that raises #GP. */
  rdmsr(index: number): bigint | undefined;
  /** A virtual MSR of this VM: what WRMSR stored and RDMSR returns; undefined for an MSR that the VM lacks. */
  readVirtualMsr(index: number): bigint | undefined;
  /** False for an MSR that the VM lacks or a value that it refuses: the guest gets #GP(0). */
  writeVirtualMsr(index: number, value: bigint): boolean;
  /** A port of the VM's own board (emulated devices); size 1, 2 or 4 bytes. */
  readPort(port: number, size: number): number;
  writePort(port: number, size: number, value: number): void;
}

/** Handles one exit. Small, synchronous, keyed by the manual's reason (SDM Vol. 3, Appendix C). */
export type ExitHandler = (vcpu: Vcpu) => Outcome;
