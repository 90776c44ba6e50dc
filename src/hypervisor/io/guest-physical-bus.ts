import type { Bus } from "../../machine/bus.js";
import type { GuestMemory } from "../memory/guest-memory.js";

/** Guest-physical memory as software reaches it, byte by byte: RAM, and elsewhere what the devices answer. */
export class GuestPhysicalBus implements Pick<Bus, "read" | "write"> {
  constructor(
    private readonly ram: GuestMemory,
    private readonly devices: Pick<Bus, "read" | "write">,
  ) {}

  read(address: number, size: number): number {
    if (!this.ram.contains(address, size)) return this.devices.read(address, size);
    return this.ram.read(address, size).reduceRight((value, byte) => value * 256 + byte, 0);
  }

  write(address: number, size: number, value: number): void {
    if (!this.ram.contains(address, size)) return this.devices.write(address, size, value);
    this.ram.write(
      address,
      Uint8Array.from({ length: size }, (_, i) => value >>> (8 * i)),
    );
  }
}
