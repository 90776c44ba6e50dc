/** Something on a bus that is blind to its address: offsets count from the base that only the bus knows. */
export interface Device {
  /**
   * @param offset - bytes from the device's base
   * @param size - 1, 2 or 4 bytes
   * @returns unsigned; bits above `size` bytes are ignored
   */
  read(offset: number, size: number): number;
  /** @param value - unsigned, below 2^(8 × size) */
  write(offset: number, size: number, value: number): void;
}

interface Region {
  base: number;
  /** First address behind the region. */
  end: number;
  device: Device;
}

/** The low `size` bytes of a value, unsigned; a size beyond 4 counts as 4. */
function truncate(value: number, size: number): number {
  return size >= 4 ? value >>> 0 : (value & ((1 << (8 * size)) - 1)) >>> 0;
}

const hex = (address: number): string => `0x${address.toString(16)}`;

/**
 * Decodes addresses to devices: the port bus or the memory-mapped bus of a board, physical or virtual. A read that no
 * device claims gives all ones and a write is dropped, as on a bus whose data lines are pulled up. An access that
 * leaves its device is split into bytes.
 */
export class Bus {
  #regions: Region[] = [];

  /** @param name - for error messages, e.g. "port" */
  constructor(readonly name: string) {}

  /**
   * Gives a device the addresses [base, base + length).
   * @throws RangeError when the range is not a range or overlaps another device's
   */
  register(base: number, length: number, device: Device): void {
    if (!Number.isSafeInteger(base) || base < 0 || !Number.isSafeInteger(length) || length <= 0) {
      throw new RangeError(`${this.name} bus: ${length} addresses from ${base} are not a range`);
    }
    const end = base + length;
    const other = this.#regions.find((region) => base < region.end && region.base < end);
    if (other) {
      throw new RangeError(
        `${this.name} bus: [${hex(base)}, ${hex(end)}) overlaps [${hex(other.base)}, ${hex(other.end)})`,
      );
    }
    this.#regions.push({ base, end, device });
    this.#regions.sort((x, y) => x.base - y.base);
  }

  /**
   * Takes a device off the bus, e.g. when a base-address register moves.
   * @throws RangeError when no device has this base
   */
  unregister(base: number): void {
    const index = this.#regions.findIndex((region) => region.base === base);
    if (index < 0) throw new RangeError(`${this.name} bus: no device at ${hex(base)}`);
    this.#regions.splice(index, 1);
  }

  /** Whether a device claims this address. */
  claims(address: number): boolean {
    return this.#find(address) !== undefined;
  }

  /** Whether a device claims any of `length` addresses from `base` on. */
  claimsAny(base: number, length: number): boolean {
    return this.#regions.some((region) => region.base < base + length && base < region.end);
  }

  /** @param size - 1, 2 or 4 bytes */
  read(address: number, size: number): number {
    const region = this.#find(address);
    if (region && address + size <= region.end) {
      return truncate(region.device.read(address - region.base, size), size);
    }
    if (size <= 1) return 0xff;
    let value = 0;
    for (let i = Math.min(size, 4) - 1; i >= 0; i--) value = (value << 8) | this.read(address + i, 1);
    return truncate(value, size);
  }

  /** @param size - 1, 2 or 4 bytes */
  write(address: number, size: number, value: number): void {
    const region = this.#find(address);
    if (region && address + size <= region.end) {
      region.device.write(address - region.base, size, truncate(value, size));
      return;
    }
    if (size <= 1) return;
    for (let i = 0; i < Math.min(size, 4); i++) this.write(address + i, 1, value >>> (8 * i));
  }

  #find(address: number): Region | undefined {
    let low = 0;
    let high = this.#regions.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const region = this.#regions[middle]!;
      if (address < region.base) high = middle;
      else if (address >= region.end) low = middle + 1;
      else return region;
    }
    return undefined;
  }
}

/**
 * A device whose registers are one byte wide: a wider access is one byte access for each offset, as the ISA bus does.
 * @param read - one register; an offset that has none gives 0xff
 */
export function byteWide(
  read: (offset: number) => number,
  write: (offset: number, value: number) => void,
): Device {
  return {
    read(offset, size) {
      let value = 0;
      for (let i = Math.min(size, 4) - 1; i >= 0; i--) value = (value << 8) | (read(offset + i) & 0xff);
      return value >>> 0;
    },
    write(offset, size, value) {
      for (let i = 0; i < Math.min(size, 4); i++) write(offset + i, (value >>> (8 * i)) & 0xff);
    },
  };
}
