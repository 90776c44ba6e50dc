import { byteWide, type Device } from "../bus.js";
import { ACPI_SLP_EN } from "../../spec/ports.js";

/**
 * ACPI PM1a control register (ACPI specification 4.8.3.2.1), 16 bits: SLP_TYP in bits 12:10, SLP_EN (write-only) in
 * bit 13. SLP_TYP 0 is soft-off (S5), as in the 82371AB; other sleep types are ignored.
 */
const SLP_TYP = 7 << 10;

export class Power {
  #control = 0;
  /** 2 ports. */
  readonly device: Device = byteWide(
    (offset) => (offset < 2 ? this.#control >> (8 * offset) : 0xff),
    (offset, value) => this.#write(offset, value),
  );

  /** @param powerOff - software asked for S5 */
  constructor(private readonly powerOff: () => void) {}

  #write(offset: number, value: number): void {
    if (offset > 1) return;
    const shift = 8 * offset;
    const written = value << shift;
    this.#control = (this.#control & ~(0xff << shift)) | (written & ~ACPI_SLP_EN);
    if (written & ACPI_SLP_EN && (this.#control & SLP_TYP) === 0) this.powerOff();
  }

  snapshot(): { control: number } {
    return { control: this.#control };
  }
  restore(state: { control: number }): void {
    this.#control = state.control;
  }
}
