import type { Machine, MachineStop } from "../machine/machine.js";
import type { PhysicalMemory } from "../machine/physical-memory.js";
import * as S from "../spec/cpu-state.js";
import { RECORD_A, RECORD_B } from "../spec/trace-records.js";
import type { CpuidRegisters } from "./vcpu.js";

/** The instruction raised no exception. */
const SUCCESS = 0;

/**
 * What privileged software can do to the machine, and all that this hypervisor does to it: read and write physical
 * memory and registers, execute instructions, use ports, wait for an interrupt. What it can do at ring −1 or at ring 0
 * alone is in the ports of the two.
 */
export class HardwarePort {
  readonly memory: PhysicalMemory;

  constructor(protected readonly machine: Machine) {
    this.memory = machine.memory;
  }

  /** Cycles since reset: RDTSC. */
  get cycles(): number {
    return this.machine.processor.cycles;
  }
  /** Cycles per second of the time-stamp counter. */
  get frequency(): number {
    return this.machine.clock.frequency;
  }

  cpuid(leaf: number, subleaf: number): CpuidRegisters {
    const { processor } = this.machine;
    processor.core.cpuid(leaf, subleaf);
    const [eax, ebx, ecx, edx] = [0, 4, 8, 12].map((at) => processor.read32(S.CPUID_RESULT + at));
    return { eax, ebx, ecx, edx };
  }
  /** MOV from and to CR2. */
  get cr2(): bigint {
    return this.machine.processor.read64(S.CR2);
  }
  set cr2(value: bigint) {
    this.machine.processor.write64(S.CR2, value);
  }
  /** MOV from and to DR0–DR3. */
  get debugAddresses(): readonly bigint[] {
    return [0, 1, 2, 3].map((number) => this.machine.processor.read64(S.DR + 8 * number));
  }
  set debugAddresses(values: readonly bigint[]) {
    values.forEach((value, number) => this.machine.processor.write64(S.DR + 8 * number, value));
  }
  /** XGETBV and XSAVE of everything: x87, SSE and XCR0. */
  saveExtendedState(): Uint8Array {
    const { buffer } = this.machine.processor.view;
    return new Uint8Array(buffer, S.X87_CONTROL, S.EXTENDED_STATE_END - S.X87_CONTROL).slice();
  }
  /** XSETBV and XRSTOR of what {@link saveExtendedState} gave. */
  restoreExtendedState(state: Uint8Array): void {
    new Uint8Array(this.machine.processor.view.buffer).set(state, S.X87_CONTROL);
  }
  /** XSETBV of XCR0 with a value that the processor supports. */
  xsetbv(xcr0: bigint): void {
    this.machine.processor.write64(S.XCR0, xcr0);
  }
  /** Undefined where RDMSR raises #GP. */
  rdmsr(index: number): bigint | undefined {
    const { processor } = this.machine;
    return processor.core.rdmsr(index) === SUCCESS ? processor.read64(S.OPERAND) : undefined;
  }
  /** False where WRMSR raises #GP. */
  wrmsr(index: number, value: bigint): boolean {
    const { processor } = this.machine;
    processor.write64(S.OPERAND, value);
    return processor.core.wrmsr(index) === SUCCESS;
  }

  /** A general-purpose register by its number in encodings: at a VM exit they still hold the guest's values. */
  readRegister(number: number): bigint {
    return this.machine.processor.read64(S.GPR + 8 * number);
  }
  readRegister32(number: number): number {
    return this.machine.processor.read32(S.GPR + 8 * number);
  }
  writeRegister(number: number, value: bigint): void {
    this.machine.processor.write64(S.GPR + 8 * number, value);
  }
  /** Clears the upper half, as a 32-bit MOV does. */
  writeRegister32(number: number, value: number): void {
    const { processor } = this.machine;
    processor.write32(S.GPR + 8 * number, value);
    processor.write32(S.GPR + 8 * number + 4, 0);
  }

  /** IN from the physical board. */
  readPort(port: number, size: number): number {
    this.spend(this.machine.preset.costs.port);
    return this.machine.ports.read(port, size);
  }
  /** OUT to the physical board. */
  writePort(port: number, size: number, value: number): void {
    this.spend(this.machine.preset.costs.port);
    this.machine.ports.write(port, size, value);
  }
  /** STI; HLT: time passes until an interrupt. @returns its vector, or null when none will ever come */
  waitForInterrupt(): number | null {
    return this.machine.waitForInterrupt();
  }

  /** The hypervisor's own code takes time: cycles of Skylake's, on this processor. */
  work(cycles: number): void {
    this.spend(Math.round(cycles * this.machine.preset.pace));
  }
  /** Time passes: cycles. */
  spend(cycles: number): void {
    const { processor } = this.machine;
    processor.setCount(S.CYCLES, processor.cycles + cycles);
  }
  /** Lets the board see the time that was spent. */
  settle(): void {
    this.machine.fireDue();
  }

  /** Runs the guest until it exits or has made so many steps: instructions retired and events taken. */
  runGuest(maxSteps: number): MachineStop {
    return this.machine.run({ maxSteps });
  }
  /** Instructions retired since reset, none of them the hypervisor's. */
  get instructions(): number {
    return this.machine.processor.instructions;
  }
  /** Steps since reset; see {@link runGuest}. */
  get steps(): number {
    return this.machine.processor.steps;
  }

  /** Appends a record to the trace when records of its kind are written. */
  record(kind: number, a: number, b: number): void {
    const { processor } = this.machine;
    if ((processor.read32(S.TRACE_MASK) & (1 << kind)) === 0) return;
    const at = processor.core.traceAppend(kind);
    processor.setCount(at + RECORD_A, a);
    processor.setCount(at + RECORD_B, b);
  }
  /** Sequence number of the newest trace record. */
  get lastRecord(): number {
    return (this.machine.processor.read32(S.TRACE_COUNT) - 1) >>> 0;
  }
  /** Names the record that causes all that follows. */
  set cause(record: number) {
    this.machine.processor.write32(S.TRACE_CAUSE, record);
  }
}
