import { byteWide, type Device } from "../bus.js";

/** Bytes that read back what was written: registers without a function, or a stretch of memory behind a bus. */
export class Latch {
  readonly #bytes: Uint8Array;
  readonly device: Device = byteWide(
    (offset) => this.#bytes[offset] ?? 0xff,
    (offset, value) => {
      if (offset < this.#bytes.length) this.#bytes[offset] = value;
    },
  );

  constructor(length: number) {
    this.#bytes = new Uint8Array(length);
  }

  snapshot(): { bytes: number[] } {
    return { bytes: [...this.#bytes] };
  }
  restore(state: { bytes: number[] }): void {
    this.#bytes.set(state.bytes);
  }
}
