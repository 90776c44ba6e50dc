import { LOCAL_APIC } from "../spec/interrupts.js";
import type { Bus } from "./bus.js";
import type { ApicMsrs } from "./chipset/apic-msrs.js";
import { LOCAL_APIC_BYTES, type LocalApic } from "./chipset/local-apic.js";

/** The memory-mapped bus as one processor sees it: its own local APIC comes first. */
export class LocalMemory {
  constructor(
    private readonly bus: Bus,
    private readonly apic: LocalApic,
    private readonly msrs: ApicMsrs,
  ) {}

  /** Whether a device is, or may come to be, in [base, base + length). */
  claimsAny(base: number, length: number): boolean {
    const page = this.msrs.page ?? LOCAL_APIC;
    return this.bus.claimsAny(base, length) || (page < base + length && base < page + LOCAL_APIC_BYTES);
  }
  /** @param size - 1, 2 or 4 bytes */
  read(address: number, size: number): number {
    const offset = address - (this.msrs.page ?? Infinity);
    if (offset < 0 || offset >= LOCAL_APIC_BYTES) return this.bus.read(address, size);
    return this.apic.device.read(offset, size);
  }
  /** @param size - 1, 2 or 4 bytes */
  write(address: number, size: number, value: number): void {
    const offset = address - (this.msrs.page ?? Infinity);
    if (offset < 0 || offset >= LOCAL_APIC_BYTES) this.bus.write(address, size, value);
    else this.apic.device.write(offset, size, value >>> 0);
  }
}
