import type { Bus } from "../../machine/bus.js";
import type { PhysicalMemory } from "../../machine/physical-memory.js";
import { FLAG_FIXED } from "../../spec/control-bits.js";
import { MONITOR_SYSCALL, MONITOR_SYSENTER, MONITOR_VECTOR } from "../../spec/monitor-reasons.js";
import * as V from "../../spec/vectors.js";
import type { FrameAllocator } from "../memory/frame-allocator.js";
import { PAGE_BYTES } from "../memory/layout.js";
import type { MonitorRange } from "../memory/shadow/shadow-memory.js";
import * as L from "./layout.js";
import type { MonitorTables as Places, Ring0Port } from "./port.js";
import { MonitorTables } from "./tables.js";

const RCX = 1;
const RSP = 4;
const R11 = 11;
/** RIP, CS, RFLAGS, RSP, SS. */
const FRAME_BYTES = 40;
/** Vectors that push an error code (SDM 6.3.1, table 6-1). */
const WITH_ERROR_CODE = new Set([
  V.DOUBLE_FAULT,
  V.INVALID_TSS,
  V.SEGMENT_NOT_PRESENT,
  V.STACK_FAULT,
  V.GENERAL_PROTECTION,
  V.PAGE_FAULT,
  V.ALIGNMENT_CHECK,
]);

/**
 * Ring 0 without VMX. Guest code runs at rings 1 to 3; whatever happens there the processor delivers through the monitor's
 * own IDT, or SYSCALL and SYSENTER, onto the monitor's own stack in simulated memory, and stops there: the rest of the
 * monitor is outside. The general-purpose registers but RSP stay the guest's meanwhile.
 */
export class Monitor {
  readonly tables: MonitorTables;
  /** What the arrival left of the guest, and where {@link resume} takes it on. */
  rip = 0n;
  cs = 0;
  rflags = BigInt(FLAG_FIXED);
  rsp = 0n;
  ss = 0;
  /** Of an exception that pushes one; else 0. */
  errorCode = 0;
  readonly #memory: PhysicalMemory;

  /**
   * @param base - linear address of the monitor's part of every address space
   * @param openVector - the vector that code at ring 1 may raise with INT n
   */
  constructor(
    readonly port: Ring0Port,
    frames: FrameAllocator,
    private base: bigint,
    private readonly openVector: number,
  ) {
    this.#memory = port.memory;
    this.tables = new MonitorTables(port.memory, contiguous(frames, L.TABLES_BYTES / PAGE_BYTES));
    this.tables.write(base, openVector);
  }

  /** What is to be mapped in every address space. */
  get ranges(): MonitorRange[] {
    return this.tables.ranges(this.base);
  }

  /** The processor is the monitor's from here on. @param cr3 - tables that map {@link ranges} */
  takeOver(cr3: number, cr4: number): void {
    const { code, data } = { code: L.MONITOR_CODE, data: L.MONITOR_DATA };
    this.port.takeOver({ cr3, cr4, code, data, ...this.#places() });
    this.#writeCallMsrs();
  }

  /**
   * The processor has come to ring 0: RIP tells through which gate, the frame on the stack where from (SDM 6.14.2). After
   * SYSCALL RIP and RFLAGS are in RCX and R11, and CS and SS are lost, as are RIP and RSP after SYSENTER.
   * @returns a number of spec/monitor-reasons
   */
  arrive(): number {
    const { port } = this;
    const stub = Number(port.rip - this.#linear(L.ENTRY_STUBS));
    const vector = stub / L.ENTRY_STUB_BYTES;
    this.errorCode = 0;
    if (vector < L.VECTORS) {
      this.#readFrame(vector);
      return MONITOR_VECTOR + vector;
    }
    this.rsp = port.readRegister(RSP);
    this.rflags = port.rflags;
    if (stub !== L.SYSCALL_STUB - L.ENTRY_STUBS) return MONITOR_SYSENTER;
    this.rip = port.readRegister(RCX);
    this.rflags = port.readRegister(R11);
    return MONITOR_SYSCALL;
  }

  #readFrame(vector: number): void {
    let at = this.#stack(this.port.readRegister(RSP));
    if (WITH_ERROR_CODE.has(vector)) {
      this.errorCode = this.#memory.read32(at);
      at += 8;
    }
    this.rip = this.#memory.read64(at);
    this.cs = this.#memory.read16(at + 8);
    this.rflags = this.#memory.read64(at + 16);
    this.rsp = this.#memory.read64(at + 24);
    this.ss = this.#memory.read16(at + 32);
  }

  /** Back to the guest: a frame on the monitor's stack, and IRETQ. The caller has seen to it that it does not fault. */
  resume(): void {
    const at = this.tables.machine + L.STACK_END - FRAME_BYTES;
    this.#memory.write64(at, this.rip);
    this.#memory.write64(at + 8, BigInt(this.cs));
    this.#memory.write64(at + 16, this.rflags);
    this.#memory.write64(at + 24, this.rsp);
    this.#memory.write64(at + 32, BigInt(this.ss));
    this.port.iret(this.#linear(L.EXIT_STUB), this.#linear(L.STACK_END) - BigInt(FRAME_BYTES));
  }

  /**
   * As {@link resume}, and carries the guest's next instruction out in software (see {@link Ring0Port.emulate}).
   * @returns false when the guest has left instead
   */
  resumeEmulating(linear: bigint, target: number, devices: Pick<Bus, "read" | "write"> | null): boolean {
    this.resume();
    return this.port.emulate(linear, target, devices);
  }

  /** The monitor's part of every address space moves; its {@link ranges} are to be mapped there before anything else happens. */
  moveTo(base: bigint): void {
    this.base = base;
    this.tables.write(base, this.openVector);
    this.port.loadTables(this.#places());
    this.#writeCallMsrs();
  }

  #places(): Pick<Places, "gdt" | "idt" | "task"> {
    return {
      gdt: { base: this.#linear(L.GDT), limit: L.GDT_BYTES - 1 },
      idt: { base: this.#linear(L.IDT), limit: PAGE_BYTES - 1 },
      task: { selector: L.TSS_SELECTOR, base: this.#linear(L.TSS), limit: L.TSS_LIMIT },
    };
  }

  #linear(offset: number): bigint {
    return this.base + BigInt(offset);
  }

  /** Machine-physical address of a linear one of the stack's page. */
  #stack(linear: bigint): number {
    return this.tables.machine + Number(linear - this.base);
  }

  #writeCallMsrs(): void {
    this.port.writeCallMsrs({
      code: L.MONITOR_CODE,
      syscall: this.#linear(L.SYSCALL_STUB),
      sysenter: this.#linear(L.SYSENTER_STUB),
      stack: this.#linear(L.STACK_END),
    });
  }
}

/** @returns the first of `count` frames that follow one another */
export function contiguous(frames: FrameAllocator, count: number): number {
  const first = frames.allocate();
  for (let i = 1; i < count; i++) {
    if (frames.allocate() !== first + i * PAGE_BYTES)
      throw new Error("the hypervisor's frames are no longer handed out in order");
  }
  return first;
}
