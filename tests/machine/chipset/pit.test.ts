import { describe, expect, it } from "vitest";
import { Pit8254 } from "../../../src/machine/chipset/pit-8254.js";
import { PitCounter } from "../../../src/machine/chipset/pit-counter.js";
import { SystemControlB } from "../../../src/machine/chipset/system-control-b.js";
import { PIT_FREQUENCY } from "../../../src/spec/ports.js";
import { ManualClock } from "../manual-clock.js";
import { seeded } from "../random.js";

/** One cycle is one tick, so that tests count ticks as the datasheet does. */
class Driver {
  readonly time = new ManualClock(PIT_FREQUENCY);
  /** Ticks and levels of OUT 0's changes; it is high at first. */
  readonly edges: [number, boolean][] = [];
  readonly pit = new Pit8254(this.time.clock, (level) => this.edges.push([this.time.cycle, level]));
  constructor() {
    this.edges.length = 0;
  }
  readonly portB = new SystemControlB(this.pit).device;

  control(word: number): void {
    this.pit.device.write(3, 1, word);
  }
  count(counter: number, value: number): void {
    this.pit.device.write(counter, 1, value & 0xff);
    this.pit.device.write(counter, 1, value >> 8);
  }
  read(counter: number): number {
    const low = this.pit.device.read(counter, 1);
    return low | (this.pit.device.read(counter, 1) << 8);
  }
  latched(counter: number): number {
    this.control(counter << 6);
    return this.read(counter);
  }
  status(counter: number): number {
    this.control(0xe0 | (2 << counter));
    return this.pit.device.read(counter, 1);
  }
}

describe("8254 mode 0: interrupt on terminal count", () => {
  it("raises OUT N + 1 ticks after the count and keeps it", () => {
    const d = new Driver();
    d.control(0x30);
    d.count(0, 4);
    d.time.moveTo(1000);
    expect(d.edges).toEqual([
      [0, false],
      [5, true],
    ]);
  });

  it("counts on behind zero", () => {
    const d = new Driver();
    d.control(0x30);
    d.count(0, 4);
    d.time.moveTo(7);
    expect(d.latched(0)).toBe(0xfffe);
  });

  it("stops at the first byte of a new count and restarts at the second", () => {
    const d = new Driver();
    d.control(0x30);
    d.count(0, 100);
    d.time.moveTo(11);
    d.pit.device.write(0, 1, 50);
    d.time.moveTo(40);
    expect(d.latched(0)).toBe(90);
    d.pit.device.write(0, 1, 0);
    d.time.moveTo(1000);
    expect(d.edges.at(-1)).toEqual([91, true]);
  });

  it("waits while GATE is low", () => {
    const d = new Driver();
    d.portB.write(0, 1, 1);
    d.control(0xb0);
    d.count(2, 10);
    d.time.moveTo(4);
    d.portB.write(0, 1, 0);
    d.time.moveTo(100);
    expect(d.latched(2)).toBe(7);
    expect(d.portB.read(0, 1) & 0x20).toBe(0);
    d.portB.write(0, 1, 1);
    d.time.moveTo(106);
    expect(d.portB.read(0, 1) & 0x20).toBe(0);
    d.time.moveTo(107);
    expect(d.portB.read(0, 1) & 0x20).toBe(0x20);
  });
});

describe("8254 mode 2: rate generator", () => {
  it("gives a low pulse of one tick every N ticks", () => {
    const d = new Driver();
    d.control(0x34);
    d.count(0, 10);
    d.time.moveTo(32);
    expect(d.edges).toEqual([
      [10, false],
      [11, true],
      [20, false],
      [21, true],
      [30, false],
      [31, true],
    ]);
  });

  it("counts from N to 1", () => {
    const d = new Driver();
    d.control(0x34);
    d.count(0, 4);
    const seen: number[] = [];
    for (let tick = 1; tick <= 8; tick++) {
      d.time.moveTo(tick);
      seen.push(d.latched(0));
    }
    expect(seen).toEqual([4, 3, 2, 1, 4, 3, 2, 1]);
  });

  it("takes a new count at the end of the period", () => {
    const d = new Driver();
    d.control(0x34);
    d.count(0, 10);
    d.time.moveTo(14);
    d.count(0, 5);
    expect(d.status(0) & 0x40).toBe(0x40);
    d.time.moveTo(27);
    expect(d.status(0) & 0x40).toBe(0);
    expect(d.edges.filter(([, level]) => level).map(([tick]) => tick)).toEqual([11, 21, 26]);
  });

  it("takes 0 for 65536", () => {
    const d = new Driver();
    d.control(0x34);
    d.count(0, 0);
    d.time.moveTo(200_000);
    expect(d.edges.filter(([, level]) => level).map(([tick]) => tick)).toEqual([65_537, 131_073, 196_609]);
  });

  it("never drifts: a divisor of 1193 gives exactly 119318 edges in 119.3 seconds", () => {
    const time = new ManualClock(3_000_000_000);
    let edges = 0;
    const pit = new Pit8254(time.clock, (level) => {
      if (level) edges++;
    });
    pit.device.write(3, 1, 0x34);
    pit.device.write(0, 1, 1193 & 0xff);
    pit.device.write(0, 1, 1193 >> 8);
    edges = 0;
    time.moveTo(119.3 * 3e9 + 3000);
    expect(edges).toBe(119_318);
  });
});

describe("8254 mode 3: square wave", () => {
  it.each([
    [10, 5, 5],
    [7, 4, 3],
    [2, 1, 1],
  ])("N = %d: %d ticks high, %d low", (count, high, low) => {
    const d = new Driver();
    d.control(0x36);
    d.count(0, count);
    d.time.moveTo(1 + 3 * count);
    const expected: [number, boolean][] = [];
    for (let period = 0; period < 3; period++) {
      expected.push([1 + period * count + high, false], [1 + (period + 1) * count, true]);
    }
    expect(high + low).toBe(count);
    expect(d.edges).toEqual(expected);
  });

  it.each([
    [6, [6, 4, 2, 6, 4, 2]],
    [5, [4, 2, 0, 4, 2]],
  ])("counts %d by twos", (count, values) => {
    const d = new Driver();
    d.control(0x36);
    d.count(0, count);
    const seen = values.map((_, i) => {
      d.time.moveTo(1 + i);
      return d.latched(0);
    });
    expect(seen).toEqual(values);
  });

  it("takes a new count at the end of the half period", () => {
    const d = new Driver();
    d.control(0x36);
    d.count(0, 20);
    d.time.moveTo(3);
    d.count(0, 4);
    d.time.moveTo(17);
    expect(d.edges).toEqual([
      [11, false],
      [13, true],
      [15, false],
      [17, true],
    ]);
  });

  it("is mode 3 for mode bits 7, which read back as written", () => {
    const d = new Driver();
    d.control(0x3e);
    d.count(0, 4);
    d.time.moveTo(1);
    expect(d.status(0)).toBe(0xbe);
  });
});

describe("8254 modes 1, 4 and 5", () => {
  it("mode 4 strobes once, N + 1 ticks after the count", () => {
    const d = new Driver();
    d.control(0x38);
    d.count(0, 4);
    d.time.moveTo(70_000);
    expect(d.edges).toEqual([
      [5, false],
      [6, true],
    ]);
  });

  it("modes 1 and 5 of counter 0 wait for a trigger that never comes", () => {
    for (const word of [0x32, 0x3a]) {
      const d = new Driver();
      d.control(word);
      d.count(0, 4);
      expect(d.time.clock.next()).toBeNull();
      expect(d.edges).toEqual([]);
    }
  });

  it("mode 1 is low from the trigger for N ticks, and is retriggerable", () => {
    const d = new Driver();
    d.control(0xb2);
    d.count(2, 10);
    const out = (): boolean => (d.portB.read(0, 1) & 0x20) !== 0;
    expect(out()).toBe(true);
    d.portB.write(0, 1, 1);
    d.time.moveTo(5);
    expect(out()).toBe(false);
    d.portB.write(0, 1, 0);
    d.portB.write(0, 1, 1);
    d.time.moveTo(15);
    expect(out()).toBe(false);
    d.time.moveTo(16);
    expect(out()).toBe(true);
  });

  it("mode 5 strobes N + 1 ticks after the trigger", () => {
    const counter = new PitCounter(false);
    counter.program(5, false, 0);
    counter.load(3, 0);
    counter.setGate(true, 10);
    const low = Array.from({ length: 100 }, (_, tick) => tick).filter((tick) => !counter.out(10 + tick));
    expect(low).toEqual([4]);
  });
});

describe("8254 reading", () => {
  it("holds a latched count until it is read, and ignores a second latch", () => {
    const d = new Driver();
    d.control(0x34);
    d.count(0, 1000);
    d.time.moveTo(101);
    d.control(0x00);
    d.time.moveTo(201);
    d.control(0x00);
    expect(d.read(0)).toBe(900);
    expect(d.read(0)).toBe(800);
  });

  it("reads back status first, then count, of the counters selected", () => {
    const d = new Driver();
    d.control(0x34);
    d.count(0, 1000);
    d.time.moveTo(11);
    d.control(0xc2);
    d.time.moveTo(500);
    expect(d.pit.device.read(0, 1)).toBe(0xb4);
    expect(d.read(0)).toBe(990);
  });

  it("accesses one byte only where the control word says so", () => {
    const d = new Driver();
    d.control(0x14);
    d.pit.device.write(0, 1, 100);
    d.time.moveTo(1);
    expect(d.pit.device.read(0, 1)).toBe(100);
    d.control(0x24);
    d.pit.device.write(0, 1, 2);
    d.time.moveTo(2);
    expect(d.pit.device.read(0, 1)).toBe(2);
    d.time.moveTo(3);
    expect(d.pit.device.read(0, 1)).toBe(1);
  });

  it("counts in BCD", () => {
    const d = new Driver();
    d.control(0x35);
    d.count(0, 0x1000);
    d.time.moveTo(2);
    expect(d.latched(0)).toBe(0x0999);
    d.control(0x31);
    d.count(0, 0);
    d.time.moveTo(10_001);
    expect(d.edges.at(-1)).toEqual([2, false]);
    d.time.moveTo(10_003);
    expect(d.edges.at(-1)).toEqual([10_003, true]);
  });

  it("gives 0xff from the control word", () => {
    expect(new Driver().pit.device.read(3, 1)).toBe(0xff);
  });
});

describe("system control port B", () => {
  it("keeps gate and speaker bits and toggles refresh every 18 ticks", () => {
    const d = new Driver();
    d.portB.write(0, 1, 0xff);
    expect(d.portB.read(0, 1) & 0x0f).toBe(3);
    d.time.moveTo(17);
    expect(d.portB.read(0, 1) & 0x10).toBe(0);
    d.time.moveTo(18);
    expect(d.portB.read(0, 1) & 0x10).toBe(0x10);
  });
});

describe("8254 properties", () => {
  it.each([1, 2, 3, 4, 5, 6])("nextChange is the first tick with another OUT (seed %d)", (seed) => {
    const random = seeded(seed);
    for (let run = 0; run < 60; run++) {
      const counter = new PitCounter(true);
      let tick = random() % 10;
      counter.program(random() % 6, false, tick);
      for (let step = 0; step < 8; step++) {
        const choice = random() % 4;
        if (choice < 2) counter.load(1 + (random() % 12), tick);
        else if (choice === 2) counter.setGate((random() & 1) === 1, tick);
        const out = counter.out(tick);
        const change = counter.nextChange(tick);
        const until = Math.min(change ?? Infinity, tick + 1 + (random() % 40));
        for (tick++; tick < until; tick++) expect(counter.out(tick)).toBe(out);
        tick = until;
        if (until === change) expect(counter.out(tick)).toBe(!out);
      }
    }
  });

  it.each([1, 2, 3])("never throws and goes on after any register access (seed %d)", (seed) => {
    const random = seeded(seed);
    const time = new ManualClock(3e9);
    let level = false;
    const pit = new Pit8254(time.clock, (next) => {
      expect(next).toBe(!level);
      level = next;
    });
    for (let i = 0; i < 5000; i++) {
      const size = [1, 2, 4][random() % 3]!;
      if (random() & 1) pit.device.write(random() % 8, size, random());
      else expect(pit.device.read(random() % 8, size)).toBeGreaterThanOrEqual(0);
      if (random() % 8 === 0) pit.setGate2((random() & 1) === 1);
      time.moveTo(time.cycle + (random() % 100_000));
    }
  });

  it("goes down one a tick in mode 2 between reloads", () => {
    const d = new Driver();
    d.control(0x34);
    d.count(0, 5000);
    d.time.moveTo(1);
    let last = d.latched(0);
    for (let tick = 2; tick < 5001; tick++) {
      d.time.moveTo(tick);
      const value = d.latched(0);
      expect(value).toBe(last - 1);
      last = value;
    }
  });

  it("has the same edges when it is read before a late clock fires them", () => {
    const [prompt, late] = [new Driver(), new Driver()];
    for (const d of [prompt, late]) {
      d.control(0x34);
      d.count(0, 10);
      d.time.moveTo(3);
      d.count(0, 7);
    }
    prompt.time.moveTo(100);
    late.time.cycle = 100;
    expect(late.latched(0)).toBe(prompt.latched(0));
    expect(late.edges.map(([, level]) => level)).toEqual(prompt.edges.map(([, level]) => level));
    expect(late.time.clock.next()).toBe(prompt.time.clock.next());
  });

  it("goes on from a snapshot as if nothing had happened", () => {
    const d = new Driver();
    d.control(0x36);
    d.count(0, 25);
    d.time.moveTo(33);
    const copy = new Driver();
    copy.time.cycle = 33;
    copy.pit.restore(structuredClone(d.pit.snapshot()));
    const before = d.edges.length;
    d.time.moveTo(500);
    copy.time.moveTo(500);
    expect(copy.edges).toEqual(d.edges.slice(before));
    expect(copy.pit.snapshot()).toEqual(d.pit.snapshot());
  });
});
