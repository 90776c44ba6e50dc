import type { StartState } from "../../machine/start-state.js";
import { KERNEL_CODE, KERNEL_DATA, HYPERCALL_VECTOR } from "../../spec/paravirtual.js";
import { FLAG_FIXED, FLAG_IF } from "../../spec/control-bits.js";
import {
  MONITOR_HYPERCALL,
  MONITOR_SYSCALL,
  MONITOR_UNKNOWN_HYPERCALL,
  MONITOR_VECTOR,
} from "../../spec/monitor-reasons.js";
import { ERROR_NO_SUCH_CALL } from "../../spec/paravirtual.js";
import { REGISTER_NAMES } from "../../spec/registers.js";
import { BOUNCE_CYCLES, HYPERCALL_CYCLES } from "../costs.js";
import type { VmEnding } from "../ending.js";
import { callHandler } from "../exit-handlers.js";
import type { GuestCpu, GuestRegisters } from "../guest-cpu.js";
import type { PhysicalInterrupts } from "../io/physical-interrupts.js";
import type { Outcome } from "../outcome.js";
import type { Hypercall } from "./hypercalls/hypercall.js";
import { HYPERCALL_COUNT, type HypercallNumber, type Hypercalls } from "./hypercalls/table.js";
import type { PvGuest } from "./pv-guest.js";

/** Numbers of registers in encodings. */
const [RAX, RDX, RSI, RDI] = [0, 2, 6, 7];
const RSP = 4;
/** ES to TR, and two of them, in the order of GuestRegisters. */
const SEGMENTS = [0, 1, 2, 3, 4, 5, 6, 7];
const [CS, SS] = [1, 2];
/** Present, accessed, flat; DPL to be added (SDM 25.4.1, table 25-2). */
const CODE_RIGHTS = 0xa09b;
const DATA_RIGHTS = 0xc093;
const DPL_SHIFT = 5;
const FLAT_LIMIT = 0xffff_ffff;
/** Exceptions are below, interrupts of the machine from here on. */
const FIRST_INTERRUPT = 32;

/** The virtual CPU of a paravirtual guest, as the run loop drives it. */
export class PvCpu implements GuestCpu {
  readonly index = 0;
  readonly leftAgain = false;
  #reason = 0;

  constructor(
    private readonly guest: PvGuest,
    private readonly interrupts: PhysicalInterrupts,
    private readonly hypercalls: Hypercalls,
  ) {}

  /** There is no other one. */
  save(): void {}
  load(): void {}

  begin({ entry, registers }: StartState): void {
    const { port, monitor } = this.guest;
    REGISTER_NAMES.forEach((name, i) => port.writeRegister(i, BigInt(registers[name] ?? 0)));
    monitor.rip = BigInt(entry);
    monitor.cs = KERNEL_CODE;
    monitor.ss = KERNEL_DATA;
    monitor.rsp = BigInt(registers.rsp ?? 0);
    monitor.rflags = BigInt(FLAG_FIXED | FLAG_IF);
  }

  beforeEntry(): void {
    this.guest.prepare();
  }
  enter(): boolean {
    if (this.guest.ending !== null) return false;
    this.guest.monitor.resume();
    return true;
  }
  entryFailure(): VmEnding | null {
    return this.guest.ending;
  }

  /** Only ring 1 can raise the vector of hypercalls: the gate has DPL 1. */
  arrive(): number {
    this.#reason = this.guest.monitor.arrive();
    if (this.#reason === MONITOR_VECTOR + HYPERCALL_VECTOR) {
      const number = this.guest.port.readRegister(RAX);
      const known = number < BigInt(HYPERCALL_COUNT);
      this.#reason = known ? MONITOR_HYPERCALL + Number(number) : MONITOR_UNKNOWN_HYPERCALL;
    }
    return this.#reason;
  }

  handle(): Outcome {
    const { guest } = this;
    const vector = this.#reason - MONITOR_VECTOR;
    if (this.#reason >= MONITOR_HYPERCALL) {
      guest.port.work(HYPERCALL_CYCLES);
      return this.#hypercall(this.#reason - MONITOR_HYPERCALL);
    }
    guest.port.work(BOUNCE_CYCLES);
    if (this.#reason === MONITOR_SYSCALL) guest.systemCall();
    else if (vector >= FIRST_INTERRUPT) this.interrupts.take(vector);
    else guest.exception(vector);
    return guest.ending === null ? "resume" : "shutdown";
  }

  // #region pv-hypercall
  #hypercall(number: number): Outcome {
    const { guest } = this;
    const call = this.hypercalls[number as HypercallNumber] as Hypercall | undefined;
    if (call === undefined) {
      guest.port.writeRegister(RAX, BigInt.asUintN(64, BigInt(ERROR_NO_SUCH_CALL)));
      return "resume";
    }
    const argument = (register: number): bigint => guest.port.readRegister(register);
    const carryOut = (): Outcome => {
      const result = call(guest, argument(RDI), argument(RSI), argument(RDX));
      if (typeof result === "string") return result;
      guest.port.writeRegister(RAX, BigInt.asUintN(64, BigInt(result)));
      return "resume";
    };
    return callHandler(carryOut, undefined, this.#reason);
  }
  // #endregion

  /** IF is the complement of the event mask, as the guest's kernel sees it in frames. */
  peek(): GuestRegisters {
    const { port, monitor, msrs, shared, paging, root } = this.guest;
    const inMonitor = port.privilege === 0;
    const general = REGISTER_NAMES.map((_, number) => port.readRegister(number));
    const segments = SEGMENTS.map((index) => port.hiddenSegment(index));
    if (inMonitor) {
      general[RSP] = monitor.rsp;
      segments[CS] = flatSegment(monitor.cs, CODE_RIGHTS);
      segments[SS] = flatSegment(monitor.ss, DATA_RIGHTS);
    }
    const rflags = (inMonitor ? monitor.rflags : port.rflags) & ~BigInt(FLAG_IF);
    return {
      general,
      rip: inMonitor ? monitor.rip : port.rip,
      rflags: rflags | (shared.eventsMasked ? 0n : BigInt(FLAG_IF)),
      cr0: BigInt(port.cr0 >>> 0),
      cr2: shared.cr2,
      cr3: BigInt(paging.addressOf(root)),
      cr4: BigInt(port.cr4 >>> 0),
      cr8: 0n,
      efer: msrs.efer,
      segments,
    };
  }

  shutdown(): VmEnding {
    return this.guest.ending!;
  }

  /** A guest that blocks has unmasked events. */
  get interruptsEnabled(): boolean {
    return true;
  }
  get interruptWaiting(): boolean {
    return this.guest.shared.upcallPending;
  }
}

function flatSegment(selector: number, rights: number): GuestRegisters["segments"][number] {
  return { selector, base: 0n, limit: FLAT_LIMIT, rights: rights | ((selector & 3) << DPL_SHIFT) };
}
