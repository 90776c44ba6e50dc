import { isBzImage } from "../formats/linux.js";
import { loadImage, type ImageOptions, type LoadedImage } from "../load-image.js";
import { memoryMap, RESERVED } from "../memory-map.js";

/** What a piece of guest-physical memory holds when a kernel starts. */
export interface BootRegion {
  name: string;
  /** Guest-physical address of the first byte, and of the first byte after it. */
  start: number;
  end: number;
  kind: "kernel" | "room" | "initramfs" | "handed-over" | "reserved";
}

/** What the boot protocol hands over to a kernel. Plain data. */
export interface BootMap {
  ramBytes: number;
  /** In the order of their addresses, without gaps of free memory. */
  regions: BootRegion[];
  /** Registers at entry that are not 0, and where they point; guest-physical. */
  pointers: { register: string; address: number }[];
}

/**
 * Lays a Linux kernel out as the loader does.
 * @throws ImageError as the loader does
 */
export function bootMap(kernel: Uint8Array, options: ImageOptions): BootMap {
  const image = loadImage(kernel, options);
  const reserved = memoryMap(options.ramBytes)
    .filter(({ type }) => type === RESERVED)
    .map(({ base, length }) => region("reserved for firmware", base, base + length, "reserved"));
  const held = image.segments.map(({ name, address, bytes }) =>
    region(name, address, address + bytes.length, kindOf(name)),
  );
  const regions = [...held, ...room(image, kernel), ...reserved].sort((a, b) => a.start - b.start);
  return { ramBytes: options.ramBytes, regions, pointers: pointersOf(image) };
}

function region(name: string, start: number, end: number, kind: BootRegion["kind"]): BootRegion {
  return { name, start, end, kind };
}

function kindOf(name: string): BootRegion["kind"] {
  if (name === "the initramfs") return "initramfs";
  return name === "the kernel" || name.startsWith("segment") ? "kernel" : "handed-over";
}

/** Setup header (Linux documentation, arch/x86/boot.rst): where the kernel unpacks itself, and how much it needs there. */
const PREFERRED_ADDRESS = 0x258;
const INIT_SIZE = 0x260;

/** Memory that the loader leaves free for the kernel to unpack itself into. */
function room(image: LoadedImage, kernel: Uint8Array): BootRegion[] {
  if (!isBzImage(kernel)) return [];
  const view = new DataView(kernel.buffer, kernel.byteOffset, kernel.byteLength);
  const compressed = image.segments.find(({ name }) => name === "the kernel")!;
  const start = compressed.address + compressed.bytes.length;
  const end = Number(view.getBigUint64(PREFERRED_ADDRESS, true)) + view.getUint32(INIT_SIZE, true);
  return end > start ? [region("room to unpack itself", start, end, "room")] : [];
}

function pointersOf({ entry, gdt, registers }: LoadedImage): BootMap["pointers"] {
  const { rsi, cr3 } = registers;
  return [
    { register: "RIP", address: entry },
    ...(rsi === undefined ? [] : [{ register: "RSI", address: rsi }]),
    ...(cr3 === undefined ? [] : [{ register: "CR3", address: cr3 }]),
    ...(gdt === undefined ? [] : [{ register: "GDTR", address: gdt.base }]),
  ];
}
