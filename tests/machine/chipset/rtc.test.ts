import { describe, expect, it } from "vitest";
import { civilTime, secondsOf, weekday } from "../../../src/machine/chipset/calendar.js";
import { RtcMc146818 } from "../../../src/machine/chipset/rtc-mc146818.js";
import { ManualClock } from "../manual-clock.js";
import { seeded } from "../random.js";

const FREQUENCY = 1_000_000_000;
const START = { year: 2006, month: 1, day: 1, hour: 0, minute: 0, second: 0 };
const A = 10;
const B = 11;
const C = 12;

class Bench {
  readonly clock = new ManualClock(FREQUENCY);
  line = false;
  rises = 0;
  readonly rtc = new RtcMc146818(this.clock.clock, START, [[0x34, 0x99]], (level) => {
    if (level && !this.line) this.rises++;
    this.line = level;
  });
  read(register: number): number {
    this.rtc.device.write(0, 1, register);
    return this.rtc.device.read(1, 1);
  }
  write(register: number, value: number): void {
    this.rtc.device.write(0, 1, register);
    this.rtc.device.write(1, 1, value);
  }
  seconds(count: number): void {
    this.clock.moveTo(this.clock.cycle + Math.round(count * FREQUENCY));
  }
  /** Year, month, day, hours, minutes, seconds as read. */
  get time(): number[] {
    return [9, 8, 7, 4, 2, 0].map((register) => this.read(register));
  }
}

describe("calendar", () => {
  it("agrees with the host's for four centuries", () => {
    const random = seeded(9);
    for (let i = 0; i < 5000; i++) {
      const seconds = (random() % 12_622_780_800) * 3 + (random() % 3);
      const date = new Date(seconds * 1000);
      const time = civilTime(seconds);
      expect([time.year, time.month, time.day, time.hour, time.minute, time.second]).toEqual([
        date.getUTCFullYear(),
        date.getUTCMonth() + 1,
        date.getUTCDate(),
        date.getUTCHours(),
        date.getUTCMinutes(),
        date.getUTCSeconds(),
      ]);
      expect([secondsOf(time), weekday(seconds)]).toEqual([seconds, date.getUTCDay() + 1]);
    }
  });
});

describe("MC146818", () => {
  it("shows its start and simulated time, in BCD or binary, 24 or 12 hours", () => {
    const bench = new Bench();
    expect([...bench.time, bench.read(0x32), bench.read(6)]).toEqual([6, 1, 1, 0, 0, 0, 0x20, 1]);
    bench.seconds(45 * 86_400 + 13 * 3600 + 47 * 60 + 12);
    expect(bench.time).toEqual([6, 2, 0x15, 0x13, 0x47, 0x12]);
    bench.write(B, 0x06);
    expect(bench.time).toEqual([6, 2, 15, 13, 47, 12]);
    bench.write(B, 0x04);
    expect(bench.read(4)).toBe(0x81);
    bench.seconds(11 * 3600);
    expect(bench.read(4)).toBe(12);
  });

  it("can be set, with SET or without", () => {
    const bench = new Bench();
    bench.write(B, 0x82);
    [0x24, 0x2, 0x29, 0x23, 0x59, 0x58].forEach((value, i) => bench.write([9, 8, 7, 4, 2, 0][i]!, value));
    bench.seconds(5);
    expect(bench.time).toEqual([0x24, 2, 0x29, 0x23, 0x59, 0x58]);
    bench.write(B, 0x02);
    bench.seconds(2);
    expect(bench.time).toEqual([0x24, 3, 1, 0, 0, 0]);
    bench.write(2, 0x30);
    bench.seconds(61);
    expect(bench.time).toEqual([0x24, 3, 1, 0, 0x31, 0x01]);
  });

  it("announces an update by UIP for 244 µs", () => {
    const bench = new Bench();
    bench.seconds(0.5);
    expect(bench.read(A)).toBe(0x26);
    bench.seconds(0.49976);
    expect(bench.read(A)).toBe(0xa6);
    bench.seconds(0.00024);
    expect(bench.read(A)).toBe(0x26);
  });

  it("interrupts once a second until register C is read", () => {
    const bench = new Bench();
    bench.write(B, 0x12);
    bench.seconds(3);
    expect([bench.rises, bench.line]).toEqual([1, true]);
    expect(bench.read(C) & 0xf0).toBe(0xd0);
    expect([bench.line, bench.read(C)]).toEqual([false, 0]);
    bench.seconds(1);
    expect(bench.rises).toBe(2);
  });

  it("interrupts periodically at the rate of register A", () => {
    const bench = new Bench();
    bench.write(A, 0x26);
    bench.write(B, 0x42);
    let count = 0;
    for (let i = 0; i < 100_000; i++) {
      bench.seconds(0.00001);
      if (bench.line) {
        count++;
        expect(bench.read(C) & 0xc0).toBe(0xc0);
      }
    }
    expect(count).toBe(1024);
  });

  it("raises the alarm, exactly or by wildcards, and sets flags for polling too", () => {
    const bench = new Bench();
    bench.write(5, 0x01);
    bench.write(3, 0x02);
    bench.write(1, 0x03);
    bench.write(B, 0x22);
    bench.seconds(3722);
    expect(bench.line).toBe(false);
    bench.seconds(1);
    expect(bench.line).toBe(true);
    expect(bench.read(C) & 0xa0).toBe(0xa0);
    bench.write(5, 0xff);
    bench.write(B, 0x02);
    bench.seconds(3599);
    expect(bench.read(C) & 0x20).toBe(0);
    bench.seconds(1);
    expect(bench.read(C)).toBe(0x70);
  });

  it("keeps the rest of CMOS memory", () => {
    const bench = new Bench();
    expect([bench.read(0x34), bench.read(13)]).toEqual([0x99, 0x80]);
    bench.write(0x55, 0xab);
    expect(bench.read(0x55)).toBe(0xab);
  });

  it.each([1, 2, 3])("never throws on random accesses, and restores (seed %i)", (seed) => {
    const random = seeded(seed);
    const bench = new Bench();
    for (let i = 0; i < 3000; i++) {
      const register = random() % 4 === 0 ? random() & 0xff : random() % 14;
      if (random() % 2) bench.write(register, random() & 0xff);
      else bench.read(register);
      if (random() % 4 === 0) bench.seconds((random() % 1000) / (random() % 2 ? 1 : 10_000));
    }
    const copy = new Bench();
    copy.clock.cycle = bench.clock.cycle;
    copy.rtc.restore(bench.rtc.snapshot());
    expect(copy.rtc.snapshot()).toEqual(bench.rtc.snapshot());
  });
});
