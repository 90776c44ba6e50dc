/**
 * The first sector of a PC's disk, alone or with the rest of the disk behind it, and firmware that loads and enters it (BIOS
 * Boot Specification 1.01, 6.5.1) and serves its software interrupts. The disk lies at the end of RAM.
 * @module
 */
import { BIOS, DISK_BASE, DISK_SECTORS, MEMORY_MAP, REGIONS } from "../build/bios.js";
import { BIOS_OFFSET, BIOS_SEGMENT } from "../firmware/layout.js";
import { ImageError, size } from "../image-error.js";
import { HIGH_MEMORY, memoryMap, RESERVED, type MemoryRegion } from "../memory-map.js";
import type { ImageOptions, LoadedImage } from "../loaded-image.js";
import { Placement } from "../placement.js";

const SECTOR = 512;
const SIGNATURE = 510;
const PAGE = 4096;
/** Bytes of an entry that INT 15H, E820H gives: base and length of 8, type of 4. */
const REGION_BYTES = 20;

/** Whole sectors, with the signature at the end of the first. */
export function isBootSector(bytes: Uint8Array): boolean {
  const whole = bytes.length >= SECTOR && bytes.length % SECTOR === 0;
  return whole && bytes[SIGNATURE] === 0x55 && bytes[SIGNATURE + 1] === 0xaa;
}

/** The firmware with what it is told of this machine. */
function firmware(diskBase: number, sectors: number, map: readonly MemoryRegion[]): Uint8Array {
  const bytes = Uint8Array.from(BIOS);
  const view = new DataView(bytes.buffer);
  view.setUint32(DISK_BASE - BIOS_OFFSET, diskBase, true);
  view.setUint32(DISK_SECTORS - BIOS_OFFSET, sectors, true);
  view.setUint16(REGIONS - BIOS_OFFSET, map.length, true);
  map.forEach(({ base, length, type }, i) => {
    const at = MEMORY_MAP - BIOS_OFFSET + i * REGION_BYTES;
    view.setBigUint64(at, BigInt(base), true);
    view.setBigUint64(at + 8, BigInt(length), true);
    view.setUint32(at + 16, type, true);
  });
  return bytes;
}

/** Starts in the firmware, which goes on at 0000:7C00 with DL the first hard disk. */
export function loadBootSector(bytes: Uint8Array, options: ImageOptions): LoadedImage {
  const diskBase = Math.floor((options.ramBytes - bytes.length) / PAGE) * PAGE;
  if (diskBase < HIGH_MEMORY)
    throw new ImageError(
      `"${options.name}" is a disk of ${size(bytes.length)}, which leaves no room above 1 MiB in ${size(options.ramBytes)} of RAM: give it more with --ram`,
    );
  const placement = new Placement(options.ramBytes);
  // What lies below 1 MiB is the firmware's and the sector's own.
  placement.claim("memory below 1 MiB", 0, (BIOS_SEGMENT << 4) + BIOS_OFFSET);
  const map = [
    ...memoryMap(diskBase),
    { base: diskBase, length: options.ramBytes - diskBase, type: RESERVED } as const,
  ];
  const rom = firmware(diskBase, bytes.length / SECTOR, map);
  placement.put(
    "the firmware",
    (BIOS_SEGMENT << 4) + BIOS_OFFSET,
    rom,
    HIGH_MEMORY - ((BIOS_SEGMENT << 4) + BIOS_OFFSET),
  );
  placement.put("the disk", diskBase, bytes);
  return {
    kind: "boot-sector",
    entry: BIOS_OFFSET,
    codeSelector: BIOS_SEGMENT,
    startMode: "real16",
    registers: {},
    segments: placement.segments,
    zero: placement.zero,
    symbols: [],
  };
}
