import { RAM_BASE } from "../spec/memory-map.js";

/**
 * Machine-physical RAM, byte-addressed from 0. Addresses are numbers; an access that leaves RAM throws a RangeError:
 * whoever gets an address from a guest checks it with {@link PhysicalMemory.contains} first.
 */
export class PhysicalMemory {
  #view: DataView;
  #bytes: Uint8Array;

  /**
   * @param memory - the wasm module's memory, already grown to hold RAM
   * @param size - bytes of RAM
   * @param onWrite - told of every range written, so that decoded code there is dropped
   */
  constructor(
    memory: WebAssembly.Memory,
    readonly size: number,
    private readonly onWrite: (address: number, bytes: number) => void,
  ) {
    this.#view = new DataView(memory.buffer, RAM_BASE, size);
    this.#bytes = new Uint8Array(memory.buffer, RAM_BASE, size);
  }

  /** Whether `bytes` bytes from `address` are RAM. */
  contains(address: number, bytes: number): boolean {
    return Number.isSafeInteger(address) && address >= 0 && bytes >= 0 && address + bytes <= this.size;
  }

  read8(address: number): number {
    return this.#view.getUint8(address);
  }
  read16(address: number): number {
    return this.#view.getUint16(address, true);
  }
  read32(address: number): number {
    return this.#view.getUint32(address, true);
  }
  read64(address: number): bigint {
    return this.#view.getBigUint64(address, true);
  }
  write8(address: number, value: number): void {
    this.#view.setUint8(address, value);
    this.onWrite(address, 1);
  }
  write16(address: number, value: number): void {
    this.#view.setUint16(address, value, true);
    this.onWrite(address, 2);
  }
  write32(address: number, value: number): void {
    this.#view.setUint32(address, value, true);
    this.onWrite(address, 4);
  }
  write64(address: number, value: bigint): void {
    this.#view.setBigUint64(address, BigInt.asUintN(64, value), true);
    this.onWrite(address, 8);
  }

  /** A copy of `bytes` bytes. */
  read(address: number, bytes: number): Uint8Array {
    this.#check(address, bytes);
    return this.#bytes.slice(address, address + bytes);
  }
  write(address: number, data: Uint8Array): void {
    this.#check(address, data.length);
    this.#bytes.set(data, address);
    this.onWrite(address, data.length);
  }
  fill(address: number, bytes: number, value: number): void {
    this.#check(address, bytes);
    this.#bytes.fill(value, address, address + bytes);
    this.onWrite(address, bytes);
  }

  #check(address: number, bytes: number): void {
    if (!this.contains(address, bytes)) {
      throw new RangeError(
        `${bytes} bytes at 0x${address.toString(16)} are not in RAM of ${this.size} bytes`,
      );
    }
  }
}
