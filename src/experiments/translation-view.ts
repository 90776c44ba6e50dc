import type { CallOut, Block } from "../hypervisor/bt/block.js";
import type { Cache } from "../hypervisor/bt/cache.js";
import { FLOW } from "../hypervisor/bt/iced-numbers.js";
import * as L from "../hypervisor/bt/layout.js";
import * as K from "../spec/call-outs.js";
import { exitReasonName } from "../trace/names.js";
import { Disassembler } from "./disassembler.js";
import type { TranslatedBlock, TranslatedRow, TranslationKind, TranslationsView } from "./view.js";

/** Fields of the state page and tables, as they stand in brackets. */
const FIELDS: ReadonlyMap<number, string> = new Map([
  [L.SAVED_RAX, "saved RAX"],
  [L.SAVED_RCX, "saved RCX"],
  [L.SAVED_RDX, "saved RDX"],
  [L.SAVED_POINTER, "saved pointer"],
  [L.VIRTUAL_IF, "virtual IF"],
  [L.VIRTUAL_IOPL, "virtual IOPL"],
  [L.INTERRUPT_WAITS, "interrupt waits"],
  [L.PRIORITY_WAITS, "priority waits"],
  [L.VIRTUAL_CR8, "virtual CR8"],
  [L.VIRTUAL_CR0, "virtual CR0"],
  [L.VIRTUAL_CR2, "virtual CR2"],
  [L.VIRTUAL_CR3, "virtual CR3"],
  [L.VIRTUAL_CR4, "virtual CR4"],
  [L.PORT_VALUE, "port 0x80"],
  [L.CONSTANTS, "constants"],
  [L.HASH_64, "table"],
  [L.HASH_32, "table"],
]);

/** An exit is padded to the length of the jump that it may become. */
const EXIT_BYTES = 5;
const HEXADECIMAL = /([+-]?)0x([0-9a-f]{5,})/g;
const THROUGH_GS = /gs:\[(e[a-z]{2}(?:\*4)?\+)?(?:0x)?([0-9a-f]+)\]/;

/**
 * Reads a translation cache as a debug probe does: from the cache's own list of blocks and the bytes in memory, without
 * executing an instruction. A block that has not changed since the last look is the same object as then.
 */
export class TranslationReader {
  readonly #disassembler: Disassembler;
  readonly #known = new WeakMap<Block, { state: string; view: TranslatedBlock }>();
  #numbers = new Map<Block, number>();

  /** @param decoder - compiled wasm of iced-x86 */
  constructor(
    decoder: WebAssembly.Module,
    private readonly cache: Cache,
    private readonly read: (machine: number, bytes: number) => Uint8Array,
  ) {
    this.#disassembler = new Disassembler(decoder);
  }

  /** @param at - offset at which the processor stands; −1: elsewhere */
  view(at: number): TranslationsView {
    const { blocks, statistics } = this.cache;
    this.#numbers = new Map(blocks.map((block, i) => [block, i + 1]));
    const current = at < 0 ? undefined : this.cache.blockAt(at);
    return {
      blocks: blocks.map((block) => this.#block(block)),
      at,
      current: current === undefined ? null : this.#numbers.get(current)!,
      dropped: statistics.dropped,
    };
  }

  #block(block: Block): TranslatedBlock {
    const links = block.exits.map(({ linked }) => (linked === null ? null : this.#numbers.get(linked)!));
    const state = `${block.alive} ${block.entry} ${links.join()}`;
    const known = this.#known.get(block);
    if (known?.state === state) return known.view;
    const view: TranslatedBlock = {
      number: this.#numbers.get(block)!,
      address: unsigned(block.rip),
      bits: block.bits,
      offset: block.start,
      bytes: block.end - block.start,
      alive: block.alive,
      inTable: block.entry !== 0,
      rows: this.#rows(block),
      exits: block.exits.map(({ at, target, condition }, i) => ({
        offset: at,
        target: unsigned(target),
        conditional: condition !== 0,
        to: links[i]!,
      })),
    };
    this.#known.set(block, { state, view });
    return view;
  }

  #rows(block: Block): TranslatedRow[] {
    const { starts, source, bits } = block;
    const code = this.read(this.cache.machine + block.start, block.codeEnd - block.start);
    const rows: TranslatedRow[] = [];
    let from = 0;
    for (let i = 0; i < block.count; i++) {
      const address = unsigned(block.rip + from);
      const length = this.#decode(bits, source.subarray(from), address);
      const guest = this.#disassembler.text;
      const bytes = code.subarray(starts[i]! - block.start, starts[i + 1]! - block.start);
      const kind = this.#kind(block, source.subarray(from, from + length), bytes, starts[i]!);
      rows.push({ address, guest, kind, code: this.#code(block, code, starts[i]!, starts[i + 1]!) });
      from += length;
    }
    const tail = this.#code(block, code, starts[block.count]!, block.codeEnd);
    if (tail.length > 0) rows.push({ address: null, guest: "", kind: "exit", code: tail });
    return rows;
  }

  /** Decodes the instruction at the beginning of `bytes`. @returns its length */
  #decode(bits: 32 | 64, bytes: Uint8Array, address: bigint): number {
    this.#disassembler.begin(bits, bytes.subarray(0, 16), address);
    this.#disassembler.next();
    return Math.max(this.#disassembler.length, 1);
  }

  /** What became of the instruction that has just been decoded. */
  #kind(block: Block, source: Uint8Array, code: Uint8Array, start: number): TranslationKind {
    if (source.length === code.length && source.every((byte, i) => byte === code[i])) return "identical";
    const leaves = block.callOuts.some(
      (at) => at > start && at <= start + code.length && isWork(this.cache.callOutAt(at)),
    );
    if (leaves) return "call-out";
    if (this.#disassembler.flow !== FLOW.Next) return "jump";
    return this.#disassembler.isIpRelative ? "relocated" : "emulated";
  }

  #code(block: Block, code: Uint8Array, from: number, to: number): TranslatedRow["code"] {
    const instructions: TranslatedRow["code"] = [];
    for (let at = from; at < to;) {
      const bytes = code.subarray(at - block.start);
      const length = this.#decode(block.bits, bytes, BigInt.asUintN(64, this.cache.linear(at, block.bits)));
      const callOut = this.cache.callOutAt(at + length);
      const why = callOut && exitReasonName(callOut.kind).replace("CALL_OUT_", "");
      const text = this.#named(block, this.#disassembler.text);
      instructions.push({ offset: at, text, callOut: why ?? null });
      at += callOut?.kind === K.CALL_OUT_TRANSLATE ? EXIT_BYTES : length;
    }
    return instructions;
  }

  /** Addresses in the cache by name. */
  #named(block: Block, text: string): string {
    if (block.bits === 32)
      text = text.replace(THROUGH_GS, (whole, index: string | undefined, offset: string) => {
        const field = FIELDS.get(Number.parseInt(offset, whole.includes("0x") ? 16 : 10));
        return field === undefined ? whole : `[${field}${index ? ` ${index.slice(0, -1)}` : ""}]`;
      });
    return text.replace(HEXADECIMAL, (whole, sign: string, digits: string) => {
      const value = BigInt.asUintN(64, sign === "-" ? -BigInt(`0x${digits}`) : BigInt(`0x${digits}`));
      const name = this.#nameOf(block, Number(value - BigInt.asUintN(64, this.cache.linear(0, block.bits))));
      return name === undefined ? whole : `${sign === "" ? "" : " + "}${name}`;
    });
  }

  #nameOf(block: Block, offset: number): string | undefined {
    if (offset < 0 || offset >= L.CACHE_BYTES) return undefined;
    const field = FIELDS.get(offset);
    if (field !== undefined || offset < L.CODE) return field;
    const exit = block.exits.findIndex(({ at }) => at === offset);
    if (exit >= 0) return `exit ${exit + 1}`;
    const target = this.cache.blockAt(offset);
    const number = target && this.#numbers.get(target);
    if (target === undefined || number === undefined) return undefined;
    return offset === target.start ? `T${number}` : `T${number}+${offset - target.start}`;
  }
}

/** Guest addresses in the translator are signed. */
const unsigned = (address: number): bigint => BigInt.asUintN(64, BigInt(address));

/** A call-out that is the instruction's own work: not an exit of the block, nor a question for interrupts. */
function isWork(callOut: CallOut | undefined): boolean {
  if (callOut === undefined) return false;
  return callOut.kind !== K.CALL_OUT_TRANSLATE && callOut.kind !== K.CALL_OUT_INTERRUPT;
}
