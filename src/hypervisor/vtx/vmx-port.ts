import type { Bus } from "../../machine/bus.js";
import { CR0_ET, CR0_NE, CR0_PE, CR0_PG, CR0_WP, CR4_PAE, CR4_VMXE } from "../../spec/control-bits.js";
import * as S from "../../spec/cpu-state.js";
import { EPT_POINTER, VM_INSTRUCTION_ERROR, VPID } from "../../spec/vmcs-fields.js";
import { HardwarePort } from "../port.js";
import { vmInstructionErrorWords, VmxError } from "../vmx-error.js";

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

/** What software at ring −1 can do beside: VMX instructions, and the emulation of an instruction. */
export class VmxPort extends HardwarePort {
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
