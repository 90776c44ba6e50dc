/**
 * Firmware: the ROM that ends at 4 GiB and whose last 16 bytes the processor executes first after a reset. Its last 128 KiB
 * also lie below 1 MiB, shadowed in RAM, where real-mode code runs.
 * @module
 */
import { size, ImageError } from "../image-error.js";
import type { ImageOptions, LoadedImage } from "../loaded-image.js";
import { Placement } from "../placement.js";

const UNIT = 64 << 10;
const LARGEST = 16 << 20;
const SHADOW_END = 1 << 20;
const LARGEST_SHADOW = 128 << 10;
const RESET_VECTOR_FROM_END = 16;
const TOP = 2 ** 32;
/** Jumps: near E9, short EB, far EA; and CLI, NOP, WBINVD before one. */
const FIRST_BYTES = [0xe9, 0xeb, 0xea, 0xfa, 0x90, 0x0f];

/** Whole 64 KiB, with code at the reset vector. */
export function isFirmware(bytes: Uint8Array): boolean {
  return (
    bytes.length > 0 &&
    bytes.length % UNIT === 0 &&
    FIRST_BYTES.includes(bytes[bytes.length - RESET_VECTOR_FROM_END])
  );
}

/** @throws ImageError when it is larger than 16 MiB */
export function loadFirmware(bytes: Uint8Array, options: ImageOptions): LoadedImage {
  if (bytes.length > LARGEST)
    throw new ImageError(`"${options.name}" is firmware of ${size(bytes.length)}: at most ${size(LARGEST)}`);
  const placement = new Placement(options.ramBytes);
  const shadow = bytes.subarray(Math.max(0, bytes.length - LARGEST_SHADOW));
  placement.put("the shadowed firmware", SHADOW_END - shadow.length, shadow);
  return {
    kind: "firmware",
    entry: 0xfff0,
    startMode: "reset",
    registers: {},
    segments: placement.segments,
    zero: placement.zero,
    rom: [{ name: "the firmware", address: TOP - bytes.length, bytes }],
    symbols: [],
  };
}
