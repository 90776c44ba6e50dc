import { byteWide, type Device } from "../bus.js";

/**
 * One Intel 8259A programmable interrupt controller (Intel datasheet 231468-003). Section names in comments are the
 * datasheet's. Until the first complete initialisation it requests nothing.
 * @module
 */

// Registers: A0 = 0 takes ICW1, OCW2 and OCW3 and gives IRR, ISR or the poll word; A0 = 1 takes ICW2–4 and OCW1.
const COMMAND = 0;
const DATA = 1;

const ICW1_IC4 = 1 << 0;
const ICW1_SNGL = 1 << 1;
const ICW1_LTIM = 1 << 3;
const ICW1 = 1 << 4;
const ICW4_AEOI = 1 << 1;
const ICW4_SFNM = 1 << 4;
const OCW3 = 1 << 3;
const OCW3_RIS = 1 << 0;
const OCW3_RR = 1 << 1;
const OCW3_POLL = 1 << 2;
const OCW3_SMM = 1 << 5;
const OCW3_ESMM = 1 << 6;
const POLL_PENDING = 1 << 7;

/** Bits 7:5 of OCW2: R, SL, EOI. */
const ROTATE_IN_AEOI_CLEAR = 0;
const NONSPECIFIC_EOI = 1;
const SPECIFIC_EOI = 3;
const ROTATE_IN_AEOI_SET = 4;
const ROTATE_ON_NONSPECIFIC_EOI = 5;
const SET_PRIORITY = 6;
const ROTATE_ON_SPECIFIC_EOI = 7;

/** Level that a request which vanished before its acknowledgement is reported as. */
const SPURIOUS_LEVEL = 7;

/** State of one chip: plain data. */
export interface Pic8259State {
  /** Levels of the eight inputs. */
  lines: number;
  irr: number;
  isr: number;
  imr: number;
  /** Bits 7:3 of the vectors. */
  vectorBase: number;
  /** The next word that initialisation expects: 2, 3 or 4; 0 when complete; -1 before the first ICW1. */
  awaiting: number;
  single: boolean;
  needsIcw4: boolean;
  levelTriggered: boolean;
  /** Level-triggered inputs by the board's edge/level register. */
  elcr: number;
  autoEoi: boolean;
  rotateOnAutoEoi: boolean;
  specialFullyNested: boolean;
  specialMask: boolean;
  readIsr: boolean;
  poll: boolean;
  /** Level of lowest priority; the next one up, modulo 8, has the highest. */
  lowest: number;
  output: boolean;
}

const RESET: Pic8259State = {
  lines: 0,
  irr: 0,
  isr: 0,
  imr: 0,
  vectorBase: 0,
  awaiting: -1,
  single: false,
  needsIcw4: false,
  levelTriggered: false,
  elcr: 0,
  autoEoi: false,
  rotateOnAutoEoi: false,
  specialFullyNested: false,
  specialMask: false,
  readIsr: false,
  poll: false,
  lowest: 7,
  output: false,
};

/** One 8259A, to be cascaded by {@link "pic-pair"}. */
export class Pic8259 {
  readonly device: Device = byteWide(
    (offset) => this.#read(offset),
    (offset, value) => this.#write(offset, value),
  );
  #state: Pic8259State = { ...RESET };

  /**
   * @param output - the INT pin, called on every change
   * @param cascade - inputs that have a slave: bit mask
   */
  constructor(
    private readonly output: (level: boolean) => void,
    private readonly cascade = 0,
  ) {}

  /** Raises input IR0–IR7. */
  raise(level: number): void {
    const s = this.#state;
    const bit = 1 << level;
    if ((s.lines & bit) === 0 || this.#isLevel(bit)) s.irr |= bit;
    s.lines |= bit;
    this.#update();
  }

  /** Lowers an input; a request that was not acknowledged yet is withdrawn (Edge and Level Triggered Modes). */
  lower(level: number): void {
    const s = this.#state;
    s.lines &= ~(1 << level);
    s.irr &= ~(1 << level);
    this.#update();
  }

  /** Inputs that are level-triggered by the board's edge/level control register. */
  get elcr(): number {
    return this.#state.elcr;
  }
  set elcr(mask: number) {
    const s = this.#state;
    s.elcr = mask & 0xff;
    s.irr |= s.lines & s.elcr;
    this.#update();
  }

  /** The highest-priority level that may interrupt now, or null. */
  pending(): number | null {
    const s = this.#state;
    if (s.awaiting !== 0) return null;
    const requests = s.irr & ~s.imr;
    if (requests === 0) return null;
    const inService = s.specialMask ? s.isr & ~s.imr : s.isr;
    const reentrant = s.specialFullyNested ? this.cascade : 0;
    for (let i = 1; i <= 8; i++) {
      const bit = 1 << ((s.lowest + i) & 7);
      if (requests & bit & (~inService | reentrant)) return (s.lowest + i) & 7;
      if (inService & bit) return null;
    }
    return null;
  }

  /**
   * The two INTA cycles. A request that vanished gives level 7 without setting its ISR bit.
   * @returns the level and its vector
   */
  acknowledge(): { level: number; vector: number } {
    const level = this.pending();
    if (level === null) return { level: SPURIOUS_LEVEL, vector: this.#state.vectorBase | SPURIOUS_LEVEL };
    this.#take(level);
    return { level, vector: this.#state.vectorBase | level };
  }

  #isLevel(bit: number): boolean {
    return this.#state.levelTriggered || (this.#state.elcr & bit) !== 0;
  }

  #take(level: number): void {
    const s = this.#state;
    const bit = 1 << level;
    if (!this.#isLevel(bit)) s.irr &= ~bit;
    s.isr |= bit;
    this.#update();
    if (!s.autoEoi) return;
    s.isr &= ~bit;
    if (s.rotateOnAutoEoi) s.lowest = level;
    this.#update();
  }

  #update(): void {
    const level = this.pending() !== null;
    if (level === this.#state.output) return;
    this.#state.output = level;
    this.output(level);
  }

  #highestInService(): number | null {
    const s = this.#state;
    const eligible = s.specialMask ? s.isr & ~s.imr : s.isr;
    for (let i = 1; i <= 8; i++) {
      const level = (s.lowest + i) & 7;
      if (eligible & (1 << level)) return level;
    }
    return null;
  }

  #initialise(word: number): void {
    const { lines, elcr, output } = this.#state;
    this.#state = {
      ...RESET,
      lines,
      elcr,
      output,
      awaiting: 2,
      single: (word & ICW1_SNGL) !== 0,
      needsIcw4: (word & ICW1_IC4) !== 0,
      levelTriggered: (word & ICW1_LTIM) !== 0,
    };
    this.#state.irr = this.#state.levelTriggered ? lines : lines & elcr;
  }

  #initialisationWord(word: number): void {
    const s = this.#state;
    if (s.awaiting === 2) {
      s.vectorBase = word & 0xf8;
      s.awaiting = s.single ? (s.needsIcw4 ? 4 : 0) : 3;
    } else if (s.awaiting === 3) {
      s.awaiting = s.needsIcw4 ? 4 : 0;
    } else {
      s.autoEoi = (word & ICW4_AEOI) !== 0;
      s.specialFullyNested = (word & ICW4_SFNM) !== 0;
      s.awaiting = 0;
    }
  }

  #endOfInterrupt(word: number): void {
    const s = this.#state;
    const command = word >> 5;
    const named = word & 7;
    if (command === ROTATE_IN_AEOI_CLEAR) s.rotateOnAutoEoi = false;
    else if (command === ROTATE_IN_AEOI_SET) s.rotateOnAutoEoi = true;
    else if (command === SET_PRIORITY) s.lowest = named;
    else if (command === NONSPECIFIC_EOI || command === ROTATE_ON_NONSPECIFIC_EOI) {
      const level = this.#highestInService();
      if (level === null) return;
      s.isr &= ~(1 << level);
      if (command === ROTATE_ON_NONSPECIFIC_EOI) s.lowest = level;
    } else if (command === SPECIFIC_EOI || command === ROTATE_ON_SPECIFIC_EOI) {
      s.isr &= ~(1 << named);
      if (command === ROTATE_ON_SPECIFIC_EOI) s.lowest = named;
    }
  }

  #operationWord3(word: number): void {
    const s = this.#state;
    if (word & OCW3_ESMM) s.specialMask = (word & OCW3_SMM) !== 0;
    if (word & OCW3_POLL) s.poll = true;
    else if (word & OCW3_RR) s.readIsr = (word & OCW3_RIS) !== 0;
  }

  #read(offset: number): number {
    const s = this.#state;
    if (offset !== COMMAND && offset !== DATA) return 0xff;
    if (s.poll) {
      s.poll = false;
      const level = this.pending();
      if (level === null) return 0;
      this.#take(level);
      return POLL_PENDING | level;
    }
    if (offset === DATA) return s.imr;
    return s.readIsr ? s.isr : s.irr;
  }

  #write(offset: number, value: number): void {
    if (offset === COMMAND) {
      if (value & ICW1) this.#initialise(value);
      else if (value & OCW3) this.#operationWord3(value);
      else this.#endOfInterrupt(value);
    } else if (offset === DATA) {
      if (this.#state.awaiting > 0) this.#initialisationWord(value);
      else this.#state.imr = value;
    }
    this.#update();
  }

  snapshot(): Pic8259State {
    return { ...this.#state };
  }
  /** Takes over a state without driving the output pin. */
  restore(state: Pic8259State): void {
    this.#state = { ...state };
  }
}
