import type { ImageSymbol } from "./elf.js";

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
 * How the processor starts, interrupts off in all:
 * `real16`: real-address mode, CS:IP from `codeSelector` and `entry`;
 * `protected32`: protected mode, flat 4 GiB segments, paging off;
 * `long64`: 64-bit mode, the first 4 GiB mapped linear = physical by writable 2 MiB supervisor pages;
 * `reset`: as after a hardware reset (SDM Vol. 3, 10.1.4): CS base 0xffff0000, IP 0xfff0.
 */
export type StartMode = "real16" | "protected32" | "long64" | "reset";

/** Registers at entry that are not 0. */
export interface EntryRegisters {
  rax?: number;
  rbx?: number;
  rdx?: number;
  rsi?: number;
  rdi?: number;
  rsp?: number;
  cr3?: number;
}

export interface LoadedImage {
  kind: "multiboot" | "elf64" | "linux" | "boot-sector" | "firmware" | "paravirtual";
  /** Guest-physical address of the first instruction; linear addresses are the same at entry. An IP in `real16`. */
  entry: number;
  /** Selector of CS in `real16`; 0 unless given. */
  codeSelector?: number;
  startMode: StartMode;
  registers: EntryRegisters;
  segments: ImageSegment[];
  zero: ZeroRange[];
  /** Read-only memory: guest-physical, above RAM or over it. */
  rom?: ImageSegment[];
  /** Where a descriptor table for the start lies, where the format asks for one. */
  gdt?: { base: number; limit: number };
  /** Linear addresses. Empty if the image has no symbol table. */
  symbols: ImageSymbol[];
  /** Of an image built for paravirtualisation, which no bare machine can start; guest-physical addresses. */
  paravirtual?: {
    /** First byte behind all that is loaded. */
    end: number;
    /** Where the image wants its first four page tables; 0: anywhere. */
    tables: number;
    commandLine: string;
  };
}

/** A file that the image finds in memory (Multiboot 0.6.96, 3.3, `mods_*`). */
export interface ImageModule {
  bytes: Uint8Array;
  /** The string that goes with it; by custom its file name and arguments. */
  commandLine: string;
}

export interface ImageOptions {
  /** The image's name: first word of a multiboot command line. */
  name: string;
  /** Multiple of 4 KiB, at least 2 MiB. */
  ramBytes: number;
  /** Words after the image's name; none unless given. */
  commandLine?: string;
  /** None unless given. */
  modules?: readonly ImageModule[];
  /** Initial RAM file system of a Linux kernel; none unless given. */
  initrd?: Uint8Array;
  /** Guest-physical address of the root system description pointer; a kernel looks for it itself unless given. */
  acpiRsdp?: number;
}
