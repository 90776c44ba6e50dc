import { byteWide, type Device } from "../bus.js";
import type { Pit8254 } from "./pit-8254.js";

/** PC/AT system control port B (82371SB datasheet, 2.5.3: NMI status and control): gate and OUT of timer counter 2. */
const GATE_2 = 1 << 0;
const SPEAKER = 1 << 1;
const REFRESH_TOGGLE = 1 << 4;
const OUT_2 = 1 << 5;
/** The refresh request comes every 15 µs: 18 ticks of counter 1. */
const REFRESH_TICKS = 18;

export class SystemControlB {
  #control = 0;
  /** 1 port. */
  readonly device: Device = byteWide(
    (offset) => (offset === 0 ? this.#read() : 0xff),
    (offset, value) => {
      if (offset === 0) this.#write(value);
    },
  );

  constructor(private readonly timer: Pick<Pit8254, "setGate2" | "out2" | "ticks">) {}

  #read(): number {
    const refresh = Math.floor(this.timer.ticks / REFRESH_TICKS) % 2;
    return this.#control | (refresh ? REFRESH_TOGGLE : 0) | (this.timer.out2 ? OUT_2 : 0);
  }
  #write(value: number): void {
    this.#control = value & (GATE_2 | SPEAKER);
    this.timer.setGate2((value & GATE_2) !== 0);
  }

  snapshot(): { control: number } {
    return { control: this.#control };
  }
  restore(state: { control: number }): void {
    this.#control = state.control;
  }
}
