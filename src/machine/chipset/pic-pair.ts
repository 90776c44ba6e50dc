import { byteWide, type Device } from "../bus.js";
import { Pic8259, type Pic8259State } from "./pic-8259.js";

/** Input of the master that the slave's INT pin is wired to. */
const CASCADE_LEVEL = 2;
/** Inputs that the edge/level control registers may make level-triggered (82371SB datasheet, 2.5.5). */
const ELCR_WRITABLE = [0xf8, 0xde] as const;

export interface PicPairState {
  master: Pic8259State;
  slave: Pic8259State;
}

/** The two cascaded 8259As of a PC: interrupt requests 0–15, the slave on the master's input 2. */
export class PicPair {
  readonly #master: Pic8259;
  readonly #slave: Pic8259;
  /** Command and data register of the master; 2 ports. */
  readonly master: Device;
  /** Command and data register of the slave; 2 ports. */
  readonly slave: Device;
  /** Edge/level control registers; 2 ports. */
  readonly elcr: Device;

  /** @param output - the INTR line to the processor, called on every change */
  constructor(output: (level: boolean) => void) {
    this.#master = new Pic8259(output, 1 << CASCADE_LEVEL);
    this.#slave = new Pic8259((level) => {
      if (level) this.#master.raise(CASCADE_LEVEL);
      else this.#master.lower(CASCADE_LEVEL);
    });
    this.master = this.#master.device;
    this.slave = this.#slave.device;
    this.elcr = byteWide(
      (offset) => this.#chipOf(offset)?.elcr ?? 0xff,
      (offset, value) => {
        const chip = this.#chipOf(offset);
        if (chip) chip.elcr = value & ELCR_WRITABLE[offset]!;
      },
    );
  }

  /** @param irq - 0–15; 2 is taken by the cascade and ignored */
  raise(irq: number): void {
    if (irq >= 8) this.#slave.raise(irq - 8);
    else if (irq !== CASCADE_LEVEL) this.#master.raise(irq);
  }
  lower(irq: number): void {
    if (irq >= 8) this.#slave.lower(irq - 8);
    else if (irq !== CASCADE_LEVEL) this.#master.lower(irq);
  }
  /** Sets the level of a request line. */
  setLine(irq: number, level: boolean): void {
    if (level) this.raise(irq);
    else this.lower(irq);
  }

  /** Level of the INTR line. */
  get output(): boolean {
    return this.#master.pending() !== null;
  }

  /** The processor's interrupt acknowledge: the vector of the request of highest priority, or a spurious one. */
  acknowledge(): number {
    const { level, vector } = this.#master.acknowledge();
    return level === CASCADE_LEVEL ? this.#slave.acknowledge().vector : vector;
  }

  #chipOf(offset: number): Pic8259 | undefined {
    return [this.#master, this.#slave][offset];
  }

  snapshot(): PicPairState {
    return { master: this.#master.snapshot(), slave: this.#slave.snapshot() };
  }
  /** Takes over a state without driving the INTR line: the processor's side of it is restored with the processor. */
  restore(state: PicPairState): void {
    this.#master.restore(state.master);
    this.#slave.restore(state.slave);
  }
}
