import { describe, expect, it } from "vitest";
import { bootBlocks, zeroPageLinks } from "../../docs/components/figures/boot-map-geometry.js";
import { bootVerdicts } from "../../docs/components/linux/boot-verdicts.js";
import { ConsoleStream } from "../../docs/components/machine/console-stream.js";
import { bootMap } from "../../src/guests/linux/boot-map.js";
import { bzImage, TRIPLE_FAULT } from "../browser/bz-image.js";

const MIB = 2 ** 20;
const text = (bytes: Uint8Array): string => String.fromCharCode(...bytes);

describe("what a terminal writes", () => {
  it("is what is new, and all of it when a replay has gone back", () => {
    const stream = new ConsoleStream();
    const step = (output: string): [boolean, string] => {
      const { restart, bytes } = stream.next(output);
      return [restart, text(bytes)];
    };
    expect(step("one")).toEqual([false, "one"]);
    expect(step("one two")).toEqual([false, " two"]);
    expect(step("one two")).toEqual([false, ""]);
    expect(step("one")).toEqual([true, "one"]);
    expect(step("")).toEqual([true, ""]);
  });
});

describe("the boot map", () => {
  const map = bootMap(bzImage(TRIPLE_FAULT), {
    name: "test",
    ramBytes: 64 * MIB,
    commandLine: "console=ttyS0",
    initrd: new Uint8Array(5 * MIB),
  });
  const { blocks } = bootBlocks(map);

  it("covers RAM from the first thing in it to its end, in order and without overlap", () => {
    expect(blocks.at(-1)!.end).toBe(64 * MIB);
    for (const [i, block] of blocks.entries()) {
      expect(block.end).toBeGreaterThan(block.start);
      if (i > 0) expect(block.start).toBeGreaterThanOrEqual(blocks[i - 1].end);
      if (i > 0) expect(block.y).toBeGreaterThanOrEqual(blocks[i - 1].y + blocks[i - 1].height);
    }
  });

  it("shows which registers lead where, and what the zero page points at", () => {
    const at = (register: string): string | undefined =>
      blocks.find(({ registers }) => registers.includes(register))?.name;
    expect(["RIP", "RSI", "CR3", "GDTR"].map(at)).toEqual([
      "the kernel",
      "the zero page",
      "the page tables",
      "the descriptor table",
    ]);
    expect(zeroPageLinks(blocks).map(({ to }) => to.name)).toEqual(["the command line", "the initramfs"]);
  });
});

describe("verdicts on a boot", () => {
  const exits = [
    { reason: 30, name: "IO_INSTRUCTION", count: 70, cycles: 700 },
    { reason: 12, name: "HLT", count: 3, cycles: 30 },
    { reason: 48, name: "EPT_VIOLATION", count: 27, cycles: 270 },
  ];
  const view = { cpuMode: "vtx", console: "", ending: null, exits, cycles: 5_000 } as const;

  it("wait for the shell", () => {
    expect(bootVerdicts(null)).toEqual({});
    expect(bootVerdicts({ ...view, exits })).toEqual({});
  });

  it("are what the machine counted", () => {
    const console = "Booting paravirtualized kernel on bare hardware\nLinux in a busybox shell\n";
    const verdicts = bootVerdicts({ ...view, exits, console });
    expect(verdicts.says?.happened).toBe(false);
    expect(verdicts.io).toMatchObject({ happened: true });
    expect(verdicts.faults).toEqual({ happened: false, evidence: "no exit" });
    expect(verdicts.sleep).toEqual({ happened: true, evidence: "3 exits" });
    expect(verdicts.time?.happened).toBe(true);
    const named = bootVerdicts({ ...view, exits, console: `Hypervisor detected: KVM\n${console}` });
    expect(named.says).toEqual({ happened: true, evidence: "Hypervisor detected: KVM" });
  });
});
