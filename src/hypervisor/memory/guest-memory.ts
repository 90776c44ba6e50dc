import type { PhysicalMemory } from "../../machine/physical-memory.js";
import type { StartState } from "../../machine/start-state.js";

/** The guest's RAM by guest-physical address. An access that leaves it throws a RangeError. */
export class GuestMemory {
  /** Told of every range written. */
  onWrite: (address: number, bytes: number) => void = () => {};
  /** Ranges written of which nobody has been told yet; null: everybody is told at once. */
  #untold: [address: number, bytes: number][] | null = null;

  /**
   * @param base - machine-physical address of guest-physical address 0
   * @param size - bytes of guest RAM
   */
  constructor(
    private readonly memory: PhysicalMemory,
    readonly base: number,
    readonly size: number,
  ) {}

  /** Whether `bytes` bytes from guest-physical `address` are RAM. */
  contains(address: number, bytes: number): boolean {
    return Number.isSafeInteger(address) && address >= 0 && bytes >= 0 && address + bytes <= this.size;
  }

  /** Copies an image into it. */
  load({ zero = [], segments }: StartState): void {
    for (const { address, bytes } of zero) this.fill(address, bytes, 0);
    for (const { address, bytes } of segments) this.write(address, bytes);
  }

  read(address: number, bytes: number): Uint8Array {
    return this.memory.read(this.#host(address, bytes), bytes);
  }
  write(address: number, data: Uint8Array): void {
    this.memory.write(this.#host(address, data.length), data);
    if (this.#untold !== null) this.#untold.push([address, data.length]);
    else this.onWrite(address, data.length);
  }
  fill(address: number, bytes: number, value: number): void {
    this.memory.fill(this.#host(address, bytes), bytes, value);
  }
  /** Whoever is to be told of writes made in `action` is told after it. */
  tellAfter<T>(action: () => T): T {
    const untold = (this.#untold = [] as [number, number][]);
    try {
      return action();
    } finally {
      this.#untold = null;
      for (const [address, bytes] of untold) this.onWrite(address, bytes);
    }
  }
  read32(address: number): number {
    return this.memory.read32(this.#host(address, 4));
  }
  read64(address: number): bigint {
    return this.memory.read64(this.#host(address, 8));
  }

  #host(address: number, bytes: number): number {
    if (!this.contains(address, bytes)) {
      throw new RangeError(
        `${bytes} bytes at guest-physical 0x${address.toString(16)} are not in RAM of ${this.size} bytes`,
      );
    }
    return this.base + address;
  }
}
