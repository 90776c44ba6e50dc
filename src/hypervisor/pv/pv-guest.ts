import * as C from "../../spec/control-bits.js";
import * as P from "../../spec/paravirtual.js";
import { GENERAL_PROTECTION, INVALID_OPCODE, PAGE_FAULT } from "../../spec/vectors.js";
import { exitReasonName } from "../../trace/names.js";
import { MONITOR_VECTOR } from "../../spec/monitor-reasons.js";
import type { VmEnding } from "../ending.js";
import type { DirectPaging } from "../memory/direct/direct-paging.js";
import { WITH_ERROR_CODE, type Monitor } from "../ring0/monitor.js";
import type { Ring0Port } from "../ring0/port.js";
import type { EventChannels } from "./event-channels.js";
import { isCanonical, type LinearMemory } from "./linear-memory.js";
import type { PvConsole } from "./pv-console.js";
import type { SharedInfo } from "./shared-info.js";
import { TrapTable } from "./trap-table.js";
import type { VirtualClock } from "./virtual-clock.js";
import { PvMsrs } from "./virtual-msrs.js";

/** Flags that an interrupt gate clears (SDM Vol. 3, 6.12.1.3). */
const CLEARED = BigInt(C.FLAG_TF | C.FLAG_NT | C.FLAG_RF | C.FLAG_VM);
const FLAG_IF = BigInt(C.FLAG_IF);
/** Flags that a program at ring 3 may have set on its own; of the rest of RFLAGS, IF is 1 and IOPL 0 for the processor. */
const GUEST_FLAGS = BigInt(
  C.FLAG_CF |
    C.FLAG_PF |
    C.FLAG_AF |
    C.FLAG_ZF |
    C.FLAG_SF |
    C.FLAG_TF |
    C.FLAG_DF |
    C.FLAG_OF |
    C.FLAG_RF |
    C.FLAG_AC |
    C.FLAG_ID,
);
const STACK_ALIGNMENT = 15n;
const SYSCALL_BYTES = 2n;

/** What a paravirtual guest consists of. */
export interface PvParts {
  port: Ring0Port;
  monitor: Monitor;
  paging: DirectPaging;
  linear: LinearMemory;
  shared: SharedInfo;
  events: EventChannels;
  clock: VirtualClock;
  console: PvConsole;
  root: number;
}

/**
 * A paravirtual guest: what its hypercalls work on, and how exceptions, system calls and events reach its kernel.
 *
 * The kernel is at ring 1, where Xen had it on 32-bit processors. On 64-bit ones Xen moved it to ring 3, with page tables of its
 * own and a switch of them in every system call: in 64-bit mode no segment limit keeps ring 1 from memory that is a supervisor's,
 * and Xen's own code and data are mapped in every address space. Of this monitor nothing is but the processor's tables, which are
 * read-only, and a stack that is empty while the guest runs; the rest is outside simulated memory. So ring 1 is safe here, and
 * system calls cost what Xen's did at first: the pages of ring 3 are kept apart from the kernel's by the U/S bit alone, and the
 * kernel goes to ring 3 by an IRETQ of its own.
 */
export class PvGuest implements PvParts {
  readonly port: Ring0Port;
  readonly monitor: Monitor;
  readonly paging: DirectPaging;
  readonly linear: LinearMemory;
  readonly shared: SharedInfo;
  readonly events: EventChannels;
  readonly clock: VirtualClock;
  readonly console: PvConsole;
  readonly traps = new TrapTable();
  readonly msrs: PvMsrs;
  /** RSP at ring 1 for what interrupts ring 3. */
  kernelStack = 0n;
  /** Where events are delivered; 0 for nowhere. */
  callback = 0n;
  /** Frame of the level-4 table in CR3, which is one use of it. */
  root: number;
  /** Set when the guest cannot go on, or wants not to. */
  ending: VmEnding | null = null;

  constructor(parts: PvParts) {
    this.port = parts.port;
    this.monitor = parts.monitor;
    this.paging = parts.paging;
    this.linear = parts.linear;
    this.shared = parts.shared;
    this.events = parts.events;
    this.clock = parts.clock;
    this.console = parts.console;
    this.root = parts.root;
    this.msrs = new PvMsrs(parts.port);
  }

  /** MOV to CR3. @returns 0 or an error */
  loadCr3(machine: bigint): number {
    const { paging } = this;
    const frame = paging.frameAt(machine);
    if (frame < 0) return P.ERROR_PERMISSION;
    if ((machine & 0xfffn) !== 0n) return P.ERROR_INVALID;
    const error = paging.useTable(frame, 4, true);
    if (error !== 0) return error;
    paging.dropTable(this.root);
    this.root = frame;
    this.port.writeCr(3, machine);
    paging.types.flushed();
    return 0;
  }

  /** An event can be delivered. */
  get eventDeliverable(): boolean {
    return this.shared.upcallPending && !this.shared.eventsMasked && this.callback !== 0n;
  }

  /** What the processor would deliver through an IDT goes to the handler that the guest has named. */
  deliverTrap(vector: number, errorCode = 0): void {
    const handler = this.traps.handler(vector);
    if (handler === undefined)
      return this.crash(`has no handler for ${exitReasonName(MONITOR_VECTOR + vector)}`);
    const masked = this.shared.eventsMasked;
    if (handler.masksEvents) this.shared.eventsMasked = true;
    this.#enterKernel(handler.address, masked, WITH_ERROR_CODE.has(vector) ? [BigInt(errorCode)] : []);
  }

  deliverEvent(): void {
    this.shared.eventsMasked = true;
    this.#enterKernel(this.callback, false, []);
  }

  /** An exception has arrived. INT n, INT3 and INTO of ring 3 meet gates of ring 0: the trap table says whether they may. */
  exception(vector: number): void {
    const { monitor } = this;
    if (vector === PAGE_FAULT) this.shared.cr2 = this.port.cr2;
    if (vector === GENERAL_PROTECTION && this.#softwareInterrupt()) return;
    this.deliverTrap(vector, monitor.errorCode);
  }

  /** The error code of a gate that may not be used names the vector, with bit 1 set (SDM Vol. 3, 6.13). */
  #softwareInterrupt(): boolean {
    const { monitor } = this;
    if ((monitor.errorCode & 7) !== 2) return false;
    const vector = monitor.errorCode >> 3;
    const handler = this.traps.handler(vector);
    if (handler === undefined || handler.ring < (monitor.cs & 3)) return false;
    const opcode = this.linear.read(monitor.rip, 1);
    if (opcode === null) return false;
    monitor.rip += opcode[0] === 0xcd ? 2n : 1n;
    this.deliverTrap(vector);
    return true;
  }

  /**
   * SYSCALL of ring 3 goes to the kernel, on its own stack and with a frame: SYSRET is the hypervisor's, IRETQ is not. SYSCALL does
   * not say which ring it comes from, so that of ring 1 is taken for one of ring 3; that is why hypercalls are INT n, whose gate
   * lets ring 1 in and no other.
   */
  systemCall(): void {
    const { monitor, msrs } = this;
    monitor.cs = P.USER_CODE;
    monitor.ss = P.USER_DATA;
    if ((msrs.efer & BigInt(C.EFER_SCE)) === 0n) {
      monitor.rip -= SYSCALL_BYTES;
      return this.deliverTrap(INVALID_OPCODE);
    }
    const masked = this.shared.eventsMasked;
    if ((msrs.flagMask & FLAG_IF) !== 0n) this.shared.eventsMasked = true;
    this.#enterKernel(msrs.entry, masked, []);
    monitor.rflags &= ~(msrs.flagMask & ~FLAG_IF);
  }

  /** Pushes SS, RSP, RFLAGS, CS, RIP and an error code onto the kernel's stack. @param masked - events were masked until now */
  #enterKernel(address: bigint, masked: boolean, errorCode: readonly bigint[]): void {
    const { monitor } = this;
    const flags = (monitor.rflags & ~FLAG_IF) | (masked ? 0n : FLAG_IF);
    const frame = [...errorCode, monitor.rip, BigInt(monitor.cs), flags, monitor.rsp, BigInt(monitor.ss)];
    const top = ((monitor.cs & 3) === 3 ? this.kernelStack : monitor.rsp) & ~STACK_ALIGNMENT;
    const stack = BigInt.asUintN(64, top - BigInt(8 * frame.length));
    if (!this.linear.write(stack, new Uint8Array(BigUint64Array.from(frame).buffer)))
      return this.crash(`has no kernel stack at 0x${stack.toString(16)} to take an exception or event on`);
    monitor.rip = address;
    monitor.cs = P.KERNEL_CODE;
    monitor.ss = P.KERNEL_DATA;
    monitor.rsp = stack;
    monitor.rflags &= ~CLEARED;
  }

  /** IRETQ and the event mask at once. @returns false where the frame cannot be read or what it says cannot be loaded */
  interruptReturn(): boolean {
    const { monitor } = this;
    const frame = this.linear.read(monitor.rsp, 48);
    if (frame === null) return false;
    const [rax, rip, cs, rflags, rsp, ss] = new BigUint64Array(frame.buffer);
    const toKernel = cs === BigInt(P.KERNEL_CODE) && ss === BigInt(P.KERNEL_DATA);
    const toUser = cs === BigInt(P.USER_CODE) && ss === BigInt(P.USER_DATA);
    if (!toKernel && !toUser) return false;
    this.port.writeRegister(0, rax);
    monitor.rip = rip;
    monitor.cs = Number(cs);
    monitor.rflags = (rflags & GUEST_FLAGS) | FLAG_IF | BigInt(C.FLAG_FIXED);
    monitor.rsp = rsp;
    monitor.ss = Number(ss);
    this.shared.eventsMasked = (rflags & FLAG_IF) === 0n;
    return true;
  }

  /** Before the guest goes on: an event that waits goes in, and RIP is one that the processor can load. */
  prepare(): void {
    if (!isCanonical(this.monitor.rip)) this.deliverTrap(GENERAL_PROTECTION);
    if (this.ending === null && this.eventDeliverable) this.deliverEvent();
  }

  /** The guest has done what leaves no way to go on: natively a triple fault. */
  crash(what: string): void {
    this.ending ??= {
      kind: "triple-fault",
      message: `The guest ${what}: at RIP 0x${this.monitor.rip.toString(16)} it could not go on.`,
    };
  }
}
