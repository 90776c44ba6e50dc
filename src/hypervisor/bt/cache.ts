import type { PhysicalMemory } from "../../machine/physical-memory.js";
import { PAGE_BYTES } from "../memory/layout.js";
import type { LowRange, MonitorRange } from "../memory/shadow/shadow-memory.js";
import * as B from "./block.js";
import type { Block, CallOut, CodePage, Exit } from "./block.js";
import { Code, RAX, RCX, RDX } from "./code.js";
import * as K from "../../spec/call-outs.js";
import * as L from "./layout.js";
import type { Translation } from "./translator.js";

const JUMP = 0xe9;
const JUMP_BYTES = 5;
/** INT of the call-out vector and a NOP of three bytes: as long as a jump. */
const UNLINKED = Uint8Array.of(0xcd, L.CALL_OUT_VECTOR, 0x0f, 0x1f, 0x00);
const ENTRY_BYTES = 64;

/** Guest addresses by code size: the same address may be both. */
const keyOf = (rip: number, bits: 32 | 64): number => (bits === 64 ? rip : rip + 2 ** 50);

/** Where an offset of the cache is in the guest's work. */
export interface Place {
  /** Guest address, unless {@link B.TARGET_IN_RAX} is in the state. */
  rip: number;
  state: number;
  adjustment: number;
  /** Guest address of the instruction after that at {@link rip}. */
  next: number;
}

/**
 * The translation cache: frames of the monitor's with code for ring 1, written by physical address; the guest's processor sees
 * them read-only. Blocks are put one behind another; when there is no room everything goes, as it does when the guest's code
 * segment means something else.
 */
export class Cache {
  /** Where the table leads for an address that is not in it: call-outs. */
  #misses = { 64: 0, 32: 0 };
  /** Blocks made, and blocks dropped since their code changed, and how often everything went; for reports. */
  readonly statistics = { blocks: 0, dropped: 0, flushed: 0, bytes: 0 };
  readonly #blocks = new Map<number, Block>();
  readonly #callOuts = new Map<number, CallOut>();
  /** All blocks by where they are, alive or not, for finding the one that an offset is in. */
  readonly #order: Block[] = [];
  /** Entries for indirect jumps: first offset, and its block. */
  readonly #entries: { at: number; body: number; block: Block }[] = [];
  readonly #byPage = new Map<number, Set<Block>>();
  readonly #byLinear = new Map<number, { page: number; blocks: Set<Block> }>();
  readonly #places: Place[] = [];
  #placeOffsets: number[] = [];
  readonly #code = new Code();
  #next = L.CODE;
  #first = L.CODE;

  /**
   * @param machine - machine-physical address of {@link L.CACHE_BYTES} bytes
   * @param onPage - told when the first code of a guest-physical page is translated, and when the last is gone
   */
  constructor(
    private readonly memory: PhysicalMemory,
    readonly machine: number,
    private linear64: bigint,
    private readonly linear32: number,
    private readonly onPage: (page: number, holdsCode: boolean) => void,
  ) {
    this.#writeConstants();
    this.#writeRoutines();
  }

  /** What to map of it in the monitor's window. */
  get ranges(): MonitorRange[] {
    const range = (from: number, bytes: number, writable: boolean, executable: boolean): MonitorRange => ({
      linear: this.linear64 + BigInt(from),
      machine: this.machine + from,
      bytes,
      writable,
      executable,
      user: false,
    });
    return [
      range(L.STATE, L.STATE_BYTES, true, false),
      range(L.CONSTANTS, L.CODE - L.CONSTANTS, false, false),
      range(L.CODE, L.CACHE_BYTES - L.CODE, false, true),
    ];
  }

  /** The same for 32-bit code. */
  get lowRange(): LowRange {
    return {
      linear: this.linear32,
      machine: this.machine,
      bytes: L.CACHE_BYTES,
      writableBytes: L.STATE_BYTES,
      dataBytes: L.CODE,
    };
  }

  /** It is at another place in the monitor's window from here on. */
  moveTo(linear64: bigint): void {
    this.linear64 = linear64;
    this.flush();
  }

  /** Linear address of the table of indirect jumps of 64-bit code, if 32 bits hold it; else null. */
  get shortTable(): number | null {
    const address = BigInt.asIntN(64, this.linear64 + BigInt(L.HASH_64));
    return BigInt.asIntN(32, address) === address ? Number(address) : null;
  }

  /** Linear address of an offset for code of a size. */
  linear(offset: number, bits: 32 | 64): bigint {
    return bits === 64 ? this.linear64 + BigInt(offset) : BigInt(this.linear32 + offset);
  }
  /** Offset of a linear address; −1: it is not in the cache. */
  offset(linear: bigint): number {
    const wide = linear - this.linear64;
    if (wide >= BigInt(L.CODE) && wide < BigInt(L.CACHE_BYTES)) return Number(wide);
    const narrow = linear - BigInt(this.linear32);
    return narrow >= BigInt(L.CODE) && narrow < BigInt(L.CACHE_BYTES) ? Number(narrow) : -1;
  }
  /** Whether a linear address belongs to any of it. */
  contains(linear: bigint): boolean {
    const within = (base: bigint): boolean => linear >= base && linear < base + BigInt(L.CACHE_BYTES);
    return within(this.linear64) || within(BigInt(this.linear32));
  }

  /** Offset for the next translation; everything goes if the cache is full. */
  room(bytes: number): number {
    if (this.#next + bytes > L.CACHE_BYTES) this.flush();
    return this.#next;
  }

  find(rip: number, bits: 32 | 64): Block | undefined {
    return this.#blocks.get(keyOf(rip, bits));
  }

  /**
   * @param kept - it is to be found again; else it is there for one use
   * @param entry - offset of the entry before it; 0: there is none
   */
  add({ block, code, callOuts }: Translation, kept: boolean, entry = 0): void {
    if (entry !== 0) this.#addEntry(block, entry, block.start - this.#restoring(block.bits));
    this.memory.write(this.machine + block.start, code.bytes.subarray(0, code.length));
    this.#next = block.end;
    this.#order.push(block);
    for (const [at, callOut] of callOuts) this.#callOuts.set(at, callOut);
    for (const page of block.pages) this.#hold(page, block);
    if (kept) this.#blocks.set(keyOf(block.rip, block.bits), block);
    this.statistics.blocks++;
    this.statistics.bytes += block.end - block.start;
  }

  #usesRdx(bits: 32 | 64): boolean {
    return bits === 64 && this.shortTable === null;
  }
  /** Bytes at the end of an entry that give the registers back. */
  #restoring(bits: 32 | 64): number {
    return (this.#usesRdx(bits) ? 3 : 2) * 7;
  }

  callOutAt(offset: number): CallOut | undefined {
    return this.#callOuts.get(offset);
  }

  // #region bt-link
  /** From now on the exit leads straight to the block, and a conditional jump to it does so itself. */
  link(exit: Exit, to: Block): void {
    if (!exit.block.alive || !to.alive || exit.block.bits !== to.bits || exit.linked !== null) return;
    exit.linked = to;
    to.incoming.add(exit);
    this.#jump(exit.at, to.start);
    if (exit.condition !== 0) this.#write32(exit.condition, to.start - (exit.condition + 4));
  }

  #unlink(exit: Exit): void {
    exit.linked = null;
    this.memory.write(this.machine + exit.at, UNLINKED);
    if (exit.condition !== 0) this.#write32(exit.condition, exit.at - (exit.condition + 4));
  }
  // #endregion

  /** The block can be found by indirect jumps to its guest address. */
  publish(block: Block): void {
    if (block.entry === 0) this.#makeEntry(block);
    if (!block.alive) return;
    const index = block.rip & 0xffff;
    if (block.bits === 64)
      this.memory.write64(this.machine + L.HASH_64 + 8 * index, this.linear(block.entry, 64));
    else this.memory.write32(this.machine + L.HASH_32 + 4 * index, Number(this.linear(block.entry, 32)));
  }

  // #region bt-code-changed
  /** Guest-physical bytes have changed: blocks made from them go. */
  written(address: number, bytes: number): void {
    const last = Math.floor((address + bytes - 1) / PAGE_BYTES);
    for (let page = Math.floor(address / PAGE_BYTES); page <= last; page++)
      for (const block of [...(this.#byPage.get(page) ?? [])])
        if (overlaps(block, page, address, bytes)) this.drop(block);
  }
  // #endregion
  /** Nothing of a guest-physical page is translated any more. */
  dropPage(page: number): void {
    for (const block of [...(this.#byPage.get(page) ?? [])]) this.drop(block);
  }
  holdsCode(page: number): boolean {
    return this.#byPage.has(page);
  }
  /** Linear pages of code, with the guest-physical page of each. */
  get linearPages(): ReadonlyMap<number, { page: number; blocks: Set<Block> }> {
    return this.#byLinear;
  }

  // #region bt-drop
  drop(block: Block): void {
    if (!block.alive) return;
    block.alive = false;
    this.statistics.dropped++;
    const key = keyOf(block.rip, block.bits);
    if (this.#blocks.get(key) === block) this.#blocks.delete(key);
    for (const exit of block.incoming) this.#unlink(exit);
    for (const exit of block.exits) exit.linked?.incoming.delete(exit);
    for (const page of block.pages) this.#release(page, block);
    if (block.entry !== 0) this.#unpublish(block);
  }
  // #endregion

  /** Everything goes. */
  flush(): void {
    for (const page of this.#byPage.keys()) this.onPage(page, false);
    for (const block of this.#order) block.alive = false;
    this.#blocks.clear();
    this.#callOuts.clear();
    this.#byPage.clear();
    this.#byLinear.clear();
    this.#order.length = 0;
    this.#entries.length = 0;
    this.#next = this.#first;
    this.statistics.flushed++;
    this.#writeRoutines();
  }

  /** Where the guest is when the processor is at an offset; undefined: nowhere that it could be. */
  place(offset: number): Place | undefined {
    const block = this.blockAt(offset);
    if (block !== undefined) {
      const piece = block.find(offset);
      return {
        rip: block.addresses[piece]!,
        state: block.states[piece]!,
        adjustment: block.adjustments[piece]!,
        next: block.addresses.find((address, i) => i > piece && address !== block.addresses[piece]) ?? 0,
      };
    }
    return this.#sharedPlace(offset);
  }

  /** Everything that is in it, in the order of making, alive or not. */
  get blocks(): readonly Block[] {
    return this.#order;
  }
  blockAt(offset: number): Block | undefined {
    const block = lastAtOrBefore(this.#order, (candidate) => candidate.start, offset);
    return block !== undefined && offset < block.end ? block : undefined;
  }
  /** Whether an offset is in a translation that is still one. */
  alive(offset: number): boolean {
    return this.blockAt(offset)?.alive ?? true;
  }

  #sharedPlace(offset: number): Place | undefined {
    const entry = lastAtOrBefore(this.#entries, ({ at }) => at, offset);
    if (entry !== undefined && offset < entry.at + ENTRY_BYTES) return this.#placeInEntry(entry, offset);
    let found: Place | undefined;
    this.#placeOffsets.forEach((first, i) => {
      if (first <= offset) found = this.#places[i];
    });
    return offset < this.#first ? found : undefined;
  }

  #hold({ linear, physical }: CodePage, block: Block): void {
    const page = Math.floor(physical / PAGE_BYTES);
    let blocks = this.#byPage.get(page);
    if (blocks === undefined) {
      this.#byPage.set(page, (blocks = new Set()));
      this.onPage(page, true);
    }
    blocks.add(block);
    let known = this.#byLinear.get(linear);
    if (known?.page !== page) this.#byLinear.set(linear, (known = { page, blocks: new Set() }));
    known.blocks.add(block);
  }
  #release({ linear, physical }: CodePage, block: Block): void {
    const page = Math.floor(physical / PAGE_BYTES);
    const known = this.#byLinear.get(linear);
    if (known?.blocks.delete(block) && known.blocks.size === 0) this.#byLinear.delete(linear);
    const blocks = this.#byPage.get(page);
    if (blocks?.delete(block) && blocks.size === 0) {
      this.#byPage.delete(page);
      this.onPage(page, false);
    }
  }

  /** In place of its entry in the table there is the routine for what is not there. */
  #unpublish(block: Block): void {
    const index = block.rip & 0xffff;
    if (block.bits === 64) {
      const at = this.machine + L.HASH_64 + 8 * index;
      if (this.memory.read64(at) === BigInt.asUintN(64, this.linear(block.entry, 64)))
        this.memory.write64(at, this.linear(this.#misses[64], 64));
    } else {
      const at = this.machine + L.HASH_32 + 4 * index;
      if (this.memory.read32(at) === Number(this.linear(block.entry, 32)))
        this.memory.write32(at, Number(this.linear(this.#misses[32], 32)));
    }
  }

  /**
   * The table's index is 16 bits of the address: what it leads to compares the rest, without touching a flag, and gives the
   * registers back.
   */
  #entryCode(rip: number, bits: 32 | 64, at: number): { length: number; body: number } {
    const code = this.#code;
    code.begin(bits, at);
    code.shortTable = this.shortTable;
    code.jump(this.#misses[bits]);
    code.constant(RCX, 1n - BigInt(rip));
    if (bits === 64) code.byte(0x48);
    code.byte(0x8d, 0x0c, 0x01); // LEA RCX, [RCX + RAX]
    code.jumpUnlessOne(-(code.length + 2));
    const body = code.at;
    if (code.usesRdx) code.restore(RDX, L.SAVED_RDX);
    code.restore(RCX, L.SAVED_RCX);
    code.restore(RAX, L.SAVED_RAX);
    return { length: code.length, body };
  }

  /** Writes the entry of a block that is to follow at once. @returns offset behind it */
  beginWithEntry(rip: number, bits: 32 | 64, at: number): number {
    const { length } = this.#entryCode(rip, bits, at);
    this.memory.write(this.machine + at, this.#code.bytes.subarray(0, length));
    return at + length;
  }

  /** The entry of a block that has been made without one. */
  #makeEntry(block: Block): void {
    const at = this.room(ENTRY_BYTES);
    if (!block.alive) return;
    const { body } = this.#entryCode(block.rip, block.bits, at);
    this.#code.jump(block.start);
    this.memory.write(this.machine + at, this.#code.bytes.subarray(0, this.#code.length));
    this.#next = at + ENTRY_BYTES;
    this.#addEntry(block, at, body);
  }
  #addEntry(block: Block, at: number, body: number): void {
    this.#entries.push({ at, body, block });
    block.entry = at + JUMP_BYTES;
  }

  /** The last jump is after the registers are the guest's again; before that RAX holds the target, then it is the block's. */
  #placeInEntry({ body, block }: { body: number; block: Block }, offset: number): Place {
    const all = B.RESTORE_RAX | B.RESTORE_RCX | (this.#usesRdx(block.bits) ? B.RESTORE_RDX : 0);
    if (offset < body) return { rip: 0, state: all | B.TARGET_IN_RAX, adjustment: 0, next: 0 };
    return { rip: block.rip, state: all, adjustment: 0, next: 0 };
  }

  #writeConstants(): void {
    const at = this.machine + L.CONSTANTS;
    for (let byte = 0; byte < 256; byte++) {
      this.memory.write8(at + L.ONLY_IF + byte, byte & 0x02);
      this.memory.write8(at + L.ONLY_IOPL + byte, byte & 0x30);
      this.memory.write8(at + L.PRIORITY + byte, byte > 15 ? 0 : byte);
    }
  }

  /** Of an indirect jump whose target the table does not hold: a call-out for each size of code. */
  #writeRoutines(): void {
    const code = this.#code;
    this.#places.length = this.#placeOffsets.length = 0;
    code.begin(64, L.CODE);
    for (const bits of [64, 32] as const) {
      code.bits = bits;
      this.#misses[bits] = code.at;
      const saved = B.TARGET_IN_RAX | B.RESTORE_RAX | B.RESTORE_RCX;
      this.#sharedPiece(code.at, this.#usesRdx(bits) ? saved | B.RESTORE_RDX : saved);
      code.callOut();
      const callOut = {
        block: null as unknown as Block,
        rip: 0,
        next: 0,
        resume: 0,
        mnemonic: 0,
        operand: bits,
      };
      this.#callOuts.set(code.at, { kind: K.CALL_OUT_LOOK_UP, ...callOut });
    }
    this.memory.write(this.machine + L.CODE, code.bytes.subarray(0, code.length));
    this.#first = this.#next = (code.at + 15) & ~15;
    this.#emptyTables();
  }

  #sharedPiece(offset: number, state: number): void {
    this.#placeOffsets.push(offset);
    this.#places.push({ rip: 0, state, adjustment: 0, next: 0 });
  }

  #emptyTables(): void {
    const miss64 = this.linear(this.#misses[64], 64);
    const miss32 = Number(this.linear(this.#misses[32], 32));
    const wide = new BigUint64Array(L.HASH_ENTRIES).fill(BigInt.asUintN(64, miss64));
    const narrow = new Uint32Array(L.HASH_ENTRIES).fill(miss32);
    this.memory.write(this.machine + L.HASH_64, new Uint8Array(wide.buffer));
    this.memory.write(this.machine + L.HASH_32, new Uint8Array(narrow.buffer));
  }

  #jump(at: number, target: number): void {
    this.memory.write8(this.machine + at, JUMP);
    this.#write32(at + 1, target - (at + 5));
  }
  #write32(at: number, value: number): void {
    this.memory.write32(this.machine + at, value >>> 0);
  }
}

function overlaps(block: Block, page: number, address: number, bytes: number): boolean {
  let rest = block.length;
  for (const { physical } of block.pages) {
    const here = Math.min(rest, PAGE_BYTES - (physical % PAGE_BYTES));
    const on = Math.floor(physical / PAGE_BYTES) === page;
    if (on && here > 0 && physical < address + bytes && address < physical + here) return true;
    rest -= here;
  }
  return false;
}

/** Of items in ascending order. */
function lastAtOrBefore<T>(items: readonly T[], at: (item: T) => number, offset: number): T | undefined {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (at(items[middle]!) <= offset) low = middle + 1;
    else high = middle;
  }
  return items[low - 1];
}
