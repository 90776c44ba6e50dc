import { CR4_OSXSAVE, FLAG_TF } from "../../spec/control-bits.js";
import * as F from "../../spec/vmcs-fields.js";
import { BLOCKING_BY_MOV_SS, BLOCKING_BY_STI } from "../../spec/vmx-controls.js";
import { EMULATION_CYCLES } from "../costs.js";
import type { LocalInterrupts } from "../../machine/peripherals.js";
import type { VirtualPins } from "../io/virtual-pins.js";
import type { VirtualBoard } from "../io/board.js";
import type { PhysicalInterrupts } from "../io/physical-interrupts.js";
import type { GuestMemory } from "../memory/guest-memory.js";
import type { MemoryVirtualizer } from "../memory/memory-virtualizer.js";
import type { Outcome } from "../outcome.js";
import type { VmxPort } from "./vmx-port.js";
import type { CpuidRegisters, Injection, Registers } from "../vcpu.js";
import type { VmVcpu } from "../vm-vcpu.js";
import { VmxError } from "../vmx-error.js";
import { TRIPLE_FAULT } from "../../spec/exit-reasons.js";
import type { StartState } from "../../machine/start-state.js";
import { GuestPhysicalBus } from "../io/guest-physical-bus.js";
import { FOUND, GuestWalk, guestMode, type GuestPaging } from "../memory/guest-walk.js";
import type { EventDelivery } from "./event-delivery.js";
import { tripleFault } from "./exits/refused.js";
import { writeGuestRegisters, writeGuestState } from "./guest-state.js";
import type { ShadowRegisters } from "./shadow-registers.js";
import { guestRegisters } from "./registers.js";
import { virtualTopology } from "./topology.js";
import type { VirtualMsrs } from "./virtual-msrs.js";

const CS_LONG = 1 << 13;
const LEAF_FEATURES = 1;
/** CPUID.1:ECX mirrors CR4.OSXSAVE. */
const ECX_OSXSAVE = 1 << 27;
/** Pending debug exception BS: a single step ends with the instruction (SDM 25.4.2, table 25-4). */
const PENDING_SINGLE_STEP = 1n << 14n;

/** What a vCPU is wired to. */
export interface VcpuParts {
  port: VmxPort;
  board: VirtualBoard;
  interrupts: PhysicalInterrupts;
  local: LocalInterrupts;
  pins: VirtualPins;
  memory: MemoryVirtualizer;
  guestMemory: GuestMemory;
  msrs: VirtualMsrs;
  events: EventDelivery;
  paging: ShadowRegisters | null;
}

/** A virtual CPU under VT-x: the current VMCS and the registers that a VM exit leaves in the processor. */
export class VtxVcpu implements VmVcpu {
  readonly registers: Registers;
  readonly memory: MemoryVirtualizer;
  readonly guestMemory: GuestMemory;
  readonly paging: ShadowRegisters | null;
  /** Set by the run loop at each exit. */
  exitReason = 0;
  /** The instruction that a handler emulated caused a VM exit of its own. */
  leftAgain = false;
  /** Why a handler stopped the VM. */
  stopMessage: string | null = null;
  readonly #parts: VcpuParts;
  readonly #physical: GuestPhysicalBus;
  readonly #walk: GuestWalk;

  constructor(
    readonly index: number,
    parts: VcpuParts,
  ) {
    this.#parts = parts;
    this.registers = guestRegisters(parts.port);
    this.memory = parts.memory;
    this.guestMemory = parts.guestMemory;
    this.paging = parts.paging;
    this.#physical = new GuestPhysicalBus(parts.guestMemory, parts.local.memory);
    this.#walk = new GuestWalk(parts.port.memory, parts.guestMemory.base, parts.guestMemory.size);
  }

  /** What a boot loader, or a start-up message, leaves behind; its VMCS is current. */
  begin(state: StartState): void {
    const { port } = this.#parts;
    writeGuestState(port, state);
    writeGuestRegisters(port, state);
    this.paging?.begin();
  }

  translation(): (linear: bigint) => number | undefined {
    const registers = this.paging === null ? this.#pagingRegisters() : this.paging.paging;
    const bits = guestMode(registers) === "4-level" ? 48 : 32;
    return (linear) => {
      const found = this.#walk.walk(registers, Number(BigInt.asUintN(bits, linear)));
      return found === FOUND ? this.#walk.physical : undefined;
    };
  }
  #pagingRegisters(): GuestPaging {
    const { port } = this.#parts;
    const paging: GuestPaging = {
      cr0: port.vmread32(F.GUEST_CR0),
      cr3: port.vmread(F.GUEST_CR3),
      cr4: port.vmread32(F.GUEST_CR4),
      efer: port.vmread32(F.GUEST_IA32_EFER),
    };
    if (guestMode(paging) !== "pae") return paging;
    return { ...paging, pdptes: [0, 1, 2, 3].map((i) => port.vmread(F.GUEST_PDPTE0 + 2 * i)) };
  }
  get cr2(): bigint {
    return this.#parts.port.cr2;
  }
  set cr2(value: bigint) {
    this.#parts.port.cr2 = value;
  }

  get taskPriority(): number {
    return this.#parts.pins.taskPriority;
  }
  set taskPriority(value: number) {
    const { pins, local } = this.#parts;
    pins.taskPriority = value;
    local.apic.taskPriorityChanged(value);
  }

  vmread(field: number): bigint {
    return withRangeError(() => this.#parts.port.vmread(fieldNumber(field)));
  }
  vmread32(field: number): number {
    return withRangeError(() => this.#parts.port.vmread32(fieldNumber(field)));
  }
  vmwrite(field: number, value: bigint): void {
    if (typeof value !== "bigint") throw new TypeError(`vmwrite: expected a bigint, got ${typeof value}`);
    withRangeError(() => this.#parts.port.vmwrite(fieldNumber(field), value));
  }

  // #region vcpu-advance
  /** The instruction has been carried out for the guest: what the processor does at its end is done here. */
  advance(): void {
    const { port } = this.#parts;
    let rip = port.vmread(F.GUEST_RIP) + port.vmread(F.EXIT_INSTRUCTION_LENGTH);
    if (rip >> 32n !== 0n && (port.vmread32(F.GUEST_CS_ACCESS_RIGHTS) & CS_LONG) === 0) rip &= 0xffff_ffffn;
    port.vmwrite(F.GUEST_RIP, rip);
    const interruptibility = port.vmread32(F.GUEST_INTERRUPTIBILITY_STATE);
    const shadow = BLOCKING_BY_STI | BLOCKING_BY_MOV_SS;
    if ((interruptibility & shadow) !== 0) {
      port.vmwrite(F.GUEST_INTERRUPTIBILITY_STATE, BigInt(interruptibility & ~shadow));
    }
    if ((port.vmread32(F.GUEST_RFLAGS) & FLAG_TF) !== 0) {
      port.vmwrite(F.GUEST_PENDING_DEBUG_EXCEPTIONS, PENDING_SINGLE_STEP);
    }
  }
  // #endregion

  inject(event: Injection): void {
    this.#parts.events.inject(event);
  }
  cpuid(leaf: number, subleaf: number): CpuidRegisters {
    const { port, board } = this.#parts;
    const answer = port.cpuid(leaf, subleaf);
    if (leaf === LEAF_FEATURES) {
      const enabled = (port.vmread32(F.GUEST_CR4) & CR4_OSXSAVE) !== 0;
      answer.ecx = ((answer.ecx & ~ECX_OSXSAVE) | (enabled ? ECX_OSXSAVE : 0)) >>> 0;
    }
    return virtualTopology(answer, leaf, subleaf, { id: this.index, processors: board.processors });
  }
  rdmsr(index: number): bigint | undefined {
    return this.#parts.port.rdmsr(index);
  }
  readVirtualMsr(index: number): bigint | undefined {
    return this.#parts.msrs.read(index);
  }
  writeVirtualMsr(index: number, value: bigint): boolean {
    if (typeof value !== "bigint")
      throw new TypeError(`writeVirtualMsr: expected a bigint, got ${typeof value}`);
    return this.#parts.msrs.write(index, BigInt.asUintN(64, value));
  }
  readPort(port: number, size: number): number {
    checkPort(port, size);
    return this.#parts.board.ports.read(port, size);
  }
  writePort(port: number, size: number, value: number): void {
    checkPort(port, size);
    this.#parts.board.ports.write(port, size, value);
  }

  physicalInterrupt(vector: number): void {
    this.#parts.interrupts.take(vector);
  }
  flushTranslations(linear?: bigint): void {
    const { port } = this.#parts;
    if (linear === undefined) port.invvpid();
    else port.invvpidAddress(linear);
  }
  enableExtendedState(xcr0: bigint): void {
    this.#parts.port.xsetbv(xcr0);
  }
  emulateInstruction(): void {
    const { port, local, memory, guestMemory } = this.#parts;
    const { paging } = this;
    if (paging === null) {
      this.leftAgain = !port.emulate(local.memory);
      return;
    }
    port.work(EMULATION_CYCLES);
    const own = { map: memory.eptPointer, ...paging.emulation };
    this.leftAgain = !guestMemory.tellAfter(() => port.emulate(this.#physical, own));
    if (this.leftAgain) paging.restore();
  }
  /** The processor can run the guest's code as it stands; else the hypervisor interprets it. */
  get enterable(): boolean {
    return this.paging?.enterable ?? true;
  }
  stop(message: string): Outcome {
    this.stopMessage = message;
    return "shutdown";
  }
  tripleFault(): Outcome {
    this.exitReason = TRIPLE_FAULT;
    return tripleFault(this);
  }
}

function fieldNumber(field: number): number {
  if (!Number.isInteger(field))
    throw new RangeError(`VMCS field ${String(field)}: expected a number of spec/vmcs-fields`);
  return field;
}

function checkPort(port: number, size: number): void {
  if (!Number.isInteger(port) || port < 0 || port > 0xffff)
    throw new RangeError(`port ${String(port)}: expected 0–0xffff`);
  if (size !== 1 && size !== 2 && size !== 4)
    throw new RangeError(`port access of ${String(size)} bytes: expected 1, 2 or 4`);
}

/** A VMX instruction that failed is an argument out of range to a handler. */
function withRangeError<T>(instruction: () => T): T {
  try {
    return instruction();
  } catch (error) {
    if (error instanceof VmxError) throw new RangeError(error.message, { cause: error });
    throw error;
  }
}
