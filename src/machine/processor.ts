import * as S from "../spec/cpu-state.js";
import { MAX_RAM_BYTES, RAM_BASE } from "../spec/memory-map.js";
import type { Bus } from "./bus.js";
import { PhysicalMemory } from "./physical-memory.js";

/** What the processor asks of the board; addresses are machine-physical. */
export interface Board {
  portRead(port: number, size: number): number;
  portWrite(port: number, size: number, value: number): void;
  mmioRead(address: number, size: number): number;
  mmioWrite(address: number, size: number, value: number): void;
  /** INTA: the vector of the highest-priority pending interrupt. */
  acknowledgeInterrupt(): number;
  /** MSRs of the local APIC, through BOARD_MSR of the state window. @returns false where RDMSR and WRMSR raise #GP */
  msrRead(index: number): boolean;
  msrWrite(index: number): boolean;
  /** CR8 has been written. */
  taskPriorityChanged(): void;
  /** The time-stamp counter has been written. */
  timeStampChanged(): void;
  /** FERR# has been asserted: an unmasked x87 exception where CR0.NE is 0. */
  floatError(): void;
}

/** Exports of the wasm module. Results of the VMX instructions: see {@link VmxResult}. */
interface Core {
  memory: WebAssembly.Memory;
  run(maxSteps: number): number;
  reset(): void;
  stateChanged(): void;
  setRam(bytes: number): void;
  setInterruptLine(level: number): void;
  signalNmi(): void;
  signal(signals: number): void;
  leaveProcessor(): void;
  enterProcessor(number: number): void;
  requestStop(): void;
  invalidateCode(address: number, bytes: number): void;
  flushTlb(): void;
  flushPhysicalPage(address: number): void;
  vmxon(address: number): number;
  vmxoff(): number;
  vmclear(address: number): number;
  vmptrld(address: number): number;
  vmread(field: number): number;
  vmwrite(field: number): number;
  vmlaunch(): number;
  vmresume(): number;
  invept(type: number): number;
  invvpid(type: number, vpid: number): number;
  cpuid(leaf: number, subleaf: number): void;
  rdmsr(index: number): number;
  wrmsr(index: number): number;
  emulateInstruction(): number;
  writeCr(number: number): number;
  invalidatePageAt(): void;
  loadSelector(index: number, selector: number): number;
  loadLocalTable(selector: number): number;
  emulateRedirected(target: number, device: number): number;
  traceAppend(kind: number): number;
}

const PAGE = 65536;

/**
 * The typed wrapper of the processor in wasm: its pins (run, interrupt line), its state window and RAM. Everything
 * that software could do goes through {@link core}'s instructions; the state window is for the board (loading,
 * showing), as a debug port of real silicon is.
 */
export class Processor {
  readonly core: Core;
  readonly memory: PhysicalMemory;
  /** A hypervisor's device models by guest-physical address, while it emulates an instruction. */
  emulated: Pick<Bus, "read" | "write"> | null = null;
  /** The whole wasm memory, for fields of {@link S}. */
  readonly view: DataView;

  /**
   * @param module - compiled `cpu.wasm`
   * @param ramBytes - RAM, a multiple of 4096
   */
  constructor(module: WebAssembly.Module, ramBytes: number, board: Board) {
    if (!Number.isInteger(ramBytes) || ramBytes <= 0 || ramBytes % 4096 !== 0 || ramBytes > MAX_RAM_BYTES) {
      throw new RangeError(`RAM of ${ramBytes} bytes: expected a multiple of 4096 up to ${MAX_RAM_BYTES}`);
    }
    const abort = (): never => {
      throw new Error("the processor's core aborted");
    };
    const imports = {
      board: {
        portRead: (port: number, size: number) => board.portRead(port, size),
        portWrite: (port: number, size: number, value: number) => board.portWrite(port, size, value >>> 0),
        mmioRead: (address: number, size: number) => board.mmioRead(address, size),
        mmioWrite: (address: number, size: number, value: number) =>
          board.mmioWrite(address, size, value >>> 0),
        acknowledgeInterrupt: () => board.acknowledgeInterrupt(),
        msrRead: (index: number) => (board.msrRead(index >>> 0) ? 1 : 0),
        msrWrite: (index: number) => (board.msrWrite(index >>> 0) ? 1 : 0),
        taskPriorityChanged: () => board.taskPriorityChanged(),
        timeStampChanged: () => board.timeStampChanged(),
        floatError: () => board.floatError(),
        emulatedRead: (address: number, size: number) => this.emulated?.read(address, size) ?? 0xffff_ffff,
        emulatedWrite: (address: number, size: number, value: number) =>
          this.emulated?.write(address, size, value >>> 0),
      },
      env: { abort },
    };
    this.core = new WebAssembly.Instance(module, imports).exports as unknown as Core;
    const missing = RAM_BASE + ramBytes - this.core.memory.buffer.byteLength;
    if (missing > 0) this.core.memory.grow(Math.ceil(missing / PAGE));
    this.view = new DataView(this.core.memory.buffer);
    this.memory = new PhysicalMemory(this.core.memory, ramBytes, (address, bytes) =>
      this.core.invalidateCode(address, bytes),
    );
    this.core.setRam(ramBytes);
    this.core.reset();
  }

  /** A u64 field of the state window as an exact number; for counters below 2^53. */
  count(field: number): number {
    return this.view.getUint32(field, true) + this.view.getUint32(field + 4, true) * 2 ** 32;
  }
  /** Sets a u64 field to an exact number below 2^53. */
  setCount(field: number, value: number): void {
    this.view.setUint32(field, value % 2 ** 32, true);
    this.view.setUint32(field + 4, Math.floor(value / 2 ** 32), true);
  }
  read64(field: number): bigint {
    return this.view.getBigUint64(field, true);
  }
  write64(field: number, value: bigint): void {
    this.view.setBigUint64(field, BigInt.asUintN(64, value), true);
  }
  read32(field: number): number {
    return this.view.getUint32(field, true);
  }
  write32(field: number, value: number): void {
    this.view.setUint32(field, value, true);
  }

  /** Cycles since reset. */
  get cycles(): number {
    return this.count(S.CYCLES);
  }
  /** Instructions retired since reset. */
  get instructions(): number {
    return this.count(S.INSTRUCTIONS);
  }
  /** Instructions retired and events taken since reset: what a budget counts, so that every run ends. */
  get steps(): number {
    return this.count(S.INSTRUCTIONS) + this.count(S.EVENTS);
  }
}
