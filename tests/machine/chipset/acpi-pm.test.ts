import { describe, expect, it } from "vitest";
import { AcpiPm } from "../../../src/machine/chipset/acpi-pm.js";
import { ManualClock } from "../manual-clock.js";
import { seeded } from "../random.js";

const FREQUENCY = 3_000_000_000;

class Bench {
  readonly clock = new ManualClock(FREQUENCY);
  off = 0;
  sci = false;
  readonly pm = new AcpiPm(
    this.clock.clock,
    (level) => (this.sci = level),
    () => this.off++,
  );
  read(offset: number, size = 2): number {
    return this.pm.device.read(offset, size);
  }
  write(offset: number, value: number, size = 2): void {
    this.pm.device.write(offset, size, value);
  }
}

describe("ACPI power management", () => {
  it("powers off on SLP_EN with SLP_TYP 0, by word or by byte, and is always in ACPI mode", () => {
    const byWord = new Bench();
    byWord.write(4, 0x2000);
    const byByte = new Bench();
    byByte.write(5, 0x20, 1);
    expect([byWord.off, byByte.off]).toEqual([1, 1]);
    const other = new Bench();
    other.write(4, 0x3400);
    expect([other.off, other.read(4)]).toEqual([0, 0x1401]);
  });

  it("counts 3.579545 MHz with 32 bits", () => {
    const bench = new Bench();
    bench.clock.moveTo(10 * FREQUENCY);
    expect(bench.read(8, 4)).toBe(35_795_450);
    expect(bench.read(9, 1)).toBe((35_795_450 >> 8) & 0xff);
    bench.clock.moveTo(2000 * FREQUENCY);
    expect(bench.read(8, 4)).toBe((2000 * 3_579_545) % 2 ** 32);
  });

  it("raises SCI when bit 31 changes, if that is enabled, until its status is cleared", () => {
    const bench = new Bench();
    bench.clock.moveTo(600 * FREQUENCY);
    expect([bench.read(0), bench.sci]).toEqual([1, false]);
    bench.write(2, 1);
    expect([bench.read(2), bench.sci]).toEqual([1, true]);
    bench.write(0, 1);
    expect([bench.read(0), bench.sci]).toEqual([0, false]);
    bench.clock.moveTo(1199 * FREQUENCY);
    expect(bench.sci).toBe(false);
    bench.clock.moveTo(1200 * FREQUENCY);
    expect([bench.read(0), bench.sci]).toEqual([1, true]);
  });

  it("raises SCI for the real-time clock's interrupt, if that is enabled", () => {
    const bench = new Bench();
    bench.write(2, 0x400);
    expect([bench.read(2), bench.sci]).toEqual([0x400, false]);
    bench.pm.clockInterrupt();
    expect([bench.read(0), bench.sci]).toEqual([0x400, true]);
    bench.write(0, 0x400);
    expect([bench.read(0), bench.sci]).toEqual([0, false]);
  });

  it("powers off only for SLP_EN, and restores (fuzz)", () => {
    const random = seeded(11);
    const bench = new Bench();
    for (let i = 0; i < 5000; i++) {
      const before = bench.off;
      const value = random() & 0xffff;
      bench.write(4, value);
      expect(bench.off - before).toBe((value & 0x3c00) === 0x2000 ? 1 : 0);
      bench.pm.device.write(random() % 14, [1, 2, 4][random() % 3]!, random());
      bench.pm.device.read(random() % 14, [1, 2, 4][random() % 3]!);
      bench.clock.moveTo(bench.clock.cycle + (random() % 1000) * FREQUENCY);
    }
    const copy = new Bench();
    copy.clock.cycle = bench.clock.cycle;
    copy.pm.restore(bench.pm.snapshot());
    expect(copy.pm.snapshot()).toEqual(bench.pm.snapshot());
  });
});
