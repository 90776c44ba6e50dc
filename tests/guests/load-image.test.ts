import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { CATALOGUE, GUEST_ORIGIN, isParavirtual } from "../../src/guests/catalogue.js";
import { ImageError, loadImage } from "../../src/guests/load-image.js";
import type { ImageOptions, LoadedImage } from "../../src/guests/load-image.js";
import { makeElf } from "./elf-image.js";
import { assemble, assembledGuests, builtImage, seeded, sourcesOf } from "./support.js";

const MIB = 1 << 20;
const RAM = 16 * MIB;
const options = (more: Partial<ImageOptions> = {}): ImageOptions => ({
  name: "guest",
  ramBytes: RAM,
  ...more,
});
const imageOf = (entry = assembledGuests[0]): Uint8Array =>
  assemble(sourcesOf(entry), { origin: GUEST_ORIGIN }).bytes;
const hello = imageOf();
const code = Uint8Array.of(0xf4, 0xeb, 0xfd);

/** Guest-physical memory as the image leaves it. */
function memoryOf({ segments, zero }: LoadedImage, ramBytes = RAM): DataView {
  const memory = new Uint8Array(ramBytes).fill(0xa5);
  for (const { address, bytes } of zero) memory.fill(0, address, address + bytes);
  for (const { address, bytes } of segments) memory.set(bytes, address);
  return new DataView(memory.buffer);
}

function textAt(memory: DataView, address: number): string {
  let text = "";
  for (let at = address; memory.getUint8(at) !== 0; at++) text += String.fromCharCode(memory.getUint8(at));
  return text;
}

/** A flat multiboot image with the given header fields. */
function flat(
  fields: Partial<Record<"header" | "load" | "loadEnd" | "bssEnd" | "entry" | "flags", number>>,
  length = 64,
): Uint8Array {
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  const flags = fields.flags ?? 1 << 16;
  const { header = MIB, load = MIB, loadEnd = 0, bssEnd = 0, entry = MIB + 32 } = fields;
  [0x1badb002, flags, -(0x1badb002 + flags), header, load, loadEnd, bssEnd, entry].forEach((value, i) =>
    view.setUint32(4 * i, value, true),
  );
  return bytes;
}

describe("a flat multiboot image", () => {
  const loaded = loadImage(hello, options({ commandLine: "one two" }));
  const memory = memoryOf(loaded);
  const info = loaded.registers.rbx ?? 0;

  it("is entered as the specification says", () => {
    expect(loaded).toMatchObject({
      kind: "multiboot",
      startMode: "protected32",
      registers: { rax: 0x2badb002 },
    });
    expect(loaded.entry).toBe(
      assemble(sourcesOf(assembledGuests[0]), { origin: GUEST_ORIGIN }).symbols.start,
    );
  });

  it("lies at 1 MiB and its bss is cleared", () => {
    expect(loaded.segments[0]).toMatchObject({ address: MIB, bytes: hello });
    expect(loaded.zero).toEqual([{ address: MIB + hello.length, bytes: 0x3_0000 - hello.length }]);
  });

  it("gets its name first on the command line", () => {
    expect(textAt(memory, memory.getUint32(info + 16, true))).toBe("guest one two");
    expect(memory.getUint32(info, true)).toBe(0x24d);
  });

  it("is told its memory", () => {
    expect(memory.getUint32(info + 4, true)).toBe(639);
    expect(memory.getUint32(info + 8, true)).toBe(15 * 1024);
    const map = memory.getUint32(info + 48, true);
    const regions = Array.from({ length: memory.getUint32(info + 44, true) / 24 }, (_, i) => {
      const at = map + 24 * i;
      expect(memory.getUint32(at, true)).toBe(20);
      return [
        Number(memory.getBigUint64(at + 4, true)),
        Number(memory.getBigUint64(at + 12, true)),
        memory.getUint32(at + 20, true),
      ];
    });
    expect(regions).toContainEqual([MIB, 15 * MIB, 1]);
    expect(regions).toContainEqual([0, 0x9_fc00, 1]);
  });

  it("finds its modules on page boundaries", () => {
    const modules = [
      { commandLine: "first x", bytes: Uint8Array.of(1, 2, 3) },
      { commandLine: "second", bytes: new Uint8Array(5000).fill(7) },
    ];
    const withModules = loadImage(hello, options({ modules }));
    const view = memoryOf(withModules);
    const at = view.getUint32((withModules.registers.rbx ?? 0) + 24, true);
    expect(view.getUint32((withModules.registers.rbx ?? 0) + 20, true)).toBe(2);
    modules.forEach(({ commandLine, bytes }, i) => {
      const [start, end, name] = [0, 4, 8].map((field) => view.getUint32(at + 16 * i + field, true));
      expect(start % 4096).toBe(0);
      expect([...new Uint8Array(view.buffer, start, end - start)]).toEqual([...bytes]);
      expect(textAt(view, name)).toBe(commandLine);
    });
  });
});

describe("an ELF image", () => {
  const segments = [
    { physical: MIB, bytes: code, memorySize: 0x2000 },
    { physical: 2 * MIB, bytes: Uint8Array.of(9), memorySize: 1 },
  ];
  const symbols = [{ name: "start", address: MIB }];

  it.each([32, 64] as const)("of %i bits with a multiboot header starts in protected mode", (bits) => {
    const bytes = new Uint8Array(64);
    bytes.set(flat({ flags: 3 }).subarray(0, 12));
    const loaded = loadImage(
      makeElf({ bits, entry: MIB + 12, segments: [{ physical: MIB, bytes }] }),
      options(),
    );
    expect(loaded).toMatchObject({ kind: "multiboot", startMode: "protected32", entry: MIB + 12 });
  });

  it("of 64 bits without one starts in 64-bit mode on identity tables", () => {
    const loaded = loadImage(makeElf({ bits: 64, entry: MIB, segments, symbols }), options());
    expect(loaded).toMatchObject({ kind: "elf64", startMode: "long64", entry: MIB });
    expect(loaded.symbols).toEqual([{ name: "start", address: BigInt(MIB), size: 0 }]);
    expect(loaded.zero).toContainEqual({ address: MIB + 3, bytes: 0x2000 - 3 });
    const { rbx, rdi, rsp, cr3 } = loaded.registers;
    expect(rdi).toBe(rbx);
    expect((rsp ?? 0) % 16).toBe(8);
    const memory = memoryOf(loaded);
    const step = (table: number, index: number): number =>
      Number(memory.getBigUint64(table + 8 * index, true));
    for (const address of [0, MIB, 15 * MIB, 2 ** 32 - 1]) {
      const pdpt = step(cr3 ?? 0, 0);
      const directory = step(pdpt & ~4095, Math.floor(address / 2 ** 30));
      const page = step(directory & ~4095, Math.floor(address / (2 * MIB)) % 512);
      expect([pdpt & 7, directory & 7, page & 0x87]).toEqual([3, 3, 0x83]);
      expect(page - 0x83).toBe(Math.floor(address / (2 * MIB)) * 2 * MIB);
    }
  });

  it("keeps its own low memory", () => {
    const low = makeElf({
      bits: 64,
      entry: 0x1000,
      segments: [{ physical: 0x1000, bytes: code, memorySize: 0x9_0000 }],
    });
    const loaded = loadImage(low, options());
    const others = loaded.segments.filter(({ name }) => name !== "segment 0");
    for (const { address } of others) expect(address).toBeGreaterThanOrEqual(0x9_1000);
  });
});

describe("what cannot be started", () => {
  const elf = (more: object): Uint8Array =>
    makeElf({ bits: 64, entry: MIB, segments: [{ physical: MIB, bytes: code }], ...more });
  it.each<[string, Uint8Array, Partial<ImageOptions>, RegExp]>([
    ["nothing", new Uint8Array(0), {}, /"guest" is an empty file/],
    ["noise", Uint8Array.of(1, 2, 3), {}, /neither ELF nor a multiboot image .*begins with 01 02 03/],
    [
      "half an ELF header",
      elf({}).subarray(0, 30),
      {},
      /truncated ELF file: the ELF header needs 64 bytes at offset 0x0, but the file has 30/,
    ],
    [
      "no program headers",
      elf({}).subarray(0, 70),
      {},
      /truncated ELF file: the program header table of 1 entries needs 56 bytes at offset 0x40/,
    ],
    [
      "a cut segment",
      elf({}).subarray(0, 122),
      {},
      /truncated ELF file: segment 0 needs 3 bytes at offset 0x78, but the file has 122 bytes/,
    ],
    [
      "ELF32 without header",
      makeElf({ bits: 32, entry: MIB, segments: [{ physical: MIB, bytes: code }] }),
      {},
      /ELF32 file without a multiboot header/,
    ],
    ["another machine", elf({ patch: { 18: [183, 0] } }), {}, /machine 183, not for x86/],
    ["a shared object", elf({ patch: { 16: [3, 0] } }), {}, /ELF type 3 .* -no-pie/],
    ["big endian", elf({ patch: { 5: [2] } }), {}, /big-endian/],
    ["no segment", elf({ segments: [] }), {}, /no loadable segment/],
    ["an entry elsewhere", elf({ entry: 0x5000 }), {}, /entry point 0x5000 is in no loaded segment/],
    [
      "a high kernel",
      elf({ entry: 0x4000_0000, segments: [{ physical: MIB, virtual: 0x4000_0000, bytes: code }] }),
      {},
      /segment 0 is linked at 0x40000000 but loaded at 0x100000/,
    ],
    [
      "a segment beyond RAM",
      elf({
        segments: [
          { physical: MIB, bytes: code },
          { physical: MIB * 2, bytes: code },
          { physical: 15 * MIB, bytes: code, memorySize: 2 * MIB },
        ],
      }),
      {},
      /segment 2 needs guest-physical 0xf00000–0x1100000, but the machine has 16 MiB of RAM: give it more with --ram/,
    ],
    [
      "overlapping segments",
      elf({
        segments: [
          { physical: MIB, bytes: code },
          { physical: MIB + 2, bytes: code },
        ],
      }),
      {},
      /segment 1 at guest-physical 0x100002–0x100005 overlaps segment 0/,
    ],
    [
      "more in the file than in memory",
      elf({ segments: [{ physical: MIB, bytes: code, memorySize: 2 }] }),
      {},
      /3 bytes in the file but only 2 in memory/,
    ],
    [
      "a module beyond RAM",
      hello,
      { modules: [{ commandLine: "disk", bytes: new Uint8Array(15 * MIB) }] },
      /module "disk" needs guest-physical .* give it more/,
    ],
    ["a zero byte", hello, { commandLine: "a\0b" }, /contains a zero byte/],
    ["little RAM", hello, { ramBytes: MIB }, /has to be a multiple of 4 KiB from 2 MiB/],
    ["a video mode", flat({ flags: 4 }), {}, /demands 0x4/],
    ["no addresses", flat({ flags: 2 }), {}, /has no address fields/],
    [
      "a cut header",
      flat({}).subarray(0, 20),
      {},
      /truncated image: the multiboot header .* needs 32 bytes, but the file has 20/,
    ],
    [
      "a load end beyond the file",
      flat({ loadEnd: MIB + 65 }),
      {},
      /load_end_addr 0x100041 needs 65 bytes, but the file has 64/,
    ],
    ["a load end below the start", flat({ loadEnd: MIB }), {}, /load_end_addr .* is not above/],
    ["a bss end below the image", flat({ bssEnd: MIB + 4 }), {}, /bss_end_addr 0x100004 is below/],
    ["a header below the image", flat({ header: MIB - 4 }), {}, /cannot be if loading begins/],
    ["an entry outside", flat({ entry: 2 * MIB }), {}, /entry point 0x200000 is outside/],
    ["a wrong checksum", flat({}).map((byte, i) => (i === 8 ? byte ^ 1 : byte)), {}, /neither ELF nor/],
  ])("%s", (_, bytes, more, message) => {
    expect(() => loadImage(bytes, options(more))).toThrow(ImageError);
    expect(() => loadImage(bytes, options(more))).toThrow(message);
  });

  it("a segment that ends one byte too late, though not one that ends with RAM", () => {
    const last = (memorySize: number): Uint8Array =>
      elf({ entry: RAM - 4096, segments: [{ physical: RAM - 4096, bytes: code, memorySize }] });
    expect(loadImage(last(4096), options()).entry).toBe(RAM - 4096);
    expect(() => loadImage(last(4097), options())).toThrow(
      /segment 0 needs guest-physical 0xfff000–0x1000001/,
    );
  });

  it("a header beyond the first 8192 bytes", () => {
    const late = new Uint8Array(9000);
    late.set(flat({ header: MIB + 8188 }), 8188);
    expect(() => loadImage(late, options())).toThrow(/neither ELF nor/);
    const last = new Uint8Array(9000);
    last.set(flat({ header: MIB + 8160, entry: MIB + 8192 }), 8160);
    expect(loadImage(last, options()).entry).toBe(MIB + 8192);
  });
});

describe("damaged images", () => {
  const random = seeded(1);
  const samples: [string, Uint8Array][] = [
    ["hello", hello],
    [
      "ELF64",
      makeElf({
        bits: 64,
        entry: MIB,
        segments: [{ physical: MIB, bytes: code, memorySize: 99 }],
        symbols: [{ name: "start", address: MIB }],
      }),
    ],
    [
      "ELF32",
      makeElf({
        bits: 32,
        entry: MIB + 32,
        segments: [{ physical: MIB, bytes: flat({ flags: 3 }) }],
        symbols: [{ name: "start", address: MIB }],
      }),
    ],
  ];

  /** Loads; true if it could be. Anything but ImageError, and memory outside RAM, is a failure. */
  function tryLoad(bytes: Uint8Array): boolean {
    let loaded: LoadedImage;
    try {
      loaded = loadImage(bytes, options());
    } catch (error) {
      expect(error).toBeInstanceOf(ImageError);
      return false;
    }
    for (const { address, bytes: content } of loaded.segments) {
      expect(address).toBeGreaterThanOrEqual(0);
      expect(address + content.length).toBeLessThanOrEqual(RAM);
    }
    for (const { address, bytes: length } of loaded.zero) expect(address + length).toBeLessThanOrEqual(RAM);
    expect(loaded.entry).toBeLessThan(RAM);
    return true;
  }

  it.each(samples)("%s, truncated", (_, bytes) => {
    expect(tryLoad(bytes)).toBe(true);
    for (let i = 0; i < 400; i++) tryLoad(bytes.subarray(0, random(bytes.length)));
  });

  it.each(samples)("%s, with flipped bits", (_, bytes) => {
    let started = 0;
    for (let i = 0; i < 4000; i++) {
      const damaged = bytes.slice(0, 4096);
      for (let flips = 1 + random(3); flips > 0; flips--)
        damaged[random(Math.min(damaged.length, 300))] ^= 1 << random(8);
      started += Number(tryLoad(damaged));
    }
    expect(started).toBeGreaterThan(0);
    expect(started).toBeLessThan(4000);
  });
});

describe("the built-in guests", () => {
  it.each(CATALOGUE.map((entry) => [entry.name, entry] as const))("%s fits its machine", (_, entry) => {
    const file = builtImage(entry);
    if (entry.recipe.toolchain === "gcc" && !existsSync(file)) {
      console.warn(`skipped: ${entry.image} was not built, since gcc is not on this machine`);
      return;
    }
    const bytes = entry.recipe.toolchain === "gcc" ? Uint8Array.from(readFileSync(file)) : imageOf(entry);
    const loaded = loadImage(bytes, options({ ramBytes: entry.ramMebibytes * MIB }));
    expect(loaded.kind).toBe(isParavirtual(entry.recipe) ? "paravirtual" : "multiboot");
    if (entry.recipe.toolchain === "gcc") expect(loaded.symbols.map(({ name }) => name)).toContain("main");
  });
});
