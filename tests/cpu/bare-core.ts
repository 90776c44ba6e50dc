import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import {
  CR0_ET,
  CR0_PE,
  CR0_PG,
  CR4_OSFXSR,
  CR4_OSXMMEXCPT,
  CR4_PAE,
  EFER_LMA,
  EFER_LME,
  FLAG_FIXED,
} from "../../src/spec/control-bits.js";
import * as S from "../../src/spec/cpu-state.js";
import { FETCH_BUFFER, RAM_BASE } from "../../src/spec/memory-map.js";

const FILE = fileURLToPath(new URL("../../src/cpu/build/cpu.wasm", import.meta.url));
let compiled: WebAssembly.Module | undefined;

export interface Exports {
  memory: WebAssembly.Memory;
  run(maxInstructions: number): number;
  reset(): void;
  stateChanged(): void;
  setRam(bytes: number): void;
  setInterruptLine(level: number): void;
  requestStop(): void;
  invalidateCode(address: number, bytes: number): void;
  flushTlb(): void;
  inspect(bits: number, count: number): number;
}

export type CodeBits = 16 | 32 | 64;
/** Page tables for 64-bit mode: identity, 2 MiB pages over the first GiB. */
const PML4 = 0x1000;
const PDPT = 0x2000;
const DIRECTORY = 0x3000;

const FLAT: Record<CodeBits, { code: number; data: number; limit: number }> = {
  16: { code: 0x9b, data: 0x93, limit: 0xffff },
  32: { code: 0xc09b, data: 0xc093, limit: 0xffff_ffff },
  64: { code: 0xa09b, data: 0xc093, limit: 0xffff_ffff },
};

/** The processor with RAM and no devices; ports answer all ones, memory beyond RAM with `absent`. */
export class BareCore {
  readonly core: Exports;
  readonly view: DataView;
  readonly bytes: Uint8Array;

  constructor(
    readonly ramBytes = 16 << 20,
    portWrite: (port: number, size: number, value: number) => void = () => undefined,
    absent = -1,
  ) {
    compiled ??= new WebAssembly.Module(readFileSync(FILE));
    const board = {
      portRead: () => 0xffff_ffff | 0,
      portWrite,
      mmioRead: () => absent,
      mmioWrite: () => undefined,
      acknowledgeInterrupt: () => 0x20,
      msrRead: () => 0,
      msrWrite: () => 0,
      taskPriorityChanged: () => undefined,
      timeStampChanged: () => undefined,
      floatError: () => undefined,
      emulatedRead: () => 0xffff_ffff | 0,
      emulatedWrite: () => undefined,
    };
    const abort = (): never => {
      throw new Error("the core aborted");
    };
    this.core = new WebAssembly.Instance(compiled, { board, env: { abort } }).exports as unknown as Exports;
    this.core.setRam(ramBytes);
    this.core.reset();
    this.view = new DataView(this.core.memory.buffer);
    this.bytes = new Uint8Array(this.core.memory.buffer);
  }

  ram(address: number, length: number): Uint8Array {
    return this.bytes.subarray(RAM_BASE + address, RAM_BASE + address + length);
  }
  write(address: number, data: ArrayLike<number>): void {
    this.bytes.set(data, RAM_BASE + address);
    this.core.invalidateCode(address, data.length);
  }
  get64(field: number): bigint {
    return this.view.getBigUint64(field, true);
  }
  set64(field: number, value: bigint | number): void {
    this.view.setBigUint64(field, BigInt.asUintN(64, BigInt(value)), true);
  }
  register(number: number): bigint {
    return this.get64(S.GPR + 8 * number);
  }
  setRegister(number: number, value: bigint | number): void {
    this.set64(S.GPR + 8 * number, value);
  }
  get rip(): number {
    return Number(this.get64(S.RIP));
  }

  /** Ring 0 with flat segments, x87 and SSE enabled; 16: protected mode with 64 KiB segments at 0; 64: on identity page tables. */
  mode(bits: CodeBits, rip: number): void {
    const { code, data, limit } = FLAT[bits];
    for (let i = 0; i < 6; i++) {
      const at = S.SEGMENTS + i * S.SEGMENT_BYTES;
      this.set64(at + S.SEGMENT_BASE, 0);
      this.view.setUint32(at + S.SEGMENT_LIMIT, limit, true);
      this.view.setUint32(at + S.SEGMENT_RIGHTS, i === S.CS ? code : data, true);
      this.view.setUint16(at + S.SEGMENT_SELECTOR, i === S.CS ? 8 : 16, true);
    }
    const long = bits === 64;
    if (long) this.identityTables();
    this.set64(S.CR0, BigInt(CR0_PE | CR0_ET) | (long ? BigInt(CR0_PG) : 0n));
    this.set64(S.CR3, long ? PML4 : 0);
    this.set64(S.CR4, CR4_OSFXSR | CR4_OSXMMEXCPT | (long ? CR4_PAE : 0));
    this.set64(S.MSR_EFER, long ? EFER_LME | EFER_LMA : 0);
    this.set64(S.RFLAGS, FLAG_FIXED);
    this.view.setUint32(S.CPL, 0, true);
    this.view.setUint32(S.CODE_BITS, bits, true);
    this.set64(S.DEADLINE, 0xffff_ffff_ffff_ffffn);
    this.set64(S.RIP, rip);
    this.core.stateChanged();
  }

  /** Decodes bytes, at most 15; undefined when they are too few. */
  decode(bits: CodeBits, code: Uint8Array): { row: number; length: number } | undefined {
    this.bytes.set(code, FETCH_BUFFER);
    const result = this.core.inspect(bits, code.length);
    return result < 0 ? undefined : { row: result >> 8, length: result & 0xff };
  }

  private identityTables(): void {
    const table = new DataView(new ArrayBuffer(4096));
    for (let i = 0; i < 512; i++) table.setBigUint64(8 * i, BigInt(i * 0x20_0000) | 0x83n, true);
    this.write(DIRECTORY, new Uint8Array(table.buffer));
    const entry = (target: number): number[] => [(target & 0xff) | 3, target >> 8, 0, 0, 0, 0, 0, 0];
    this.write(PDPT, entry(DIRECTORY));
    this.write(PML4, entry(PDPT));
  }
}
