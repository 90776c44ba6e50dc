/**
 * From a file to guest-physical memory and the processor's state at entry.
 * @module
 */
import { MAX_RAM_BYTES } from "../spec/memory-map.js";
import { isElf, parseElf } from "./elf.js";
import type { ElfFile, ImageSymbol } from "./elf.js";
import { hex, ImageError, size } from "./image-error.js";
import { bootTables, BOOT_TABLES_BYTES } from "./boot-tables.js";
import {
  findMultibootHeader,
  LOW_MEMORY_END,
  MULTIBOOT_LOADER_MAGIC,
  MULTIBOOT_SEARCH,
  multibootInformation,
  multibootInformationSize,
} from "./multiboot.js";
import type { MultibootHeader, PlacedModule } from "./multiboot.js";

export { ImageError };

/** Bytes for guest-physical memory. */
export interface ImageSegment {
  /** Guest-physical address. */
  address: number;
  bytes: Uint8Array;
  /** What it is, for messages and pictures. */
  name: string;
}

/** Guest-physical memory to be cleared. */
export interface ZeroRange {
  address: number;
  /** How many. */
  bytes: number;
}

/**
 * Registers at entry that are not 0. In `protected32`: RAX 0x2badb002 and RBX the information structure (Multiboot
 * 0.6.96, 3.2). In `long64` likewise, with RDI = RBX as the first argument of a C function, RSP the end of a 16 KiB
 * stack less 8 bytes, and CR3 the page tables.
 */
export interface EntryRegisters {
  rax: number;
  rbx: number;
  rdi?: number;
  rsp?: number;
  cr3?: number;
}

export interface LoadedImage {
  kind: "multiboot" | "elf64";
  /** Guest-physical address of the first instruction; linear addresses are the same at entry. */
  entry: number;
  /**
   * `protected32`: protected mode, flat 4 GiB segments, paging and interrupts off. `long64`: 64-bit mode, the first
   * 4 GiB mapped linear = physical by writable 2 MiB supervisor pages, interrupts off.
   */
  startMode: "protected32" | "long64";
  registers: EntryRegisters;
  segments: ImageSegment[];
  zero: ZeroRange[];
  /** Linear addresses. Empty if the image has no symbol table. */
  symbols: ImageSymbol[];
}

/** A file that the image finds in memory (Multiboot 0.6.96, 3.3, `mods_*`). */
export interface ImageModule {
  bytes: Uint8Array;
  /** The string that goes with it; by custom its file name and arguments. */
  commandLine: string;
}

export interface ImageOptions {
  /** The image's name: first word of the command line. */
  name: string;
  /** Multiple of 4 KiB, at least 2 MiB. */
  ramBytes: number;
  /** Words after the image's name; none unless given. */
  commandLine?: string;
  /** None unless given. */
  modules?: readonly ImageModule[];
}

const PAGE = 4096;
const SMALLEST_RAM = 2 << 20;
const STACK_BYTES = 16 << 10;
/** The first page stays free, for guests that want null pointers to fault. */
const LOW_MEMORY_BEGIN = PAGE;

const pageUp = (address: number): number => Math.ceil(address / PAGE) * PAGE;

/** What has been placed so far, and where something more fits. */
class Placement {
  readonly segments: ImageSegment[] = [];
  readonly zero: ZeroRange[] = [];
  readonly #taken: { name: string; start: number; end: number }[] = [];

  constructor(readonly ramBytes: number) {}

  #claim(name: string, start: number, length: number): void {
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
    this.#claim(name, address, memorySize);
    if (bytes.length > 0) this.segments.push({ name, address, bytes });
    if (memorySize > bytes.length)
      this.zero.push({ address: address + bytes.length, bytes: memorySize - bytes.length });
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

function placeElf(placement: Placement, elf: ElfFile, bytes: Uint8Array): number {
  if (elf.segments.length === 0) throw new ImageError("the ELF file has no loadable segment");
  for (const { index, physical, offset, fileSize, memorySize } of elf.segments) {
    placement.put(`segment ${index}`, physical, bytes.subarray(offset, offset + fileSize), memorySize);
  }
  const home = elf.segments.find(
    ({ virtual, memorySize }) => virtual <= elf.entry && elf.entry < virtual + BigInt(memorySize),
  );
  if (elf.entry < 1n << 32n && placement.holds(Number(elf.entry))) return Number(elf.entry);
  const linked =
    home === undefined
      ? ""
      : `: segment ${home.index} is linked at ${hex(home.virtual)} but loaded at ${hex(home.physical)}, and paging maps linear to the same physical`;
  throw new ImageError(`the entry point ${hex(elf.entry)} is in no loaded segment${linked}`);
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

function placeModules(placement: Placement, modules: readonly ImageModule[]): PlacedModule[] {
  return modules.map(({ commandLine: name, bytes }) => {
    const start = placement.top;
    placement.put(`module "${name}"`, start, bytes);
    return { name, start, end: start + bytes.length };
  });
}

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
  const linux = new TextDecoder("latin1").decode(bytes.subarray(0x202, 0x206)) === "HdrS";
  return linux ? "it is a Linux bzImage, which this loader does not start" : `it begins with ${start}`;
}

/**
 * Lays out an image, its modules and its boot information in guest-physical memory.
 *
 * A multiboot header (in ELF or flat) wins and starts in 32-bit protected mode; an ELF64 file without one starts in
 * 64-bit mode. Modules follow the image on page boundaries; boot information, tables and stack lie below 640 KiB.
 *
 * @throws ImageError if the file is neither, is damaged, or does not fit the machine's RAM
 */
export function loadImage(bytes: Uint8Array, options: ImageOptions): LoadedImage {
  checkOptions(bytes, options);
  const { name, ramBytes, commandLine = "" } = options;
  const header = findMultibootHeader(bytes);
  const elf = isElf(bytes) ? parseElf(bytes) : undefined;
  if (header === undefined && elf === undefined) {
    throw new ImageError(
      `"${name}" is neither ELF nor a multiboot image (no header in its first ${MULTIBOOT_SEARCH} bytes): ${describe(bytes)}`,
    );
  }
  if (header === undefined && elf?.bits === 32) {
    throw new ImageError(
      `"${name}" is an ELF32 file without a multiboot header in its first ${MULTIBOOT_SEARCH} bytes, so how to start it is unknown`,
    );
  }
  const placement = new Placement(ramBytes);
  const flat = header?.addresses !== undefined || elf === undefined;
  const entry =
    flat && header !== undefined
      ? placeFlat(placement, header, bytes)
      : placeElf(placement, elf as ElfFile, bytes);
  const modules = placeModules(placement, options.modules ?? []);

  const environment = {
    ramBytes,
    modules,
    commandLine: commandLine === "" ? name : `${name} ${commandLine}`,
  };
  const information = placement.find(multibootInformationSize(environment));
  placement.put("the boot information", information, multibootInformation(environment, information));
  const registers: EntryRegisters = { rax: MULTIBOOT_LOADER_MAGIC, rbx: information };
  const { segments, zero } = placement;
  const symbols = elf?.symbols ?? [];
  if (header !== undefined)
    return { kind: "multiboot", entry, startMode: "protected32", registers, segments, zero, symbols };

  const stack = placement.find(STACK_BYTES);
  placement.put("the stack", stack, new Uint8Array(0), STACK_BYTES);
  const tables = placement.find(BOOT_TABLES_BYTES);
  placement.put("the page tables", tables, bootTables(tables));
  return {
    kind: "elf64",
    entry,
    startMode: "long64",
    registers: { ...registers, rdi: information, rsp: stack + STACK_BYTES - 8, cr3: tables },
    segments,
    zero,
    symbols,
  };
}
