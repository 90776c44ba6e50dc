import type { PhysicalMemory } from "../../machine/physical-memory.js";
import type { MonitorRange } from "../memory/shadow/shadow-memory.js";
import { PAGE_BYTES } from "../memory/layout.js";
import { flatCode, flatData, systemDescriptor, type Descriptor } from "./descriptor.js";
import * as L from "./layout.js";

const INTERRUPT_GATE = 0x8e00;
const BUSY_TSS = 11;
const LDT_TYPE = 2;
const TSS_RSP0 = 4;
const TSS_IO_MAP = 102;
const HLT = 0xf4;
const IRETQ = [0x48, 0xcf];

/**
 * The tables that make the processor bring everything that happens at rings 1 to 3 to the monitor: every gate of the IDT leads
 * to ring 0, and so do SYSCALL and SYSENTER.
 */
export class MonitorTables {
  /** @param machine - machine-physical address of {@link L.TABLES_BYTES} bytes, page-aligned */
  constructor(
    private readonly memory: PhysicalMemory,
    readonly machine: number,
  ) {}

  /** Where they are mapped. @param base - linear address of the monitor's part of every address space */
  ranges(base: bigint): MonitorRange[] {
    const range = (from: number, bytes: number, writable = false, executable = false): MonitorRange => ({
      linear: base + BigInt(from),
      machine: this.machine + from,
      bytes,
      writable,
      executable,
      user: false,
    });
    return [
      range(L.GDT, L.ENTRY_STUBS - L.GDT),
      range(L.ENTRY_STUBS, L.STUB_PAGES_BYTES, false, true),
      range(L.STACK, PAGE_BYTES, true),
    ];
  }

  /**
   * Writes them for a linear base.
   * @param openVector - the vector that code at ring 1 may raise with INT n; code at ring 3 may raise none
   */
  write(base: bigint, openVector: number): void {
    const at = (offset: number): bigint => base + BigInt(offset);
    this.setDescriptor(L.MONITOR_CODE, flatCode(0, 64));
    this.setDescriptor(L.MONITOR_DATA, flatData(0));
    this.setDescriptor(L.KERNEL_CODE_64, flatCode(1, 64));
    this.setDescriptor(L.KERNEL_CODE_32, flatCode(1, 32));
    this.setDescriptor(L.KERNEL_DATA, flatData(1));
    this.#setSystem(L.TSS_SELECTOR, at(L.TSS), L.TSS_LIMIT, BUSY_TSS);
    this.setLocalTable(base, 0);
    this.memory.fill(this.machine + L.TSS, L.TSS_BYTES, 0);
    this.memory.write64(this.machine + L.TSS + TSS_RSP0, at(L.STACK_END));
    this.memory.write16(this.machine + L.TSS + TSS_IO_MAP, L.TSS_IO_MAP_AT);
    this.memory.fill(this.machine + L.TSS + L.TSS_IO_MAP_AT, L.IO_MAP_BYTES + 1, 0xff);
    for (let vector = 0; vector < L.VECTORS; vector++)
      this.#setGate(vector, at(L.ENTRY_STUBS + vector * L.ENTRY_STUB_BYTES), vector === openVector ? 1 : 0);
    this.memory.fill(this.machine + L.ENTRY_STUBS, L.STUB_PAGES_BYTES, HLT);
    this.memory.write(this.machine + L.EXIT_STUB, Uint8Array.from(IRETQ));
  }

  /** @param selector - of the monitor's, or of the guest's own descriptors */
  setDescriptor(selector: number, [low, high]: Descriptor): void {
    const at = this.machine + L.GDT + (selector & 0xfff8);
    this.memory.write32(at, low);
    this.memory.write32(at + 4, high);
  }
  setLocalDescriptor(selector: number, [low, high]: Descriptor): void {
    const at = this.machine + L.LDT + (selector & 0xfff8);
    this.memory.write32(at, low);
    this.memory.write32(at + 4, high);
  }
  /** The LDT holds descriptors for so many bytes of the guest's. */
  setLocalTable(base: bigint, bytes: number): void {
    this.#setSystem(L.LDT_SELECTOR, base + BigInt(L.LDT), Math.max(bytes - 1, 0), LDT_TYPE);
  }
  /** Data at ring 1: `bytes` bytes, in pages, from a linear address below 4 GiB. */
  setStateSegment(linear: number, bytes: number): void {
    const [, flat] = flatData(1);
    const limit = Math.ceil(bytes / PAGE_BYTES) - 1;
    const high = (flat & ~0xf_0000) | (limit & 0xf_0000) | (linear & 0xff00_0000) | ((linear >>> 16) & 0xff);
    this.setDescriptor(L.STATE_DATA, [(((linear & 0xffff) << 16) | (limit & 0xffff)) >>> 0, high >>> 0]);
  }

  #setSystem(selector: number, base: bigint, limit: number, type: number): void {
    const [low, high] = systemDescriptor(base, limit, type);
    const at = this.machine + L.GDT + selector;
    this.memory.write64(at, low);
    this.memory.write64(at + 8, high);
  }

  /** A 64-bit interrupt gate: IF is clear on arrival (SDM 6.14.1). */
  #setGate(vector: number, target: bigint, privilege: number): void {
    const at = this.machine + L.IDT + vector * 16;
    const offset = (from: number, bits: number): number =>
      Number(BigInt.asUintN(bits, target >> BigInt(from)));
    this.memory.write32(at, (offset(0, 16) | (L.MONITOR_CODE << 16)) >>> 0);
    this.memory.write32(at + 4, ((offset(16, 16) << 16) | INTERRUPT_GATE | (privilege << 13)) >>> 0);
    this.memory.write64(at + 8, target >> 32n);
  }
}
