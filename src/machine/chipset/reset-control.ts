import { byteWide, type Device } from "../bus.js";

/** Reset control register (82371SB datasheet, 2.5.4), port CF9H: setting RCPU resets, hard with SRST. */
const RCPU = 1 << 2;
const WRITABLE = 0xe;

export class ResetControl {
  #value = 0;
  /** 1 port. */
  readonly device: Device = byteWide(
    () => this.#value,
    (offset, value) => {
      if (offset === 0) this.#write(value);
    },
  );

  /** @param reset - the processors are reset */
  constructor(private readonly reset: () => void) {}

  #write(value: number): void {
    const rising = value & ~this.#value & RCPU;
    this.#value = value & WRITABLE;
    if (rising) this.reset();
  }

  snapshot(): { value: number } {
    return { value: this.#value };
  }
  restore(state: { value: number }): void {
    this.#value = state.value;
  }
}
