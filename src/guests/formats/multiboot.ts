/**
 * Multiboot 0.6.96: the header of an image (section 3.1) and the information passed to it (section 3.3).
 * @module
 */
import type { ElfFile } from "../elf.js";
import { hex, ImageError } from "../image-error.js";
import type { ImageModule, ImageOptions, LoadedImage } from "../loaded-image.js";
import { HIGH_MEMORY, LOW_MEMORY_END, memoryMap } from "../memory-map.js";
import { Placement } from "../placement.js";
import { placeElf } from "./place-elf.js";

const MULTIBOOT_HEADER_MAGIC = 0x1badb002;
/** EAX at entry. */
export const MULTIBOOT_LOADER_MAGIC = 0x2badb002;
/** The header lies wholly in so many first bytes of the file, 4-byte aligned. */
export const MULTIBOOT_SEARCH = 8192;

const PAGE_ALIGN = 1 << 0;
const MEMORY_INFO = 1 << 1;
const ADDRESS_FIELDS = 1 << 16;
/** Bits 0 to 15 are demands; a loader that does not understand one has to refuse. */
const DEMANDS = 0xffff;
const UNDERSTOOD = PAGE_ALIGN | MEMORY_INFO;
const HEADER_BYTES = 12;
const HEADER_BYTES_WITH_ADDRESSES = 32;

export interface MultibootHeader {
  /** Offset in the file. */
  offset: number;
  flags: number;
  /** Guest-physical addresses of a flat image (flag 16); an ELF image has them in its own headers. */
  addresses?: { header: number; load: number; loadEnd: number; bssEnd: number; entry: number };
}

/**
 * Looks for the header.
 * @returns undefined if there is none with a right checksum
 * @throws ImageError if the header asks for what this loader does not have
 */
export function findMultibootHeader(bytes: Uint8Array): MultibootHeader | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = Math.min(bytes.length, MULTIBOOT_SEARCH) - HEADER_BYTES;
  for (let offset = 0; offset <= end; offset += 4) {
    if (view.getUint32(offset, true) !== MULTIBOOT_HEADER_MAGIC) continue;
    const flags = view.getUint32(offset + 4, true);
    const sum = MULTIBOOT_HEADER_MAGIC + flags + view.getUint32(offset + 8, true);
    if (sum % 2 ** 32 === 0) return readHeader(view, offset, flags);
  }
  return undefined;
}

function readHeader(view: DataView, offset: number, flags: number): MultibootHeader {
  const unknown = flags & DEMANDS & ~UNDERSTOOD;
  if (unknown !== 0) {
    throw new ImageError(
      `the multiboot header at offset ${hex(offset)} demands ${hex(unknown)} (a video mode or something newer), which this loader does not have`,
    );
  }
  if ((flags & ADDRESS_FIELDS) === 0) return { offset, flags };
  if (offset + HEADER_BYTES_WITH_ADDRESSES > view.byteLength) {
    throw new ImageError(
      `truncated image: the multiboot header at offset ${hex(offset)} needs ${HEADER_BYTES_WITH_ADDRESSES} bytes, but the file has ${view.byteLength}`,
    );
  }
  const field = (index: number): number => view.getUint32(offset + HEADER_BYTES + 4 * index, true);
  return {
    offset,
    flags,
    addresses: { header: field(0), load: field(1), loadEnd: field(2), bssEnd: field(3), entry: field(4) },
  };
}

/** A module as it lies in guest-physical memory. */
export interface PlacedModule {
  name: string;
  start: number;
  /** First byte after the module. */
  end: number;
}

export interface MultibootEnvironment {
  ramBytes: number;
  /** The image's name first. */
  commandLine: string;
  modules: readonly PlacedModule[];
}

const INFO_BYTES = 88;
const MODULE_BYTES = 16;
const REGION_BYTES = 24;
const BOOT_LOADER_NAME = "Ring-1";

/** Fields of the information structure: offset in bytes. */
const FIELD = {
  flags: 0,
  memLower: 4,
  memUpper: 8,
  cmdline: 16,
  modsCount: 20,
  modsAddr: 24,
  mmapLength: 44,
  mmapAddr: 48,
  bootLoaderName: 64,
};
/** Which fields are valid: memory, command line, modules, memory map, boot loader name. */
const INFO_FLAGS = (1 << 0) | (1 << 2) | (1 << 3) | (1 << 6) | (1 << 9);

/** Bytes that {@link multibootInformation} makes for `environment`. */
export function multibootInformationSize(environment: MultibootEnvironment): number {
  return multibootInformation(environment, 0).length;
}

/** The information structure and all that it points to, to be placed at guest-physical address `at`. */
export function multibootInformation(
  { ramBytes, commandLine, modules }: MultibootEnvironment,
  at: number,
): Uint8Array {
  const encoder = new TextEncoder();
  const regions = memoryMap(ramBytes);
  const mmapAt = INFO_BYTES;
  const modulesAt = mmapAt + regions.length * REGION_BYTES;
  const texts = [BOOT_LOADER_NAME, commandLine, ...modules.map(({ name }) => name)].map((text) =>
    encoder.encode(text),
  );
  const textAt: number[] = [];
  let length = modulesAt + modules.length * MODULE_BYTES;
  for (const text of texts) {
    textAt.push(length);
    length += text.length + 1;
  }
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  const put = (offset: number, value: number): void => view.setUint32(offset, value, true);
  put(FIELD.flags, INFO_FLAGS);
  put(FIELD.memLower, LOW_MEMORY_END >> 10);
  put(FIELD.memUpper, (ramBytes - HIGH_MEMORY) / 1024);
  put(FIELD.cmdline, at + textAt[1]);
  put(FIELD.modsCount, modules.length);
  put(FIELD.modsAddr, at + modulesAt);
  put(FIELD.mmapLength, regions.length * REGION_BYTES);
  put(FIELD.mmapAddr, at + mmapAt);
  put(FIELD.bootLoaderName, at + textAt[0]);
  regions.forEach(({ base, length: size, type }, i) => {
    [REGION_BYTES - 4, base, 0, size, 0, type].forEach((value, word) =>
      put(mmapAt + i * REGION_BYTES + 4 * word, value),
    );
  });
  modules.forEach(({ start, end }, i) => {
    [start, end, at + textAt[2 + i], 0].forEach((value, word) =>
      put(modulesAt + i * MODULE_BYTES + 4 * word, value),
    );
  });
  texts.forEach((text, i) => bytes.set(text, textAt[i]));
  return bytes;
}

/** A flat image: the header's own address fields say what goes where (Multiboot 0.6.96, 3.1.3). */
function placeFlat(placement: Placement, { offset, addresses }: MultibootHeader, bytes: Uint8Array): number {
  if (addresses === undefined)
    throw new ImageError(
      `the multiboot header at offset ${hex(offset)} has no address fields (flag 16), and the file is not ELF`,
    );
  const { header, load, loadEnd, bssEnd, entry } = addresses;
  const start = offset - (header - load);
  if (header < load || start < 0) {
    throw new ImageError(
      `the multiboot header at offset ${hex(offset)} says it is loaded to ${hex(header)}, which cannot be if loading begins at ${hex(load)}`,
    );
  }
  const length = loadEnd === 0 ? bytes.length - start : loadEnd - load;
  if (length <= 0) throw new ImageError(`load_end_addr ${hex(loadEnd)} is not above load_addr ${hex(load)}`);
  if (start + length > bytes.length) {
    throw new ImageError(
      `truncated image: load_end_addr ${hex(loadEnd)} needs ${start + length} bytes, but the file has ${bytes.length}`,
    );
  }
  const end = bssEnd === 0 ? load + length : bssEnd;
  if (end < load + length)
    throw new ImageError(
      `bss_end_addr ${hex(bssEnd)} is below the end of the loaded part, ${hex(load + length)}`,
    );
  placement.put("the image", load, bytes.subarray(start, start + length), end - load);
  if (!placement.holds(entry))
    throw new ImageError(`the entry point ${hex(entry)} is outside the image, ${hex(load)}–${hex(end)}`);
  return entry;
}

/** Modules follow the image on page boundaries. */
export function placeModules(placement: Placement, modules: readonly ImageModule[]): PlacedModule[] {
  return modules.map(({ commandLine: name, bytes }) => {
    const start = placement.top;
    placement.put(`module "${name}"`, start, bytes);
    return { name, start, end: start + bytes.length };
  });
}

/** @returns where the information structure and all that it points to lie, guest-physical */
export function placeInformation(
  placement: Placement,
  modules: readonly PlacedModule[],
  { name, ramBytes, commandLine = "" }: ImageOptions,
): number {
  const environment = {
    ramBytes,
    modules,
    commandLine: commandLine === "" ? name : `${name} ${commandLine}`,
  };
  const at = placement.find(multibootInformationSize(environment));
  placement.put("the boot information", at, multibootInformation(environment, at));
  return at;
}

/** EAX is 0x2badb002 and EBX the information structure (3.2). `elf`: undefined for a flat image. */
export function loadMultiboot(
  bytes: Uint8Array,
  header: MultibootHeader,
  elf: ElfFile | undefined,
  options: ImageOptions,
): LoadedImage {
  const placement = new Placement(options.ramBytes);
  const flat = header.addresses !== undefined || elf === undefined;
  const entry = flat ? placeFlat(placement, header, bytes) : placeElf(placement, elf, bytes);
  const modules = placeModules(placement, options.modules ?? []);
  const information = placeInformation(placement, modules, options);
  return {
    kind: "multiboot",
    entry,
    startMode: "protected32",
    registers: { rax: MULTIBOOT_LOADER_MAGIC, rbx: information },
    segments: placement.segments,
    zero: placement.zero,
    symbols: elf?.symbols ?? [],
  };
}
