import type { CpuidRegisters } from "../vcpu.js";
import type { VmResources } from "../cpu-backend.js";
import type { Ring0Port } from "../ring0/port.js";
import type { Event } from "./event.js";
import type { Descriptors } from "./descriptors.js";
import type { Emulation } from "./emulation.js";
import type { Fault } from "./fault.js";
import type { GuestLinear } from "./guest-linear.js";
import type { ProcessorState, Segment } from "./processor-state.js";

/** The virtual CPU as those see it that do something in the guest's place. */
export interface BtCpu {
  readonly index: number;
  readonly state: ProcessorState;
  readonly memory: GuestLinear;
  readonly descriptors: Descriptors;
  readonly msrs: { read(index: number): bigint | undefined; write(index: number, value: bigint): boolean };
  readonly port: Ring0Port;
  readonly board: VmResources["board"];
  /** Guest address of the instruction that comes next, or is being handled; exact once {@link settle} was called. */
  rip: number;
  /** Of a call-out: the address behind its instruction. */
  next: number;
  /** The guest's flags, IF and IOPL its own. */
  rflags: bigint;
  rsp: bigint;
  /** STI or MOV SS holds interrupts off for one more instruction. */
  shadow: boolean;
  nmiBlocked: boolean;
  /** The guest has executed HLT. */
  halted: boolean;
  taskPriority: number;
  readRegister(number: number): bigint;
  writeRegister(number: number, value: bigint): void;
  /** The stack pointer moved by some bytes, as wide as the stack is. */
  stackPointer(offset: bigint): bigint;
  /** Linear address of what is so many bytes from the top of the stack. */
  stackLinear(offset: bigint): bigint;
  /** Of ES, DS, FS or GS. */
  segmentBase(index: number): bigint;
  readonly gsBase: bigint;
  /** False: not canonical. */
  setGsBase(value: bigint): boolean;
  /** As the guest sees it: CS and SS have the RPL that its kernel believes in. */
  selector(index: number): number;
  /** MOV to ES, DS, FS or GS. */
  loadData(index: number, selector: number): Fault | null;
  /** The guest's local descriptor table has so many bytes. */
  loadLocalTable(bytes: number): void;
  setCr2(value: bigint): void;
  readPhysical64(address: number): bigint;
  /** OUT to the VM's board. */
  writePort(port: number, size: number, value: number): void;
  cpuid(leaf: number, subleaf: number): CpuidRegisters;
  /** CR0, CR3 or CR4 of the guest have changed: what translated code reads, and what the processor obeys. */
  controlsChanged(): void;
  /** Linear addresses of the guest mean something else. @param globalToo - translations of global pages go as well */
  pagingChanged(globalToo: boolean): void;
  /** INVLPG. */
  invalidatePage(linear: bigint): void;
  /** Another code or stack segment, or ring. */
  setCode(cs: Segment, ss: Segment, level: number): void;
  /** The guest goes on at an address of its code segment. */
  goTo(rip: number): void;
  /** Puts the guest's registers and RIP where they were before the instruction that translated code is at, or after the last. */
  settle(): void;
  /** Delivers an event to the guest. */
  inject(event: Event): void;
  /** Has the guest's next instruction carried out in software. */
  emulate(emulation: Emulation): void;
  /** The guest does something that this hypervisor does not virtualise: the VM ends. */
  refuse(what: string): null;
  /** The guest's processor has shut down. */
  shutDown(): void;
}
