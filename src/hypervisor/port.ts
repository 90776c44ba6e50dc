import type { Bus } from "../machine/bus.js";
import type { Machine, MachineStop } from "../machine/machine.js";
import type { PhysicalMemory } from "../machine/physical-memory.js";
import { CR0_ET, CR0_NE, CR0_PE, CR0_PG, CR0_WP, CR4_PAE, CR4_VMXE } from "../spec/control-bits.js";
import * as S from "../spec/cpu-state.js";
import { RECORD_A, RECORD_B } from "../spec/trace-records.js";
import { EPT_POINTER, VM_INSTRUCTION_ERROR, VPID } from "../spec/vmcs-fields.js";
import type { CpuidRegisters } from "./vcpu.js";
import { vmInstructionErrorWords, VmxError } from "./vmx-error.js";

const SUCCESS = 0;
const VM_FAIL_INVALID = 1;
const VM_FAIL_VALID = 2;
const ENTRY_FAILED_WITH_EXIT = 3;
const EXCEPTION = 0x100;

const INVEPT_SINGLE_CONTEXT = 1;
const INVVPID_ADDRESS = 0;
const INVVPID_SINGLE_CONTEXT = 1;
const INVVPID_ALL_CONTEXTS = 2;
const INVVPID_SINGLE_CONTEXT_BUT_GLOBAL = 3;

/** What the hypervisor keeps of a guest that has no EPT, for the instruction emulator. */
export interface EmulatedPaging {
  /** In the form of an EPT pointer: guest-physical memory, without permission to write. */
  map: bigint;
  cr0: number;
  cr3: bigint;
  cr4: number;
  efer: number;
  pdptes: readonly bigint[];
}

const hex = (value: number): string => `0x${value.toString(16)}`;

/**
 * What software at ring −1 can do to the machine, and all that this hypervisor does to it: read and write physical
 * memory and registers, execute instructions, use ports, wait for an interrupt.
 */
export class HardwarePort {
  readonly memory: PhysicalMemory;

  constructor(private readonly machine: Machine) {
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

  /** MOV to CR3, CR0 and CR4: paging on the hypervisor's own page tables, VMX allowed (SDM 24.7). */
  enterVmxReadyMode(cr3: number): void {
    const { processor } = this.machine;
    processor.write64(S.CR3, BigInt(cr3));
    processor.write64(S.CR0, BigInt((CR0_PG | CR0_PE | CR0_ET | CR0_NE | CR0_WP) >>> 0));
    processor.write64(S.CR4, BigInt(CR4_PAE | CR4_VMXE));
    processor.write32(S.MONITOR, 1);
    processor.core.stateChanged();
  }

  vmxon(region: number): void {
    this.#check(this.machine.processor.core.vmxon(region), `VMXON ${hex(region)}`);
  }
  vmclear(vmcs: number): void {
    this.#check(this.machine.processor.core.vmclear(vmcs), `VMCLEAR ${hex(vmcs)}`);
  }
  vmptrld(vmcs: number): void {
    this.#check(this.machine.processor.core.vmptrld(vmcs), `VMPTRLD ${hex(vmcs)}`);
  }
  /** @throws VmxError for a field that the processor lacks */
  vmread(field: number): bigint {
    const { processor } = this.machine;
    const result = processor.core.vmread(field);
    if (result !== SUCCESS) this.#check(result, `VMREAD of field ${hex(field)}`);
    return processor.read64(S.OPERAND);
  }
  /** The low 32 bits of a field. */
  vmread32(field: number): number {
    const { processor } = this.machine;
    const result = processor.core.vmread(field);
    if (result !== SUCCESS) this.#check(result, `VMREAD of field ${hex(field)}`);
    return processor.read32(S.OPERAND);
  }
  /** @throws VmxError for a field that the processor lacks or that is read-only */
  vmwrite(field: number, value: bigint): void {
    const { processor } = this.machine;
    processor.write64(S.OPERAND, value);
    const result = processor.core.vmwrite(field);
    if (result !== SUCCESS) this.#check(result, `VMWRITE of field ${hex(field)}`);
  }
  /**
   * VMLAUNCH, or VMRESUME of a launched VMCS.
   * @returns false when the entry ended in a VM exit: it failed in the guest state (SDM 27.8), or the delivery of the
   *   injected event exited
   * @throws VmxError when a control or the host state is refused
   */
  enter(launched: boolean): boolean {
    const { core } = this.machine.processor;
    const result = launched ? core.vmresume() : core.vmlaunch();
    if (result === ENTRY_FAILED_WITH_EXIT) return false;
    if (result !== SUCCESS) this.#check(result, launched ? "VMRESUME" : "VMLAUNCH");
    return true;
  }
  /**
   * Executes the guest's instruction at GUEST_RIP in software, or delivers the event that waits for VM entry: addresses without an
   * EPT mapping are looked up in `devices`, and so are those that `paging` does not map for the access.
   * @returns false when the instruction caused a VM exit
   */
  emulate(devices: Pick<Bus, "read" | "write">, paging: EmulatedPaging | null = null): boolean {
    const { processor } = this.machine;
    processor.write64(S.EMULATED_MAP, paging?.map ?? 0n);
    if (paging !== null) this.#handOver(paging);
    processor.emulated = devices;
    const result = processor.core.emulateInstruction();
    processor.emulated = null;
    if (result === ENTRY_FAILED_WITH_EXIT) return false;
    if (result !== SUCCESS) this.#check(result, "emulating an instruction");
    return true;
  }
  #handOver({ cr0, cr3, cr4, efer, pdptes }: EmulatedPaging): void {
    const { processor } = this.machine;
    processor.write64(S.EMULATED_CR0, BigInt(cr0));
    processor.write64(S.EMULATED_CR3, cr3);
    processor.write64(S.EMULATED_CR4, BigInt(cr4));
    processor.write64(S.EMULATED_EFER, BigInt(efer));
    pdptes.forEach((entry, i) => processor.write64(S.EMULATED_PDPTES + 8 * i, entry));
  }
  /** The rule that the last VM entry broke: a number of spec/entry-checks, 0 for none. */
  get entryCheck(): number {
    return this.machine.processor.read32(S.ENTRY_CHECK);
  }
  /** Drops guest-physical and combined translations of the current EPT pointer. */
  invept(): void {
    this.vmread(EPT_POINTER); // leaves it in OPERAND, INVEPT's descriptor
    this.#check(this.machine.processor.core.invept(INVEPT_SINGLE_CONTEXT), "INVEPT");
  }
  /** Drops linear and combined translations of the current VPID, those of global pages only if asked. */
  invvpid(butGlobal = false): void {
    this.#invvpid(
      butGlobal ? INVVPID_SINGLE_CONTEXT_BUT_GLOBAL : INVVPID_SINGLE_CONTEXT,
      this.vmread32(VPID),
    );
  }
  /** … of one linear address, which is canonical. */
  invvpidAddress(linear: bigint): void {
    const vpid = this.vmread32(VPID);
    this.machine.processor.write64(S.OPERAND, linear);
    this.#invvpid(INVVPID_ADDRESS, vpid);
  }
  /** … of all VPIDs. */
  invvpidAll(): void {
    this.#invvpid(INVVPID_ALL_CONTEXTS, 0);
  }
  #invvpid(type: number, vpid: number): void {
    this.#check(this.machine.processor.core.invvpid(type, vpid), "INVVPID");
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

  /** The hypervisor's own instructions take time. */
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

  #check(result: number, instruction: string): void {
    if (result === SUCCESS) return;
    if (result === VM_FAIL_VALID) {
      const number = this.vmread32(VM_INSTRUCTION_ERROR);
      throw new VmxError(
        instruction,
        number,
        `VM-instruction error ${number}, ${vmInstructionErrorWords(number)}`,
      );
    }
    if (result === VM_FAIL_INVALID)
      throw new VmxError(instruction, 0, "there is no current VMCS, or the address is invalid");
    throw new VmxError(instruction, 0, `it raised exception ${result & ~EXCEPTION}`);
  }
}
