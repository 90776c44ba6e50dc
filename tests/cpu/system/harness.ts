/**
 * The processor with internals exported, compiled once a test file, with a board of mocks. Its tables must have been
 * generated (npm run build:cpu).
 */
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import asc from "assemblyscript/asc";
import { RAM_BASE, STATICS } from "../../../src/spec/memory-map.js";

export interface Probe {
  readonly memory: WebAssembly.Memory;
  resetState(): void;
  stateReplaced(): void;
  reset(): void;
  run(instructions: number): number;
  setRam(bytes: number): number;
  setInterruptLine(level: number): void;
  invalidateCode(pa: number, bytes: number): void;
  translate(va: bigint, access: number): bigint;
  flushTlb(): void;
  flushTlbPage(va: bigint): void;
  flushTlbNonGlobal(): void;
  flushPcid(pcid: number): void;
  flushPcidPage(pcid: number, va: bigint): void;
  selectContext(): void;
  switchVpid(vpid: number, eptPointer: bigint): void;
  switchProcessor(number: number): void;
  fetchPage(va: bigint): bigint;
  readMemory(va: bigint, size: number): bigint;
  writeMemory(va: bigint, size: number, value: bigint): void;
  readMiss(va: bigint, size: number): number;
  writeMiss(va: bigint, size: number): number;
  modifyMiss(va: bigint, size: number): number;
  commitWrite(): void;
  readonly faultPending: WebAssembly.Global;
  readonly faultVector: WebAssembly.Global;
  readonly faultErrorCode: WebAssembly.Global;
  readonly faultAddress: WebAssembly.Global;
  readonly exitReason: WebAssembly.Global;
  readonly exitQualification: WebAssembly.Global;
  readonly exitGuestPhysical: WebAssembly.Global;
  readonly attention: WebAssembly.Global;
  readonly stopReason: WebAssembly.Global;
  raise(vector: number, errorCode: bigint): void;
  raisePageFault(address: bigint, errorCode: bigint): void;
  clearFault(): void;
  clearStop(): void;
  setRunningAlone(alone: number): void;
  takeInterrupt(): number;
  deliverPending(): void;
  deliverSoftwareEvent(vector: number, type: number, length: number): void;
  setLevel(cpl: number): void;
  modeChanged(): void;
  readEncoded(field: number): bigint;
  fieldExists(field: bigint): number;
  fieldReadOnly(field: number): number;
  vmxon(pa: number): number;
  vmxoff(): number;
  vmclear(pa: number): number;
  vmptrld(pa: number): number;
  vmread(field: number): number;
  vmwrite(field: number): number;
  vmlaunch(): number;
  vmresume(): number;
  invept(type: number): number;
  invvpid(type: number, vpid: number): number;
  rdmsr(index: number): number;
  wrmsr(index: number): number;
  cpuid(leaf: number, subleaf: number): void;
  readonly [handler: string]: unknown;
}

export interface Board {
  /** The first thousand calls. */
  readonly log: string[];
  calls: number;
  /** Value of every port and device read. */
  input: number;
  vector: number;
}

const FLAGS = [
  "--runtime",
  "stub",
  "--memoryBase",
  String(STATICS),
  "--initialMemory",
  String(RAM_BASE / 65536),
  "--enable",
  "bulk-memory",
  "--enable",
  "simd",
  "-O1",
  "--debug",
];

async function compile(): Promise<Uint8Array<ArrayBuffer>> {
  const directory = mkdtempSync(join(tmpdir(), "probe-"));
  const output = join(directory, "probe.wasm");
  const root = join(import.meta.dirname, "../../..");
  const result = await asc.main(["src/cpu/probe.ts", "--baseDir", root, "-o", output, ...FLAGS]);
  if (result.error) throw new Error(`asc: ${result.error.message}\n${result.stderr.toString()}`);
  return new Uint8Array(readFileSync(output));
}

let compiled: Promise<WebAssembly.Module> | undefined;

/** Calls of the board between two resets of their count: more means a hang. */
const MOST_CALLS = 5_000_000;

/** A processor after reset with `ram` bytes. */
export class Machine {
  readonly board: Board = { log: [], calls: 0, input: 0, vector: 0x20 };
  cpu!: Probe;
  view!: DataView;

  static async create(ram = 0x100_0000): Promise<Machine> {
    compiled ??= compile().then((bytes) => WebAssembly.compile(bytes));
    const machine = new Machine();
    const instance = await WebAssembly.instantiate(await compiled, {
      board: machine.imports(),
      env: { abort: machine.abort },
    });
    machine.cpu = instance.exports as unknown as Probe;
    if (!machine.cpu.setRam(ram)) throw new RangeError(`no memory for ${String(ram)} bytes of RAM`);
    machine.view = new DataView(machine.cpu.memory.buffer);
    machine.cpu.reset();
    return machine;
  }

  private abort(): void {
    throw new Error("abort");
  }

  private imports(): WebAssembly.ModuleImports {
    const { board } = this;
    const note = (what: string): void => {
      if (board.log.length < 1000) board.log.push(what);
      if (++board.calls > MOST_CALLS) throw new RangeError(`the processor calls the board for ever: ${what}`);
    };
    return {
      portRead: (port: number, size: number) => {
        note(`in ${port.toString(16)} ${String(size)}`);
        return board.input;
      },
      portWrite: (port: number, size: number, value: number) => {
        note(`out ${port.toString(16)} ${String(size)} ${(value >>> 0).toString(16)}`);
      },
      mmioRead: (address: number, size: number) => {
        note(`read ${address.toString(16)} ${String(size)}`);
        return board.input;
      },
      mmioWrite: (address: number, size: number, value: number) => {
        note(`write ${address.toString(16)} ${String(size)} ${(value >>> 0).toString(16)}`);
      },
      acknowledgeInterrupt: () => {
        note("acknowledge");
        return board.vector;
      },
      msrRead: (index: number) => {
        note(`rdmsr ${index.toString(16)}`);
        return 0;
      },
      msrWrite: (index: number) => {
        note(`wrmsr ${index.toString(16)}`);
        return 0;
      },
      taskPriorityChanged: () => note("cr8"),
      timeStampChanged: () => note("tsc"),
      floatError: () => note("ferr"),
      emulatedRead: () => board.input,
      emulatedWrite: () => note("emulated write"),
    };
  }

  get64(address: number): bigint {
    return this.view.getBigUint64(address, true);
  }
  set64(address: number, value: bigint): void {
    this.view.setBigUint64(address, BigInt.asUintN(64, value), true);
  }
  get32(address: number): number {
    return this.view.getUint32(address, true);
  }
  set32(address: number, value: number): void {
    this.view.setUint32(address, value >>> 0, true);
  }
  read(pa: number): bigint {
    return this.get64(RAM_BASE + pa);
  }
  load(pa: number, bytes: readonly number[]): void {
    new Uint8Array(this.cpu.memory.buffer).set(bytes, RAM_BASE + pa);
  }
  write(pa: number, value: bigint): void {
    this.set64(RAM_BASE + pa, value);
  }
}

/** Deterministic random numbers (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function random64(next: () => number): bigint {
  return (BigInt(Math.floor(next() * 2 ** 32)) << 32n) | BigInt(Math.floor(next() * 2 ** 32));
}
