import { describe, expect, it } from "vitest";
import { Power } from "../../../src/machine/chipset/power.js";
import { DebugExit } from "../../../src/machine/devices/debug-exit.js";
import { seeded } from "../random.js";

describe("debug exit", () => {
  it("ends with 2v + 1 for a write of any size", () => {
    const ends: number[] = [];
    const { device } = new DebugExit((status) => ends.push(status));
    device.write(0, 1, 0);
    device.write(0, 2, 0x10);
    device.write(3, 4, 0xffff_ffff);
    expect(ends).toEqual([1, 33, 0x1_ffff_ffff]);
    expect(device.read(0, 4)).toBe(0);
  });
});

describe("ACPI power", () => {
  const make = (): { power: Power; off: () => number } => {
    let off = 0;
    return { power: new Power(() => off++), off: () => off };
  };

  it("powers off on SLP_EN with SLP_TYP 0, by word or by byte", () => {
    const byWord = make();
    byWord.power.device.write(0, 2, 0x2000);
    expect(byWord.off()).toBe(1);
    const byByte = make();
    byByte.power.device.write(1, 1, 0x20);
    expect(byByte.off()).toBe(1);
  });

  it("ignores other sleep types and reads SLP_EN as 0", () => {
    const { power, off } = make();
    power.device.write(0, 2, 0x3401);
    expect(off()).toBe(0);
    expect(power.device.read(0, 2)).toBe(0x1401);
  });

  it("powers off only for SLP_EN (fuzz)", () => {
    const random = seeded(11);
    const { power, off } = make();
    for (let i = 0; i < 2000; i++) {
      const before = off();
      const value = random() & 0xffff;
      power.device.write(0, 2, value);
      expect(off() - before).toBe((value & 0x3c00) === 0x2000 ? 1 : 0);
      power.device.write(random(), 4, random());
      power.device.read(random(), 4);
    }
  });
});
