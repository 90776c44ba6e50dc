/**
 * What is to be done at a place in the cache to have the guest's state of before or after one of its instructions: registers
 * that are in their fields of the state page …
 */
export const RESTORE_RAX = 1 << 0;
export const RESTORE_RCX = 1 << 1;
export const RESTORE_RDX = 1 << 2;
export const RESTORE_RSI = 1 << 3;
export const RESTORE_RDI = 1 << 4;
/** … RIP that is in RAX, on its way through the look-up of an indirect jump … */
export const TARGET_IN_RAX = 1 << 5;
/** … and STI that has just been executed: it holds interrupts off for one more instruction. */
export const AFTER_STI = 1 << 6;
/** POPF has been executed but for IF and IOPL. */
export const IN_POPF = 1 << 7;

/** A jump from one block to another: a call-out until the other exists. */
export interface Exit {
  /** Offset in the cache of the jump: 5 bytes. */
  at: number;
  /** Offset of the displacement of the conditional jump that leads to it; 0: there is none that could lead further by itself. */
  condition: number;
  /** Guest address that it leads to. */
  target: number;
  block: Block;
  linked: Block | null;
}

/** What a call-out stands for. */
export interface CallOut {
  /** A number of spec/call-outs. */
  kind: number;
  block: Block;
  /** Guest addresses of the instruction and of the next one. */
  rip: number;
  next: number;
  /** Offset in the cache where the guest goes on, if it goes on behind the instruction; 0: nowhere. */
  resume: number;
  mnemonic: number;
  /** What the handler needs of the instruction. */
  operand: unknown;
}

/** A page that guest code is on: number of the linear page, and guest-physical address of the first byte on it. */
export interface CodePage {
  linear: number;
  physical: number;
}

/** A stretch of guest code with its translation. Offsets are in the cache. */
export class Block {
  /** One past the last byte. */
  end = 0;
  /** Offset of the entry for indirect jumps, 0: none yet. */
  entry = 0;
  /** Pieces in ascending order: offset, guest address, {@link RESTORE_RAX} …, and what to add to RSP. */
  readonly offsets: number[] = [];
  readonly addresses: number[] = [];
  readonly states: number[] = [];
  readonly adjustments: number[] = [];
  readonly exits: Exit[] = [];
  readonly callOuts: number[] = [];
  /** Jumps that lead here. */
  readonly incoming = new Set<Exit>();
  /** Instructions and bytes of guest code. */
  count = 0;
  length = 0;
  /** For whoever reads it: the guest's code as it was … */
  source: Uint8Array = new Uint8Array();
  /** … offsets where the translation of each of its instructions begins, and what stands behind the last … */
  readonly starts: number[] = [];
  /** … and one past the last instruction of all. */
  codeEnd = 0;
  /** Pages of the code. */
  readonly pages: CodePage[] = [];
  alive = true;
  /** The segment that GS stands for in 32-bit code; −1: the cache's own data. */
  borrowed = -1;

  /**
   * @param rip - guest address of the first instruction, in its code segment
   * @param bits - size of its code
   * @param start - offset of the translation
   */
  constructor(
    readonly rip: number,
    readonly bits: 32 | 64,
    readonly start: number,
  ) {}

  /** From `offset` on the guest is at `address`, once the rest is done. */
  piece(offset: number, address: number, state = 0, adjustment = 0): void {
    const count = this.offsets.length;
    const at = count > 0 && this.offsets[count - 1] === offset ? count - 1 : count;
    this.offsets[at] = offset;
    this.addresses[at] = address;
    this.states[at] = state;
    this.adjustments[at] = adjustment;
  }

  /** Index of the piece that an offset is in. */
  find(offset: number): number {
    let low = 0;
    let high = this.offsets.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.offsets[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
