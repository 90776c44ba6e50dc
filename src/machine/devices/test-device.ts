import type { Device } from "../bus.js";
import { Latch } from "./latch.js";

/**
 * The test device of bare-metal test suites (QEMU's pc-testdev): a latch of 32 bits, a request to drop the mapping of a
 * page, interrupt lines, and memory that is a device.
 * @module
 */

const LATCH_BYTES = 4;
const MEMORY_BYTES = 0x1_0000;

export class TestDevice {
  readonly #latch = new Latch(LATCH_BYTES);
  readonly #memory = new Latch(MEMORY_BYTES);
  /** Reads back what was written, by 8, 16 and 32 bits; 4 ports, at two places. */
  readonly latch: Device = this.#latch.device;
  /** Takes the physical address of a page whose mapping is to be dropped; 4 ports. */
  readonly flush: Device = {
    read: () => 0,
    write: (offset, size, value) => {
      if (offset === 0 && size === 4) this.flushPage((value & ~0xfff) >>> 0);
    },
  };
  /** Port n sets the level of interrupt line n; 24 ports. */
  readonly lines: Device = {
    read: () => 0,
    write: (offset, _size, value) => this.setLine(offset, (value & 0xff) !== 0),
  };
  /** 64 KiB. */
  readonly memory: Device = this.#memory.device;

  /**
   * @param setLine - drives an interrupt line of the board
   * @param flushPage - drops what is cached of a page's translation
   */
  constructor(
    private readonly setLine: (line: number, level: boolean) => void,
    private readonly flushPage: (address: number) => void,
  ) {}

  snapshot(): { latch: number[]; memory: number[] } {
    return { latch: this.#latch.snapshot().bytes, memory: this.#memory.snapshot().bytes };
  }
  restore(state: { latch: number[]; memory: number[] }): void {
    this.#latch.restore({ bytes: state.latch });
    this.#memory.restore({ bytes: state.memory });
  }
}
