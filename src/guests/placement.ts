import { hex, ImageError, size } from "./image-error.js";
import { LOW_MEMORY_END } from "./memory-map.js";
import type { ImageSegment, ZeroRange } from "./loaded-image.js";

const PAGE = 4096;
/** The first page stays free, for guests that want null pointers to fault. */
const LOW_MEMORY_BEGIN = PAGE;

const pageUp = (address: number): number => Math.ceil(address / PAGE) * PAGE;

/** What has been placed in guest-physical memory so far, and where something more fits. */
export class Placement {
  readonly segments: ImageSegment[] = [];
  readonly zero: ZeroRange[] = [];
  readonly #taken: { name: string; start: number; end: number }[] = [];

  constructor(readonly ramBytes: number) {}

  /**
   * Keeps a range for something.
   * @throws ImageError when it leaves RAM or overlaps what is there
   */
  claim(name: string, start: number, length: number): void {
    const end = start + length;
    if (end > this.ramBytes) {
      throw new ImageError(
        `${name} needs guest-physical ${hex(start)}–${hex(end)}, but the machine has ${size(this.ramBytes)} of RAM: give it more with --ram`,
      );
    }
    const other = this.#taken.find((range) => start < range.end && range.start < end);
    if (other !== undefined) {
      throw new ImageError(
        `${name} at guest-physical ${hex(start)}–${hex(end)} overlaps ${other.name} at ${hex(other.start)}–${hex(other.end)}`,
      );
    }
    this.#taken.push({ name, start, end });
  }

  /** Places `bytes` at `address`, followed by zeros up to `memorySize`. */
  put(name: string, address: number, bytes: Uint8Array, memorySize = bytes.length): void {
    if (memorySize === 0) return;
    this.claim(name, address, memorySize);
    this.fill(name, address, bytes);
    if (memorySize > bytes.length)
      this.zero.push({ address: address + bytes.length, bytes: memorySize - bytes.length });
  }

  /** Bytes for a range that has been claimed. */
  fill(name: string, address: number, bytes: Uint8Array): void {
    if (bytes.length > 0) this.segments.push({ name, address, bytes });
  }

  /** First page boundary after everything placed at or above 1 MiB. */
  get top(): number {
    return pageUp(Math.max(1 << 20, ...this.#taken.map(({ end }) => end)));
  }

  /** A free page-aligned place for `length` bytes: below 640 KiB if possible, else above everything. */
  find(length: number): number {
    let at = LOW_MEMORY_BEGIN;
    for (const { start, end } of [...this.#taken].sort((a, b) => a.start - b.start)) {
      if (at + length <= start) break;
      at = Math.max(at, pageUp(end));
    }
    return at + length <= LOW_MEMORY_END ? at : this.top;
  }

  holds(address: number): boolean {
    return this.#taken.some(({ start, end }) => start <= address && address < end);
  }
}
