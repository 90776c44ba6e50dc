import { LARGE_PAGE_BYTES, PAGE_BYTES } from "../layout.js";

/** A page table of level 1 … 4. */
export type Level = 1 | 2 | 3 | 4;
/**
 * What a frame is used as. It has one type at a time, so that nothing is a page table and writable by the guest at once.
 * {@link UNTYPED} may become anything; {@link READ_ONLY} stays so for ever.
 */
export const UNTYPED = 0;
export const WRITABLE = 5;
export const READ_ONLY = 6;

const FRAMES_PER_REGION = LARGE_PAGE_BYTES / PAGE_BYTES;

/**
 * Type and number of uses of each frame of a guest, and of each 2 MiB region how often a large page maps it writable. A frame is
 * named by its guest-physical number.
 *
 * The processor may go on using a translation that has left the page tables until the TLB is flushed (SDM Vol. 3, 4.10.4.4). So a
 * frame that has lost its type since the last flush gets another one only after the next.
 */
export class FrameTypes {
  readonly #type: Uint8Array;
  readonly #uses: Uint32Array;
  readonly #pinned: Uint8Array;
  /** Type that a frame had last, and the flush count when it lost it. */
  readonly #lastType: Uint8Array;
  readonly #lostAt: Float64Array;
  /** By region: large writable mappings; when the last went; frames that may not be written; when a frame lost a type. */
  readonly #large: Uint32Array;
  readonly #largeLostAt: Float64Array;
  readonly #kept: Uint16Array;
  readonly #regionLostAt: Float64Array;
  #flushes = 1;

  /**
   * @param frames - of the guest
   * @param flush - drops every cached translation
   */
  constructor(
    readonly frames: number,
    private readonly flush: () => void,
  ) {
    const regions = Math.ceil(frames / FRAMES_PER_REGION);
    this.#type = new Uint8Array(frames);
    this.#uses = new Uint32Array(frames);
    this.#pinned = new Uint8Array(frames);
    this.#lastType = new Uint8Array(frames);
    this.#lostAt = new Float64Array(frames);
    this.#large = new Uint32Array(regions);
    this.#largeLostAt = new Float64Array(regions);
    this.#kept = new Uint16Array(regions);
    this.#regionLostAt = new Float64Array(regions);
  }

  type(frame: number): number {
    return this.#type[frame];
  }
  uses(frame: number): number {
    return this.#uses[frame];
  }
  isPinned(frame: number): boolean {
    return this.#pinned[frame] !== 0;
  }
  setPinned(frame: number, pinned: boolean): void {
    this.#pinned[frame] = pinned ? 1 : 0;
  }
  /** How often a large page maps the region of a frame writable. */
  largeUses(frame: number): number {
    return this.#large[regionOf(frame)];
  }

  /** Every cached translation is gone. */
  flushed(): void {
    this.#flushes++;
  }

  /**
   * One more use of a frame as `type`.
   * @returns false when it is used as something else
   */
  use(frame: number, type: number): boolean {
    const current = this.#type[frame];
    if (current === UNTYPED && !this.#become(frame, type)) return false;
    if (current !== UNTYPED && current !== type) return false;
    this.#uses[frame]++;
    return true;
  }

  /** One use less. @returns how many are left; a table is then still one, until {@link clear} */
  drop(frame: number): number {
    const left = --this.#uses[frame];
    if (left === 0 && this.#type[frame] === WRITABLE) this.clear(frame);
    return left;
  }

  /** A frame that nothing uses loses its type. */
  clear(frame: number): void {
    const region = regionOf(frame);
    if (this.#type[frame] !== WRITABLE) this.#kept[region]--;
    this.#lastType[frame] = this.#type[frame];
    this.#type[frame] = UNTYPED;
    this.#lostAt[frame] = this.#regionLostAt[region] = this.#flushes;
  }

  // #region frame-become
  #become(frame: number, type: number): boolean {
    const region = regionOf(frame);
    if (type !== WRITABLE) {
      if (this.#large[region] > 0) return false;
      this.#kept[region]++;
    }
    const stale = this.#lostAt[frame] === this.#flushes && this.#lastType[frame] !== type;
    const staleLarge = type !== WRITABLE && this.#largeLostAt[region] === this.#flushes;
    if (stale || staleLarge) this.flush();
    this.#type[frame] = type;
    return true;
  }
  // #endregion

  /** One more writable mapping of a whole region by a large page. @returns false when a frame in it must not be written */
  useLarge(frame: number): boolean {
    const region = regionOf(frame);
    if (this.#kept[region] > 0) return false;
    if (this.#regionLostAt[region] === this.#flushes) this.flush();
    this.#large[region]++;
    return true;
  }

  dropLarge(frame: number): void {
    const region = regionOf(frame);
    if (--this.#large[region] === 0) this.#largeLostAt[region] = this.#flushes;
  }
}

function regionOf(frame: number): number {
  return Math.floor(frame / FRAMES_PER_REGION);
}
