/**
 * From a file to guest-physical memory and the processor's state at entry.
 * @module
 */
import { MAX_RAM_BYTES } from "../spec/memory-map.js";
import { isElf, parseElf } from "./elf.js";
import { isBootSector, loadBootSector } from "./formats/boot-sector.js";
import { loadElf64 } from "./formats/elf64.js";
import { isFirmware, loadFirmware } from "./formats/firmware.js";
import { isBzImage, isVmlinux, loadBzImage, loadVmlinux } from "./formats/linux.js";
import { findMultibootHeader, loadMultiboot, MULTIBOOT_SEARCH } from "./formats/multiboot.js";
import { findParavirtualHeader, loadParavirtual } from "./formats/paravirtual.js";
import { ImageError } from "./image-error.js";
import type { ImageOptions, LoadedImage } from "./loaded-image.js";

export { ImageError };
export type * from "./loaded-image.js";

const PAGE = 4096;
const SMALLEST_RAM = 2 << 20;

function checkOptions(
  bytes: Uint8Array,
  { name, ramBytes, commandLine = "", modules = [] }: ImageOptions,
): void {
  if (bytes.length === 0) throw new ImageError(`"${name}" is an empty file`);
  if (
    !Number.isSafeInteger(ramBytes) ||
    ramBytes < SMALLEST_RAM ||
    ramBytes % PAGE !== 0 ||
    ramBytes > MAX_RAM_BYTES
  ) {
    throw new ImageError(`${ramBytes} bytes of RAM: it has to be a multiple of 4 KiB from 2 MiB to 3 GiB`);
  }
  for (const text of [name, commandLine, ...modules.map((module) => module.commandLine)]) {
    if (text.includes("\0")) throw new ImageError(`${JSON.stringify(text)} contains a zero byte`);
  }
}

function describe(bytes: Uint8Array): string {
  const start = [...bytes.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  return `it begins with ${start}`;
}

function loadFormat(bytes: Uint8Array, options: ImageOptions): LoadedImage {
  if (isBzImage(bytes)) return loadBzImage(bytes, options);
  const { name, initrd } = options;
  const paravirtual = findParavirtualHeader(bytes);
  if (paravirtual !== undefined) return loadParavirtual(bytes, paravirtual, options);
  const header = findMultibootHeader(bytes);
  const elf = isElf(bytes) ? parseElf(bytes) : undefined;
  if (header === undefined && elf !== undefined && isVmlinux(elf)) return loadVmlinux(bytes, elf, options);
  if (initrd !== undefined)
    throw new ImageError(`"${name}" is no Linux kernel, so nothing would find the initramfs: use a module`);
  if (header !== undefined) return loadMultiboot(bytes, header, elf, options);
  if (elf?.bits === 64) return loadElf64(bytes, elf, options);
  if (elf !== undefined) {
    throw new ImageError(
      `"${name}" is an ELF32 file without a multiboot header in its first ${MULTIBOOT_SEARCH} bytes, so how to start it is unknown`,
    );
  }
  if (isFirmware(bytes)) return loadFirmware(bytes, options);
  if (isBootSector(bytes)) return loadBootSector(bytes, options);
  throw new ImageError(
    `"${name}" is neither ELF nor a multiboot image (no header in its first ${MULTIBOOT_SEARCH} bytes), nor a Linux kernel, a boot sector or firmware: ${describe(bytes)}`,
  );
}

/**
 * Lays out an image, its modules and its boot information in guest-physical memory. What the file is is seen from its
 * contents: a Linux kernel (bzImage, or vmlinux without multiboot header); a header of spec/paravirtual; a multiboot header, in
 * ELF or flat; ELF64; a boot sector; firmware.
 *
 * @throws ImageError if the file is none of these, is damaged, or does not fit the machine's RAM
 */
export function loadImage(bytes: Uint8Array, options: ImageOptions): LoadedImage {
  checkOptions(bytes, options);
  return loadFormat(bytes, options);
}
