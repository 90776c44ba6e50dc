/**
 * An ELF64 executable that is loaded where its program headers say and entered in 64-bit mode with a Multiboot information
 * structure: what a freestanding 64-bit program is without a header of its own.
 * @module
 */
import { BOOT_TABLES_BYTES, bootTables } from "../boot-tables.js";
import type { ElfFile } from "../elf.js";
import type { ImageOptions, LoadedImage } from "../loaded-image.js";
import { Placement } from "../placement.js";
import { placeElf } from "./place-elf.js";
import { MULTIBOOT_LOADER_MAGIC, placeInformation, placeModules } from "./multiboot.js";

const STACK_BYTES = 16 << 10;

/**
 * RAX is 0x2badb002; RBX, and RDI as the first argument of a C function, the information structure; RSP the end of a 16 KiB
 * stack less 8 bytes; CR3 the page tables.
 */
export function loadElf64(bytes: Uint8Array, elf: ElfFile, options: ImageOptions): LoadedImage {
  const placement = new Placement(options.ramBytes);
  const entry = placeElf(placement, elf, bytes);
  const modules = placeModules(placement, options.modules ?? []);
  const information = placeInformation(placement, modules, options);
  const stack = placement.find(STACK_BYTES);
  placement.put("the stack", stack, new Uint8Array(0), STACK_BYTES);
  const tables = placement.find(BOOT_TABLES_BYTES);
  placement.put("the page tables", tables, bootTables(tables));
  return {
    kind: "elf64",
    entry,
    startMode: "long64",
    registers: {
      rax: MULTIBOOT_LOADER_MAGIC,
      rbx: information,
      rdi: information,
      rsp: stack + STACK_BYTES - 8,
      cr3: tables,
    },
    segments: placement.segments,
    zero: placement.zero,
    symbols: elf.symbols,
  };
}
