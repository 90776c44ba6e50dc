/**
 * A Linux kernel by the x86 boot protocol (Linux documentation, arch/x86/boot.rst and zero-page.rst): a bzImage, or the
 * vmlinux inside it.
 * @module
 */
import { BOOT_TABLES_BYTES, bootTables } from "../boot-tables.js";
import type { ElfFile } from "../elf.js";
import { hex, ImageError, size } from "../image-error.js";
import type { ImageOptions, LoadedImage } from "../loaded-image.js";
import { HIGH_MEMORY, memoryMap } from "../memory-map.js";
import { Placement } from "../placement.js";

/** The setup header, in the file and in the zero page alike. */
const SETUP_HEADER = 0x1f1;
const HEADER_MAGIC = 0x202;
const HEADER_MAGIC_VALUE = 0x5372_6448; // "HdrS"
/** Protocol 2.12: xloadflags, and with them the 64-bit entry point. */
const OLDEST_PROTOCOL = 0x020c;

/** Fields of the setup header: offset in the zero page. */
const FIELD = {
  setupSectors: 0x1f1,
  jump: 0x200,
  version: 0x206,
  typeOfLoader: 0x210,
  loadFlags: 0x211,
  ramdiskImage: 0x218,
  ramdiskSize: 0x21c,
  commandLine: 0x228,
  initrdAddressMax: 0x22c,
  xloadFlags: 0x236,
  commandLineSize: 0x238,
  preferredAddress: 0x258,
  initSize: 0x260,
};
/** Fields of the zero page outside the header. */
const ZERO_PAGE_BYTES = 4096;
const ACPI_RSDP = 0x70;
const E820_ENTRIES = 0x1e8;
const E820_TABLE = 0x2d0;
const E820_BYTES = 20;

const LOADED_HIGH = 1 << 0;
const XLF_KERNEL_64 = 1 << 0;
const UNKNOWN_LOADER = 0xff;
const ENTRY_64 = 0x200;
const SECTOR = 512;
const PAGE = 4096;

/** Selectors __BOOT_CS 0x10 and __BOOT_DS 0x18: flat, the code 32- or 64-bit. */
const GDT_CODE_32 = 0x00cf_9a00_0000_ffffn;
const GDT_CODE_64 = 0x00af_9a00_0000_ffffn;
const GDT_DATA = 0x00cf_9200_0000_ffffn;

/** The fields that decide how a kernel is placed. */
interface SetupHeader {
  /** Bytes of the real-mode part, which is not loaded. */
  setupBytes: number;
  long: boolean;
  preferredAddress: number;
  /** Memory that the kernel needs from where it unpacks itself, before it knows its memory map. */
  initSize: number;
  initrdAddressMax: number;
  commandLineSize: number;
}

export function isBzImage(bytes: Uint8Array): boolean {
  return bytes.length >= 0x264 && viewOf(bytes).getUint32(HEADER_MAGIC, true) === HEADER_MAGIC_VALUE;
}

/** An ELF64 file linked to the top 2 GiB, loaded low and entered by a physical address (Linux, vmlinux.lds.S). */
export function isVmlinux(elf: ElfFile): boolean {
  return (
    elf.bits === 64 &&
    elf.segments.some(
      ({ virtual, physical, memorySize }) =>
        virtual >= 0xffff_ffff_8000_0000n &&
        BigInt(physical) <= elf.entry &&
        elf.entry < BigInt(physical + memorySize),
    )
  );
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function readHeader(bytes: Uint8Array, name: string): SetupHeader {
  const view = viewOf(bytes);
  const version = view.getUint16(FIELD.version, true);
  if (version < OLDEST_PROTOCOL) {
    throw new ImageError(
      `"${name}" is a Linux kernel of boot protocol ${version >> 8}.${String(version & 0xff).padStart(2, "0")}; this loader needs 2.12 (Linux 3.8) or newer`,
    );
  }
  if ((view.getUint8(FIELD.loadFlags) & LOADED_HIGH) === 0)
    throw new ImageError(`"${name}" is a zImage, to be loaded below 1 MiB; only bzImage is supported`);
  const setupBytes = ((view.getUint8(FIELD.setupSectors) || 4) + 1) * SECTOR;
  if (setupBytes >= bytes.length) {
    throw new ImageError(
      `truncated image: "${name}" has ${setupBytes} bytes of real-mode set-up and no kernel after them`,
    );
  }
  return {
    setupBytes,
    long: (view.getUint16(FIELD.xloadFlags, true) & XLF_KERNEL_64) !== 0,
    preferredAddress: Number(view.getBigUint64(FIELD.preferredAddress, true)),
    initSize: view.getUint32(FIELD.initSize, true),
    initrdAddressMax: view.getUint32(FIELD.initrdAddressMax, true),
    commandLineSize: view.getUint32(FIELD.commandLineSize, true),
  };
}

/** The initial RAM disk goes to the end of RAM, as high as the kernel takes it. */
function placeInitrd(placement: Placement, initrd: Uint8Array, highest: number): number {
  const end = Math.min(placement.ramBytes, highest + 1);
  const start = Math.floor((end - initrd.length) / PAGE) * PAGE;
  if (start < placement.top) {
    throw new ImageError(
      `the initramfs of ${size(initrd.length)} does not fit between the kernel, which needs guest-physical memory up to ${hex(placement.top)}, and the end of usable RAM at ${hex(end)}: give the machine more with --ram`,
    );
  }
  placement.put("the initramfs", start, initrd);
  return start;
}

// #region zero-page
/** The zero page: setup header, command line, RAM disk, memory map. */
function zeroPage(header: Uint8Array, ramBytes: number): DataView {
  const page = new Uint8Array(ZERO_PAGE_BYTES);
  page.set(header, SETUP_HEADER);
  const view = viewOf(page);
  const regions = memoryMap(ramBytes);
  view.setUint8(E820_ENTRIES, regions.length);
  regions.forEach(({ base, length, type }, i) => {
    view.setBigUint64(E820_TABLE + i * E820_BYTES, BigInt(base), true);
    view.setBigUint64(E820_TABLE + i * E820_BYTES + 8, BigInt(length), true);
    view.setUint32(E820_TABLE + i * E820_BYTES + 16, type, true);
  });
  view.setUint8(FIELD.typeOfLoader, UNKNOWN_LOADER);
  return view;
}
// #endregion

/** Zero page, command line, descriptor table and page tables around a kernel that has been placed. */
function start(
  placement: Placement,
  options: ImageOptions,
  kernel: { setup: Uint8Array; entry: number; long: boolean; initrdMax: number },
): LoadedImage {
  const { ramBytes, commandLine = "", initrd, acpiRsdp } = options;
  const page = zeroPage(kernel.setup, ramBytes);
  if (initrd !== undefined && initrd.length > 0) {
    page.setUint32(FIELD.ramdiskImage, placeInitrd(placement, initrd, kernel.initrdMax), true);
    page.setUint32(FIELD.ramdiskSize, initrd.length, true);
  }
  if (acpiRsdp !== undefined) page.setBigUint64(ACPI_RSDP, BigInt(acpiRsdp), true);
  const words = new TextEncoder().encode(`${commandLine}\0`);
  const wordsAt = placement.find(words.length);
  placement.put("the command line", wordsAt, words);
  page.setUint32(FIELD.commandLine, wordsAt, true);
  const pageAt = placement.find(ZERO_PAGE_BYTES);
  placement.put("the zero page", pageAt, new Uint8Array(page.buffer));

  const gdt = new Uint8Array(
    BigUint64Array.of(0n, 0n, kernel.long ? GDT_CODE_64 : GDT_CODE_32, GDT_DATA).buffer,
  );
  const gdtAt = placement.find(gdt.length);
  placement.put("the descriptor table", gdtAt, gdt);
  const image: LoadedImage = {
    kind: "linux",
    entry: kernel.entry,
    startMode: kernel.long ? "long64" : "protected32",
    registers: { rsi: pageAt },
    gdt: { base: gdtAt, limit: gdt.length - 1 },
    segments: placement.segments,
    zero: placement.zero,
    symbols: [],
  };
  if (kernel.long) {
    const tables = placement.find(BOOT_TABLES_BYTES);
    placement.put("the page tables", tables, bootTables(tables));
    image.registers.cr3 = tables;
  }
  return image;
}

// #region load-bzimage
/** @throws ImageError for a kernel too old, truncated, or too large for the RAM with its initramfs */
export function loadBzImage(bytes: Uint8Array, options: ImageOptions): LoadedImage {
  const header = readHeader(bytes, options.name);
  const { commandLine = "" } = options;
  if (commandLine.length > header.commandLineSize) {
    throw new ImageError(
      `the command line of ${commandLine.length} characters is longer than the kernel's limit of ${header.commandLineSize}`,
    );
  }
  const placement = new Placement(options.ramBytes);
  const kernel = bytes.subarray(header.setupBytes);
  const end = Math.max(header.preferredAddress + header.initSize, HIGH_MEMORY + kernel.length);
  placement.claim("the kernel, unpacked,", HIGH_MEMORY, end - HIGH_MEMORY);
  placement.fill("the kernel", HIGH_MEMORY, kernel);
  const setupEnd = FIELD.jump + 2 + bytes[FIELD.jump + 1];
  return start(placement, options, {
    setup: bytes.subarray(SETUP_HEADER, setupEnd),
    entry: HIGH_MEMORY + (header.long ? ENTRY_64 : 0),
    long: header.long,
    initrdMax: header.initrdAddressMax,
  });
}
// #endregion

/** The setup header of a kernel without one: its magic and the newest protocol version this loader knows. */
function setupOfVmlinux(): Uint8Array {
  const setup = new Uint8Array(0x264 - SETUP_HEADER);
  const view = viewOf(setup);
  view.setUint32(HEADER_MAGIC - SETUP_HEADER, HEADER_MAGIC_VALUE, true);
  view.setUint16(FIELD.version - SETUP_HEADER, 0x020f, true);
  view.setUint8(FIELD.loadFlags - SETUP_HEADER, LOADED_HIGH);
  return setup;
}

/** @throws ImageError when a segment or the initramfs does not fit the RAM */
export function loadVmlinux(bytes: Uint8Array, elf: ElfFile, options: ImageOptions): LoadedImage {
  const placement = new Placement(options.ramBytes);
  for (const { index, physical, offset, fileSize, memorySize } of elf.segments) {
    placement.put(`segment ${index}`, physical, bytes.subarray(offset, offset + fileSize), memorySize);
  }
  const image = start(placement, options, {
    setup: setupOfVmlinux(),
    entry: Number(elf.entry),
    long: true,
    initrdMax: 0x7fff_ffff,
  });
  return { ...image, symbols: elf.symbols };
}
