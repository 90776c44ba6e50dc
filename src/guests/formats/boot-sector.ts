/**
 * The first sector of a PC's disk, as firmware loads and enters it (BIOS Boot Specification 1.01, 6.5.1). There is no
 * firmware behind it: its software interrupts find the IRET that every vector leads to.
 * @module
 */
import type { ImageOptions, LoadedImage } from "../loaded-image.js";
import { Placement } from "../placement.js";

const SECTOR = 512;
const SIGNATURE = 510;
const LOAD_ADDRESS = 0x7c00;
const FIRST_HARD_DISK = 0x80;
const VECTORS = 256;
/** F000:FF53, where the BIOS of the IBM PC has its dummy interrupt handler. */
const IRET_SEGMENT = 0xf000;
const IRET_OFFSET = 0xff53;
const IRET = 0xcf;

export function isBootSector(bytes: Uint8Array): boolean {
  return bytes.length === SECTOR && bytes[SIGNATURE] === 0x55 && bytes[SIGNATURE + 1] === 0xaa;
}

/** CS:IP is 0000:7C00 and DL the first hard disk. */
export function loadBootSector(bytes: Uint8Array, options: ImageOptions): LoadedImage {
  const placement = new Placement(options.ramBytes);
  const vectors = new Uint32Array(VECTORS).fill((IRET_SEGMENT << 16) | IRET_OFFSET);
  placement.put("the interrupt vectors", 0, new Uint8Array(vectors.buffer));
  placement.put("the dummy interrupt handler", (IRET_SEGMENT << 4) + IRET_OFFSET, Uint8Array.of(IRET));
  placement.put("the boot sector", LOAD_ADDRESS, bytes);
  return {
    kind: "boot-sector",
    entry: LOAD_ADDRESS,
    startMode: "real16",
    registers: { rdx: FIRST_HARD_DISK, rsp: LOAD_ADDRESS },
    segments: placement.segments,
    zero: placement.zero,
    symbols: [],
  };
}
