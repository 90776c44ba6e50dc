/** The boot protocol, seen from a kernel's side: what lies where when it is entered, and what is refused. */
import { describe, expect, it } from "vitest";
import { ImageError, loadImage, type ImageOptions, type LoadedImage } from "../../src/guests/load-image.js";
import { makeElf } from "./elf-image.js";

const MIB = 1 << 20;
const options = (more: Partial<ImageOptions> = {}): ImageOptions => ({
  name: "kernel",
  ramBytes: 64 * MIB,
  ...more,
});

/** A bzImage: setup header, one set-up sector, and a kernel of `kernelBytes` that counts up. */
function bzImage(
  fields: { version?: number; loadFlags?: number; xload?: number; initSize?: number } = {},
  kernelBytes = 4096,
): Uint8Array {
  const { version = 0x020f, loadFlags = 1, xload = 1, initSize = 8 * MIB } = fields;
  const bytes = new Uint8Array(1024 + kernelBytes);
  const view = new DataView(bytes.buffer);
  view.setUint8(0x1f1, 1);
  view.setUint16(0x200, 0x66eb, true);
  view.setUint32(0x202, 0x5372_6448, true);
  view.setUint16(0x206, version, true);
  view.setUint8(0x211, loadFlags);
  view.setUint32(0x22c, 0x7fff_ffff, true);
  view.setUint16(0x236, xload, true);
  view.setUint32(0x238, 2047, true);
  view.setBigUint64(0x258, BigInt(16 * MIB), true);
  view.setUint32(0x260, initSize, true);
  for (let i = 0; i < kernelBytes; i++) bytes[1024 + i] = i;
  return bytes;
}

function memoryOf({ segments }: LoadedImage): DataView {
  const memory = new Uint8Array(64 * MIB);
  for (const { address, bytes } of segments) memory.set(bytes, address);
  return new DataView(memory.buffer);
}

describe("a bzImage", () => {
  const initrd = Uint8Array.from({ length: 5000 }, (_, i) => i * 7);
  const loaded = loadImage(
    bzImage(),
    options({ commandLine: "console=ttyS0 quiet", initrd, acpiRsdp: 0xe_1230 }),
  );
  const memory = memoryOf(loaded);
  const page = loaded.registers.rsi ?? 0;

  it("is entered in 64-bit mode, 0x200 behind its start at 1 MiB, with the zero page in RSI", () => {
    expect(loaded).toMatchObject({ kind: "linux", startMode: "long64", entry: MIB + 0x200 });
    expect(memory.getUint8(MIB + 0x234)).toBe(0x34);
  });

  it("finds its own header, a loader type and its command line in the zero page", () => {
    expect(memory.getUint32(page + 0x202, true)).toBe(0x5372_6448);
    expect(memory.getUint8(page + 0x210)).toBe(0xff);
    const words = memory.getUint32(page + 0x228, true);
    const text = new TextDecoder().decode(new Uint8Array(memory.buffer, words, 20));
    expect(text).toBe("console=ttyS0 quiet\0");
    expect(memory.getBigUint64(page + 0x70, true)).toBe(0xe_1230n);
  });

  it("finds the initramfs at the end of RAM, on a page", () => {
    const at = memory.getUint32(page + 0x218, true);
    expect(at % 4096).toBe(0);
    expect(memory.getUint32(page + 0x21c, true)).toBe(5000);
    expect(new Uint8Array(memory.buffer, at, 5000)).toEqual(initrd);
  });

  it("finds a memory map whose available regions hold everything and do not overlap", () => {
    const count = memory.getUint8(page + 0x1e8);
    const regions = Array.from({ length: count }, (_, i) => {
      const at = page + 0x2d0 + 20 * i;
      return {
        base: Number(memory.getBigUint64(at, true)),
        length: Number(memory.getBigUint64(at + 8, true)),
      };
    });
    regions
      .slice(1)
      .forEach(({ base }, i) => expect(base).toBeGreaterThanOrEqual(regions[i].base + regions[i].length));
    const last = regions[count - 1];
    expect(last.base + last.length).toBe(64 * MIB);
  });

  it("has flat descriptors for selectors 0x10 and 0x18 and page tables of its own", () => {
    const { base, limit } = loaded.gdt!;
    expect(limit).toBe(31);
    expect(memory.getBigUint64(base + 0x10, true)).toBe(0x00af_9a00_0000_ffffn);
    expect(Number(memory.getBigUint64(loaded.registers.cr3!, true) & 1n)).toBe(1);
  });

  it("without a 64-bit entry point is entered in protected mode at its start", () => {
    expect(loadImage(bzImage({ xload: 0 }), options())).toMatchObject({
      startMode: "protected32",
      entry: MIB,
    });
  });

  it("that gives nothing for the memory it needs takes what the file holds", () => {
    expect(() => loadImage(bzImage({ initSize: 0 }), options())).not.toThrow();
  });
});

describe("what cannot be started, with the cause", () => {
  it.each([
    ["an old kernel", bzImage({ version: 0x0204 }), {}, /boot protocol 2\.04.*needs 2\.12/],
    ["a zImage", bzImage({ loadFlags: 0 }), {}, /zImage/],
    ["a kernel cut off after its set-up", bzImage().subarray(0, 1024), {}, /truncated.*no kernel after/],
    ["too little RAM", bzImage(), { ramBytes: 16 * MIB }, /the kernel, unpacked.*--ram/],
    [
      "an initramfs larger than RAM",
      bzImage(),
      { initrd: new Uint8Array(60 * MIB) },
      /initramfs of 60 MiB does not fit.*--ram/,
    ],
    [
      "a command line too long",
      bzImage(),
      { commandLine: "x".repeat(3000) },
      /3000 characters.*limit of 2047/,
    ],
    [
      "an initramfs for what is no kernel",
      makeElf({ bits: 64, entry: MIB, segments: [] }),
      { initrd: new Uint8Array(4) },
      /no Linux kernel/,
    ],
  ])("%s", (_, bytes, more, message) => {
    expect(() => loadImage(bytes, options(more))).toThrow(ImageError);
    expect(() => loadImage(bytes, options(more))).toThrow(message);
  });

  it("a kernel cut off anywhere is refused or loaded, never more than that", () => {
    const whole = bzImage();
    for (let length = 0; length < 1200; length += 7) {
      try {
        loadImage(whole.subarray(0, length), options());
      } catch (error) {
        expect(error).toBeInstanceOf(ImageError);
      }
    }
  });
});

describe("a boot sector", () => {
  const sector = new Uint8Array(512);
  sector.set([0x55, 0xaa], 510);

  it("starts in firmware, and is the disk at the end of RAM, which the memory map keeps", () => {
    const loaded = loadImage(sector, options());
    expect(loaded).toMatchObject({
      kind: "boot-sector",
      startMode: "real16",
      codeSelector: 0xf000,
      entry: 0xe000,
    });
    const disk = loaded.segments.find(({ name }) => name === "the disk")!;
    expect(disk.address).toBe(options().ramBytes - 4096);
    expect(disk.bytes).toBe(sector);
  });
  it("may have the rest of its disk behind it", () => {
    const disk = new Uint8Array(3 * 512);
    disk.set(sector);
    expect(loadImage(disk, options())).toMatchObject({ kind: "boot-sector" });
    expect(() => loadImage(disk.subarray(0, 700), options())).toThrow(ImageError);
    expect(() => loadImage(sector.subarray(0, 511), options())).toThrow(ImageError);
    const large = new Uint8Array(options().ramBytes);
    large.set(sector);
    expect(() => loadImage(large, options())).toThrow(/--ram/);
  });
});

describe("firmware", () => {
  const rom = new Uint8Array(256 << 10);
  rom.set([0xea, 0x5b, 0xe0, 0, 0xf0], rom.length - 16);

  it("ends at 4 GiB and at 1 MiB, and starts at its reset vector", () => {
    const loaded = loadImage(rom, options());
    expect(loaded).toMatchObject({ kind: "firmware", startMode: "reset", entry: 0xfff0 });
    expect(loaded.rom).toMatchObject([{ address: 2 ** 32 - rom.length }]);
    expect(loaded.segments).toMatchObject([{ address: MIB - (128 << 10) }]);
  });
});
