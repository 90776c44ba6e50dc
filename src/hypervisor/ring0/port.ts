import type { Bus } from "../../machine/bus.js";
import * as C from "../../spec/control-bits.js";
import * as S from "../../spec/cpu-state.js";
import * as M from "../../spec/msrs.js";
import { HardwarePort } from "../port.js";

const FLAT_LIMIT = 0xffff_ffff;
const CODE_RIGHTS = 0xa09b;
const DATA_RIGHTS = 0xc093;
const BUSY_TSS_RIGHTS = 0x8b;
const UNUSABLE = 1 << 16;

/** Addresses are linear, in the monitor's part of every address space. */
export interface MonitorTables {
  cr3: number;
  cr4: number;
  gdt: { base: bigint; limit: number };
  idt: { base: bigint; limit: number };
  code: number;
  data: number;
  task: { selector: number; base: bigint; limit: number };
}

/** Where system calls go. */
export interface CallTargets {
  code: number;
  syscall: bigint;
  sysenter: bigint;
  stack: bigint;
}

/** What software at ring 0 can do beside: control registers, descriptor tables, IRET, and the emulation of an instruction. */
export class Ring0Port extends HardwarePort {
  /**
   * The end of the monitor's start-up code: 64-bit mode at ring 0 on its own tables (MOV to CR3, CR0 and CR4, WRMSR of
   * IA32_EFER, LGDT, LIDT, LTR, a far jump).
   */
  takeOver({ cr3, cr4, gdt, idt, code, data, task }: MonitorTables): void {
    const { processor } = this.machine;
    processor.write64(S.CR3, BigInt(cr3));
    processor.write64(S.CR0, BigInt((C.CR0_PG | C.CR0_PE | C.CR0_ET | C.CR0_NE | C.CR0_MP | C.CR0_WP) >>> 0));
    processor.write64(S.CR4, BigInt(C.CR4_PAE | cr4));
    processor.write64(S.MSR_EFER, BigInt(C.EFER_LME | C.EFER_LMA | C.EFER_SCE | C.EFER_NXE));
    this.loadTables({ gdt, idt, task });
    for (const index of [S.ES, S.DS, S.FS, S.GS]) this.#segment(index, 0, 0n, 0, UNUSABLE);
    this.#segment(S.CS, code, 0n, FLAT_LIMIT, CODE_RIGHTS);
    this.#segment(S.SS, data, 0n, FLAT_LIMIT, DATA_RIGHTS);
    this.#segment(S.LDTR, 0, 0n, 0, UNUSABLE);
    processor.write64(S.RFLAGS, BigInt(C.FLAG_FIXED));
    processor.write32(S.CPL, 0);
    processor.write32(S.CODE_BITS, 64);
    processor.write32(S.MONITOR, 1);
    processor.core.stateChanged();
  }

  /** LGDT, LIDT, and LTR of the same task register elsewhere. */
  loadTables({ gdt, idt, task }: Pick<MonitorTables, "gdt" | "idt" | "task">): void {
    const { processor } = this.machine;
    processor.write64(S.GDTR_BASE, gdt.base);
    processor.write32(S.GDTR_LIMIT, gdt.limit);
    processor.write64(S.IDTR_BASE, idt.base);
    processor.write32(S.IDTR_LIMIT, idt.limit);
    this.#segment(S.TR, task.selector, task.base, task.limit, BUSY_TSS_RIGHTS);
  }

  /** WRMSR: SYSCALL and SYSENTER lead to the monitor. */
  writeCallMsrs({ code, syscall, sysenter, stack }: CallTargets): void {
    this.wrmsr(M.IA32_STAR, BigInt(code) << 32n);
    this.wrmsr(M.IA32_LSTAR, syscall);
    this.wrmsr(M.IA32_CSTAR, syscall);
    this.wrmsr(M.IA32_FMASK, BigInt(C.FLAG_IF | C.FLAG_TF | C.FLAG_DF | C.FLAG_NT | C.FLAG_AC));
    this.wrmsr(M.IA32_SYSENTER_CS, BigInt(code));
    this.wrmsr(M.IA32_SYSENTER_EIP, sysenter);
    this.wrmsr(M.IA32_SYSENTER_ESP, stack);
  }

  #segment(index: number, selector: number, base: bigint, limit: number, rights: number): void {
    const { processor } = this.machine;
    const at = S.SEGMENTS + index * S.SEGMENT_BYTES;
    processor.write64(at + S.SEGMENT_BASE, base);
    processor.write32(at + S.SEGMENT_LIMIT, limit);
    processor.write32(at + S.SEGMENT_RIGHTS, rights);
    processor.view.setUint16(at + S.SEGMENT_SELECTOR, selector, true);
  }

  get rip(): bigint {
    return this.machine.processor.read64(S.RIP);
  }
  get rflags(): bigint {
    return this.machine.processor.read64(S.RFLAGS);
  }
  /** MOV to CR0, CR3 or CR4; false where it raises #GP. */
  writeCr(number: 0 | 3 | 4, value: bigint): boolean {
    const { processor } = this.machine;
    processor.write64(S.OPERAND, value);
    return processor.core.writeCr(number) !== 0;
  }
  get cr4(): number {
    return this.machine.processor.read32(S.CR4);
  }
  get cr0(): number {
    return this.machine.processor.read32(S.CR0);
  }
  invlpg(linear: bigint): void {
    const { processor } = this.machine;
    processor.write64(S.OPERAND, linear);
    processor.core.invalidatePageAt();
  }
  /** MOV CR4 with PGE off and on again, or a change of what CR3 means: every cached translation is dropped (SDM 4.10.4.1). */
  flushTlb(): void {
    this.machine.processor.core.flushTlb();
  }
  /** MOV to a data-segment register (cpu-state's ES, DS, FS, GS); false where it faults. */
  loadSelector(index: number, selector: number): boolean {
    return this.machine.processor.core.loadSelector(index, selector) !== 0;
  }
  /** MOV from a segment register. */
  selector(index: number): number {
    const at = S.SEGMENTS + index * S.SEGMENT_BYTES;
    return this.machine.processor.view.getUint16(at + S.SEGMENT_SELECTOR, true);
  }
  /** Base in the hidden part of a segment register. */
  segmentBase(index: number): bigint {
    return this.machine.processor.read64(S.SEGMENTS + index * S.SEGMENT_BYTES + S.SEGMENT_BASE);
  }
  /** All of it, as a debug probe would read it. */
  hiddenSegment(index: number): { selector: number; base: bigint; limit: number; rights: number } {
    const { processor } = this.machine;
    const at = S.SEGMENTS + index * S.SEGMENT_BYTES;
    return {
      selector: this.selector(index),
      base: processor.read64(at + S.SEGMENT_BASE),
      limit: processor.read32(at + S.SEGMENT_LIMIT),
      rights: processor.read32(at + S.SEGMENT_RIGHTS),
    };
  }
  /** CPL: 0 in the monitor. */
  get privilege(): number {
    return this.machine.processor.read32(S.CPL);
  }
  /** LLDT. */
  loadLocalTable(selector: number): boolean {
    return this.machine.processor.core.loadLocalTable(selector) !== 0;
  }
  /** DR6 and DR7. */
  get debugStatus(): bigint {
    return this.machine.processor.read64(S.DR6);
  }
  set debugStatus(value: bigint) {
    this.machine.processor.write64(S.DR6, value);
  }
  set debugControl(value: bigint) {
    this.machine.processor.write64(S.DR7, value);
  }

  /**
   * IRETQ.
   * @param stub - linear address of the instruction
   * @param frame - linear address of what it pops
   */
  iret(stub: bigint, frame: bigint): void {
    const { processor } = this.machine;
    processor.write64(S.GPR + 8 * RSP, frame);
    processor.write64(S.RIP, stub);
    const { instructions } = processor;
    const stop = this.machine.run({ maxSteps: 1 });
    if (stop.kind !== "budget-exhausted" || processor.instructions === instructions)
      throw new Error(`the monitor's IRETQ did not return to the guest: ${stop.kind}`);
  }

  /**
   * Executes the instruction at which the guest is in software. Its data accesses to the page of `linear` go to the page
   * `target`: machine-physical, or guest-physical on the bus of `devices`.
   * @returns false when the guest has left instead
   */
  emulate(linear: bigint, target: number, devices: Pick<Bus, "read" | "write"> | null): boolean {
    const { processor } = this.machine;
    processor.write64(S.OPERAND, linear);
    processor.emulated = devices;
    const done = processor.core.emulateRedirected(target, devices === null ? 0 : 1) !== 0;
    processor.emulated = null;
    return done;
  }
}

const RSP = 4;
