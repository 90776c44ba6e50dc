import { startSegments, type StartState } from "../../machine/start-state.js";
import * as K from "../../spec/call-outs.js";
import { CR4_UMIP, FLAG_AC } from "../../spec/control-bits.js";
import { CS, SS } from "../../spec/cpu-state.js";
import { FAULT_PRESENT, FAULT_WRITE } from "../../spec/page-bits.js";
import { DEBUG, GENERAL_PROTECTION } from "../../spec/vectors.js";
import type { LocalMemory } from "../../machine/local-memory.js";
import { PAGE_BYTES } from "../memory/layout.js";
import type { GuestMemory } from "../memory/guest-memory.js";
import type { GuestPaging } from "../memory/guest-walk.js";
import type { AddressSpace, ShadowMemory } from "../memory/shadow/shadow-memory.js";
import { BIG, DPL_SHIFT, PRESENT, TYPE_ACCESSED } from "../ring0/descriptor.js";
import { ENTRY_CYCLES } from "../costs.js";
import { LDT_SELECTOR } from "../ring0/layout.js";
import type { Monitor } from "../ring0/monitor.js";
import { Block, type CallOut, type CodePage, type Exit } from "./block.js";
import type { Cache } from "./cache.js";
import { Code } from "./code.js";
import { CYCLES_PER_TRANSLATED_INSTRUCTION } from "./costs.js";
import type { Decoder } from "./decoder.js";
import { FETCH, SUPERVISOR, USER, type GuestLinear } from "./guest-linear.js";
import { CALL_OUT_HANDLERS } from "./handlers.js";
import { effectiveAddress, linearAddress } from "./memory-operands.js";
import type { MemoryOperand, SegmentedInstruction } from "./operand.js";
import type { ProcessorState } from "./processor-state.js";
import type { StoreLog } from "./store-log.js";
import { Translator } from "./translator.js";
import type { BtCpu } from "./virtual-cpu.js";

/** Faults of one instruction on traced pages after which it is translated anew. */
const MOST_FAULTS = 8;
/** Stores to a page of code after which it is given up as one. */
const MOST_WRITES = 2000;
const REP = 0xf3;
/** A store to a page table that the cache has made has so many bytes at most. */
const STORE_BYTES = 8;
/** MOVS, STOS and INS. */
const STRING_STORES = new Set([0xa4, 0xa5, 0xaa, 0xab, 0x6c, 0x6d]);
/** What a translation may need of room, at most. */
const MOST_BYTES = 0x2000;

/** What the translations of a VM stand on. */
export interface TranslationParts {
  monitor: Monitor;
  cache: Cache;
  decoder: Decoder;
  shadow: ShadowMemory;
  stores: StoreLog;
  space: AddressSpace;
  guestMemory: GuestMemory;
  devices: LocalMemory;
  /** The guest's linear memory, for fetching its code. */
  memory: () => GuestLinear;
  /** Linear address of the monitor's tables. */
  base: () => bigint;
}

/** The guest's code and its translations: making them, finding them, and keeping them true. */
export class Translations {
  readonly cache: Cache;
  readonly #translator: Translator;
  /** Guest addresses of instructions that fault too often, and how often each has. */
  readonly #software = new Set<number>();
  readonly #faults = new Map<number, number>();
  /** Those whose stores have reached beyond the end of a page. */
  readonly #crossing = new Set<number>();
  /** Stores carried out in software, by guest-physical page of code. */
  readonly #writes = new Map<number, number>();
  #state: ProcessorState | null = null;

  constructor(private readonly parts: TranslationParts) {
    this.cache = parts.cache;
    this.#translator = new Translator(parts.decoder, {
      fetch: (rip, bytes, pages) => this.#fetch(rip, bytes, pages),
      software: this.#software,
      crossing: this.#crossing,
      get shortTable() {
        return parts.cache.shortTable;
      },
    });
  }

  /** Offset in the cache of the code for where the guest is. */
  offsetFor(cpu: BtCpu, alone: boolean): number {
    const bits = cpu.state.bits as 32 | 64;
    if (alone) return this.#translate(cpu, bits, { most: 1 });
    return this.cache.find(cpu.rip, bits)?.start ?? this.#translate(cpu, bits);
  }

  /** @param entry - it begins with its entry for indirect jumps */
  #translate(
    cpu: BtCpu,
    bits: 32 | 64,
    { most, entry = false }: { most?: number; entry?: boolean } = {},
  ): number {
    this.#state = cpu.state;
    const room = this.cache.room(MOST_BYTES);
    const start = entry ? this.cache.beginWithEntry(cpu.rip, bits, room) : room;
    const translation = this.#translator.translate(cpu.rip, bits, start, most);
    this.cache.add(translation, most === undefined, entry ? room : 0);
    this.parts.monitor.port.work(CYCLES_PER_TRANSLATED_INSTRUCTION * translation.block.count);
    return start;
  }

  #fetch(rip: number, bytes: number, pages: CodePage[]): Uint8Array {
    const state = this.#state!;
    const base = state.bits === 64 ? 0n : state.cs.base;
    const limit = state.bits === 64 ? bytes : Math.min(bytes, Math.max(state.cs.limit - rip + 1, 0));
    const linear = state.bits === 64 ? BigInt(rip) : (base + BigInt(rip)) & 0xffff_ffffn;
    return this.parts
      .memory()
      .code(linear, limit, (page, physical) => pages.push({ linear: page, physical }));
  }

  /** One instruction as it is, and back. @returns its offset in the cache */
  segmented(original: CallOut): number {
    const { rip, next, operand, block: from } = original;
    const { bytes, segment } = operand as SegmentedInstruction;
    const start = this.cache.room(MOST_BYTES);
    const code = new Code();
    code.begin(32, start);
    const block = new Block(rip, 32, start);
    block.borrowed = segment;
    block.piece(start, rip);
    block.starts.push(start);
    code.copy(bytes, 0, bytes.length);
    block.piece(code.at, next);
    block.starts.push(code.at);
    code.callOut();
    block.end = block.codeEnd = code.at;
    block.count = 1;
    block.source = bytes;
    block.pages.push(...from.pages);
    block.length = from.length;
    const kind = K.CALL_OUT_SEGMENTED_DONE;
    const callOuts = new Map([
      [code.at, { kind, block, rip, next, resume: 0, mnemonic: 0, operand: original }],
    ]);
    this.cache.add({ block, code, callOuts }, false);
    return start;
  }

  /** An exit of a block has been taken for the first time: from now on it is a jump. */
  follow(cpu: BtCpu, exit: Exit): void {
    const bits = cpu.state.bits as 32 | 64;
    this.offsetFor(cpu, false);
    const block = this.cache.find(cpu.rip, bits);
    if (block !== undefined && block.alive) this.cache.link(exit, block);
  }

  /** An indirect jump to where the guest is now was not found. */
  publish(cpu: BtCpu): void {
    const bits = cpu.state.bits as 32 | 64;
    if (this.cache.find(cpu.rip, bits) === undefined) this.#translate(cpu, bits, { entry: true });
    this.cache.publish(this.cache.find(cpu.rip, bits)!);
  }

  /** The tables that the virtual processor begins with. @returns machine-physical address for CR3 */
  firstTables(state: ProcessorState): number {
    return this.parts.space.load(state.paging, "4-level");
  }

  /** MOV to CR3 and its like. */
  loadPaging(state: ProcessorState, globalToo: boolean): void {
    const { monitor, space } = this.parts;
    const cr3 = space.load(state.paging, "4-level");
    monitor.port.writeCr(3, BigInt(cr3));
    if (globalToo) monitor.port.flushTlb();
    this.verify(this.parts.memory(), state.paging);
  }

  /** Translations are found by linear address: those whose page is another one now, or none, go. */
  verify(memory: GuestLinear, paging: GuestPaging): void {
    this.parts.stores.verify(paging);
    for (const [linear, { page, blocks }] of [...this.cache.linearPages]) {
      const address = memory.translate(BigInt(linear) << 12n, SUPERVISOR | FETCH);
      memory.fault = null;
      if (address !== undefined && Math.floor(address / PAGE_BYTES) === page) continue;
      for (const block of [...blocks]) this.cache.drop(block);
    }
  }

  /**
   * #PF at ring 1 or 3. Most are the shadow's or the guest's own; a write to a page that holds code, or a page table, is carried
   * out in software, and what was made from what it changed is made anew.
   */
  pageFault(cpu: BtCpu, linear: bigint, errorCode: number): void {
    const { space, devices } = this.parts;
    const access = { linear, errorCode, accessControl: (cpu.rflags & BigInt(FLAG_AC)) !== 0n };
    if (this.#supplyCache(cpu, linear, errorCode)) return;
    if (cpu.state.cpl === 0 && this.#atStoreLog(cpu, linear)) return;
    const outcome = space.fault(access);
    switch (outcome.kind) {
      case "hidden":
        return;
      case "reflect":
        return cpu.inject({ vector: 14, errorCode: outcome.errorCode, linear, kind: "exception" });
      case "refused":
        return void cpu.refuse(outcome.why);
      case "device":
        return cpu.emulate({
          linear,
          target: pageAddress(outcome.guestPhysical),
          devices,
          done: () => {},
          stop: false,
        });
      case "traced":
        if (this.#rewritten(cpu, outcome.guestPhysical)) return;
        this.#adapt(cpu);
        // The walk sets the guest's accessed and dirty flags.
        cpu.memory.translate(linear, errorCode & (USER | FAULT_WRITE));
        cpu.memory.fault = null;
        return this.#carryOut(cpu, linear, outcome.guestPhysical);
    }
  }

  /** The log was full, and is empty since the guest has arrived; or a store cannot be made through an alias. */
  #atStoreLog(cpu: BtCpu, linear: bigint): boolean {
    const { stores, monitor } = this.parts;
    const block = this.cache.blockAt(this.cache.offset(monitor.rip));
    if (block === undefined || !this.#software.has(cpu.rip)) return false;
    if (stores.isEnd(linear)) {
      cpu.settle();
      return true;
    }
    if (!stores.isBehindAlias(linear) || this.#crossing.has(cpu.rip)) return false;
    this.#crossing.add(cpu.rip);
    cpu.settle();
    this.cache.drop(block);
    return true;
  }

  /** What translated code has stored to page tables since the guest was here last. */
  readStoreLog(): void {
    const stores = this.parts.stores.drain();
    if (stores.length === 0) return;
    for (const address of new Set(stores)) this.written(address, STORE_BYTES);
    this.parts.monitor.port.work(ENTRY_CYCLES * stores.length);
  }

  /**
   * A page of code that is written as a whole, by a string instruction or by many stores, is one no longer.
   * @returns whether the guest is to write it by itself
   */
  #rewritten(cpu: BtCpu, guestPhysical: number): boolean {
    const page = Math.floor(guestPhysical / PAGE_BYTES);
    if (!this.cache.holdsCode(page)) return false;
    const writes = (this.#writes.get(page) ?? 0) + 1;
    this.#writes.set(page, writes);
    if (writes < MOST_WRITES && !this.#atString(cpu)) return false;
    this.#writes.delete(page);
    cpu.settle();
    this.cache.dropPage(page);
    return true;
  }

  /** The instruction at which the guest is in the cache is a repeated string instruction. */
  #atString(cpu: BtCpu): boolean {
    const offset = cpu.state.cpl === 0 ? this.cache.offset(this.parts.monitor.rip) : -1;
    if (offset < 0) return false;
    const code = this.parts.monitor.port.memory.read(this.cache.machine + offset, 4);
    return code[0] === REP && code.some((byte) => STRING_STORES.has(byte));
  }

  /** A store to a page that may not be written directly. */
  #carryOut(cpu: BtCpu, linear: bigint, guestPhysical: number): void {
    const { guestMemory } = this.parts;
    const page = pageAddress(guestPhysical);
    const before = guestMemory.read(page, PAGE_BYTES);
    const done = (): void => this.#changed(page, before);
    const root = page === Number(cpu.state.cr3 & 0x7f_ffff_f000n);
    const stop = root || this.cache.holdsCode(page / PAGE_BYTES);
    cpu.emulate({ linear, target: guestMemory.base + page, devices: null, done, stop });
  }

  // #region bt-adapt
  /** An instruction of the guest's kernel that faults again and again is translated anew, to leave the cache by itself. */
  #adapt(cpu: BtCpu): void {
    if (cpu.state.cpl !== 0) return;
    const { rip } = cpu;
    const faults = (this.#faults.get(rip) ?? 0) + 1;
    this.#faults.set(rip, faults);
    if (faults !== MOST_FAULTS) return;
    this.#software.add(rip);
    const block = this.cache.blockAt(this.cache.offset(this.parts.monitor.rip));
    if (block !== undefined) this.cache.drop(block);
  }
  // #endregion

  /** The guest is about to execute such an instruction. */
  carryOut(cpu: BtCpu, operand: MemoryOperand): void {
    const linear = linearAddress(cpu, operand.segment, effectiveAddress(cpu, operand));
    const address = cpu.memory.translate(linear, SUPERVISOR | FAULT_WRITE);
    cpu.memory.fault = null;
    if (address === undefined || !this.parts.shadow.traced(address)) return;
    this.#carryOut(cpu, linear, address);
    this.#aliasFor(cpu, linear, address);
  }

  /** The next store there need not leave the cache; the root is looked at for what the guest may want of the monitor's addresses. */
  #aliasFor(cpu: BtCpu, linear: bigint, guestPhysical: number): void {
    const page = pageAddress(guestPhysical);
    const root = page === Number(cpu.state.cr3 & 0x7f_ffff_f000n);
    const overridden = (cpu.rflags & BigInt(FLAG_AC)) !== 0n;
    if (root || overridden || cpu.state.bits !== 64 || this.cache.holdsCode(page / PAGE_BYTES)) return;
    this.parts.stores.add(linear - (linear & 0xfffn), page);
  }

  /** 32-bit code finds the cache below 4 GiB, in tables that are made as they are needed. */
  #supplyCache(cpu: BtCpu, linear: bigint, errorCode: number): boolean {
    if (cpu.state.cpl !== 0 || cpu.state.bits !== 32 || (errorCode & FAULT_PRESENT) !== 0) return false;
    const outcome = this.parts.space.supplyLow(Number(linear));
    if (outcome === "conflict")
      cpu.refuse(`linear address 0x${linear.toString(16)}, where its translation is`);
    return outcome !== "outside";
  }

  /** A page has been written in software: what became of its bytes tells what was. */
  #changed(page: number, before: Uint8Array): void {
    const after = this.parts.guestMemory.read(page, PAGE_BYTES);
    const old = new Uint32Array(before.buffer);
    const now = new Uint32Array(after.buffer);
    let first = 0;
    while (first < now.length && now[first] === old[first]) first++;
    if (first === now.length) return;
    let last = now.length - 1;
    while (now[last] === old[last]) last--;
    // From words to bytes: the next byte may be of an instruction.
    let from = 4 * first;
    while (after[from] === before[from]) from++;
    let to = 4 * last + 3;
    while (after[to] === before[to]) to--;
    this.written(page + from, to - from + 1);
  }

  /** Guest memory has been written by the monitor. */
  written(address: number, bytes: number): void {
    const { shadow } = this.parts;
    const last = address + bytes - 1;
    if (shadow.traced(address) || shadow.traced(last)) shadow.written(address, bytes);
    this.cache.written(address, bytes);
  }

  /**
   * A fault of user code that its own processor might not have raised: the tables that it met are the monitor's.
   * @returns false when it is the guest's own
   */
  userFault(cpu: BtCpu, vector: number, errorCode: number): boolean {
    if (vector === DEBUG) {
      cpu.state.debug[6]! |= cpu.port.debugStatus & 0xe00fn;
      return false;
    }
    if ((errorCode & 0xfffc) !== 0 && (errorCode & 2) === 0)
      return cpu.descriptors.supply(errorCode & 0xfffc);
    if (vector !== GENERAL_PROTECTION || cpu.state.bits === 16) return false;
    return this.#userInstruction(cpu);
  }

  /** INT n, ports that the guest's TSS or IOPL allows, and instructions that tell of descriptor tables. */
  #userInstruction(cpu: BtCpu): boolean {
    const callOut = this.#userCallOut(cpu);
    if (callOut === undefined || !this.#userMay(cpu, callOut)) return false;
    cpu.next = callOut.next;
    const { rip } = cpu;
    const fault = CALL_OUT_HANDLERS[callOut.kind]!(cpu, callOut);
    if (fault !== null) cpu.inject({ ...fault, kind: "exception" });
    else if (cpu.rip === rip && callOut.kind !== K.CALL_OUT_STRING_PORT) cpu.goTo(callOut.next);
    return true;
  }

  #userCallOut(cpu: BtCpu): CallOut | undefined {
    this.#state = cpu.state;
    const { callOuts } = this.#translator.translate(cpu.rip, cpu.state.bits as 32 | 64, 0, 1);
    return [...callOuts.values()].find(({ rip, kind }) => rip === cpu.rip && kind !== K.CALL_OUT_TRANSLATE);
  }

  #userMay(cpu: BtCpu, { kind, operand }: CallOut): boolean {
    switch (kind) {
      case K.CALL_OUT_INT:
      case K.CALL_OUT_SYSCALL:
        return true;
      case K.CALL_OUT_STORE_TABLE:
        return (cpu.state.cr4 & CR4_UMIP) === 0;
      case K.CALL_OUT_PORT:
      case K.CALL_OUT_STRING_PORT: {
        const { port, size } = operand as { port?: number | null; size: number };
        return portAllowed(cpu, port ?? Number(cpu.readRegister(2) & 0xffffn), size);
      }
      default:
        return false;
    }
  }

  /** The segments that a loader leaves, whose descriptors nobody may have: copies are made from the hidden parts. */
  startSegments(image: StartState): void {
    const { tables, port } = this.parts.monitor;
    startSegments(image).forEach(({ selector, rights }, index) => {
      if (index > 5 || (selector & 0xfffc) === 0) return;
      const high = 0xf_0000 | PRESENT | TYPE_ACCESSED | BIG | ((rights & 0xf0ff) << 8) | (1 << DPL_SHIFT);
      tables.setDescriptor(selector, [0xffff, high >>> 0]);
      if (index !== CS && index !== SS) port.loadSelector(index, selector);
    });
  }

  loadLocalTable(bytes: number): void {
    const { tables, port } = this.parts.monitor;
    tables.setLocalTable(this.parts.base(), bytes);
    port.loadLocalTable(bytes === 0 ? 0 : LDT_SELECTOR);
  }
}

const pageAddress = (address: number): number => address - (address % PAGE_BYTES);

const TSS_IO_MAP = 102n;

/** IN and OUT at ring 3: IOPL, or the permission bitmap of the guest's TSS (SDM Vol. 1, 19.5). */
function portAllowed(cpu: BtCpu, port: number, size: number): boolean {
  if (((cpu.rflags >> 12n) & 3n) === 3n) return true;
  const { tr } = cpu.state;
  const map = Number(cpu.memory.read(tr.base + TSS_IO_MAP, 2, SUPERVISOR));
  const at = map + Math.floor(port / 8);
  const within = at + 1 <= tr.limit;
  const bits = within ? Number(cpu.memory.read(tr.base + BigInt(at), 2, SUPERVISOR)) : 0xffff;
  cpu.memory.fault = null;
  return ((bits >> (port % 8)) & ((1 << size) - 1)) === 0;
}
