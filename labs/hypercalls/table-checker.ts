/**
 * An eye of its own on a guest's page tables: it walks everything that the processor could reach from a level-4 table, knowing
 * nothing of types and counts, and remembers what the TLB may still hold since it was flushed last.
 */
import type { Machine } from "../../src/machine/machine.js";
import { RAM_BASE } from "../../src/spec/memory-map.js";

const FRAME = 4096;
const LARGE = 0x20_0000;
const HYPERVISOR_SLOT = 256;

/** What a frame is by the tables as they are, and what it was since the last flush. */
const TABLE = 1;
const WRITABLE = 2;
const NOW = TABLE | WRITABLE;
const WAS_TABLE = 4;
const WAS_WRITABLE = 8;

export class TableChecker {
  readonly #words: Uint32Array;
  /** By guest frame. */
  readonly #uses: Uint8Array;
  /** By level and frame: looked at in this walk, 1 as read-only, 2 as writable. */
  readonly #seen: Uint8Array[];
  faults: string[] = [];

  /**
   * @param base - machine-physical address of the guest's RAM
   * @param bytes - its size
   * @param hypervisorFrame - machine frame that entry 256 of a level-4 table leads to
   */
  constructor(
    machine: Machine,
    private readonly base: number,
    private readonly bytes: number,
    private readonly hypervisorFrame: number,
  ) {
    this.#words = new Uint32Array(machine.processor.view.buffer, RAM_BASE, (base + bytes) / 4);
    this.#uses = new Uint8Array(bytes / FRAME);
    this.#seen = Array.from({ length: 4 }, () => new Uint8Array(bytes / FRAME));
  }

  /** The TLB is empty. */
  flushed(): void {
    for (let i = 0; i < this.#uses.length; i++) this.#uses[i] &= NOW;
  }

  /** Guest frames of the tables that the last walk came to. */
  get tables(): number[] {
    return [...this.#uses.keys()].filter((frame) => (this.#uses[frame] & TABLE) !== 0);
  }

  /** @param root - machine-physical address of the level-4 table. @returns what is wrong */
  walk(root: number): string[] {
    this.faults = [];
    for (let i = 0; i < this.#uses.length; i++) this.#uses[i] &= ~NOW;
    for (const seen of this.#seen) seen.fill(0);
    this.#table((root - this.base) / FRAME, 4, true);
    this.#uses.forEach((use, frame) => {
      if ((use & TABLE) !== 0 && (use & WRITABLE) !== 0)
        this.faults.push(`table ${frame} is mapped writable`);
      if ((use & TABLE) !== 0 && (use & WAS_WRITABLE) !== 0)
        this.faults.push(`the TLB may still let table ${frame} be written`);
      if ((use & WRITABLE) !== 0 && (use & WAS_TABLE) !== 0)
        this.faults.push(`the processor may still use page ${frame} as a table`);
      this.#uses[frame] |= (use & NOW) << 2;
    });
    return this.faults;
  }

  #table(frame: number, level: number, rights: boolean): void {
    const seen = this.#seen[level - 1];
    if (seen[frame] >= (rights ? 2 : 1)) return;
    seen[frame] = rights ? 2 : 1;
    this.#uses[frame] |= TABLE;
    const first = (this.base + frame * FRAME) / 4;
    for (let i = 0; i < 512; i++) {
      const low = this.#words[first + 2 * i];
      if (level === 4 && i === HYPERVISOR_SLOT) this.#hypervisorEntry(low, this.#words[first + 2 * i + 1]);
      else if ((low & 1) !== 0) this.#entry(low, this.#words[first + 2 * i + 1], level, rights);
    }
  }

  #hypervisorEntry(low: number, high: number): void {
    if (low >>> 12 !== this.hypervisorFrame || high !== 0 || (low & 5) !== 1)
      this.faults.push(`the hypervisor's entry has become ${high.toString(16)}:${low.toString(16)}`);
  }

  #entry(low: number, high: number, level: number, rights: boolean): void {
    const address = (high & 0xf_ffff) * 2 ** 32 + ((low & 0xffff_f000) >>> 0);
    const large = level === 2 && (low & 0x80) !== 0;
    const size = large ? LARGE : FRAME;
    const wrong =
      address < this.base || address + size > this.base + this.bytes
        ? "leads out of the guest"
        : (low & 0x100) !== 0
          ? "is global"
          : level !== 2 && (low & 0x80) !== 0
            ? "has bit 7"
            : large && (low & 0x1f_f000) !== 0
              ? "is large and not aligned"
              : null;
    if (wrong !== null) {
      this.faults.push(`an entry of level ${level}, ${high.toString(16)}:${low.toString(16)}, ${wrong}`);
      return;
    }
    const frame = (address - this.base) / FRAME;
    const writes = rights && (low & 2) !== 0;
    if (level > 1 && !large) this.#table(frame, level - 1, writes);
    else if (writes) for (let i = 0; i < size / FRAME; i++) this.#uses[frame + i] |= WRITABLE;
  }
}
