import { describe, expect, it } from "vitest";
import { PicPair } from "../../../src/machine/chipset/pic-pair.js";
import { seeded } from "../random.js";

/** Drives the pair as an operating system does. */
class Driver {
  readonly levels: boolean[] = [];
  readonly pic = new PicPair((level) => this.levels.push(level));

  command(value: number): void {
    this.pic.master.write(0, 1, value);
  }
  slaveCommand(value: number): void {
    this.pic.slave.write(0, 1, value);
  }
  mask(value: number): void {
    this.pic.master.write(1, 1, value & 0xff);
    this.pic.slave.write(1, 1, value >> 8);
  }
  initialise({
    icw1 = 0x11,
    icw4 = 1,
    icw4Slave = icw4,
  }: { icw1?: number; icw4?: number; icw4Slave?: number } = {}): this {
    for (const [device, base, wiring, last] of [
      [this.pic.master, 0x20, 4, icw4],
      [this.pic.slave, 0x28, 2, icw4Slave],
    ] as const) {
      device.write(0, 1, icw1);
      device.write(1, 1, base);
      device.write(1, 1, wiring);
      device.write(1, 1, last);
    }
    this.mask(0);
    return this;
  }
  irr(): number {
    this.command(0x0a);
    this.slaveCommand(0x0a);
    return this.pic.master.read(0, 1) | (this.pic.slave.read(0, 1) << 8);
  }
  isr(): number {
    this.command(0x0b);
    this.slaveCommand(0x0b);
    return this.pic.master.read(0, 1) | (this.pic.slave.read(0, 1) << 8);
  }
}
const EOI = 0x20;

describe("8259A pair", () => {
  it("requests nothing before it is initialised", () => {
    const d = new Driver();
    d.pic.raise(0);
    expect(d.pic.output).toBe(false);
  });

  it("adds the vector base and tells the output line", () => {
    const d = new Driver().initialise();
    d.pic.raise(4);
    expect(d.levels).toEqual([true]);
    expect(d.pic.acknowledge()).toBe(0x24);
    expect(d.levels).toEqual([true, false]);
    expect([d.irr(), d.isr()]).toEqual([0, 0x10]);
    d.command(EOI);
    expect(d.isr()).toBe(0);
  });

  it("cascades the slave through level 2", () => {
    const d = new Driver().initialise();
    d.pic.raise(12);
    expect(d.irr()).toBe(0x1004);
    expect(d.pic.acknowledge()).toBe(0x2c);
    expect(d.isr()).toBe(0x1004);
    d.slaveCommand(EOI);
    d.command(EOI);
    expect(d.isr()).toBe(0);
  });

  it("serves by fixed priority and nests only higher levels", () => {
    const d = new Driver().initialise();
    d.pic.raise(5);
    d.pic.raise(3);
    d.pic.raise(9);
    expect(d.pic.acknowledge()).toBe(0x29);
    expect(d.pic.output).toBe(false);
    d.pic.raise(1);
    expect(d.pic.acknowledge()).toBe(0x21);
    d.command(EOI);
    expect(d.pic.output).toBe(false);
    d.slaveCommand(EOI);
    d.command(EOI);
    expect(d.pic.acknowledge()).toBe(0x23);
    d.command(EOI);
    expect(d.pic.acknowledge()).toBe(0x25);
  });

  it("needs a new edge after each acknowledgement in edge mode", () => {
    const d = new Driver().initialise();
    d.pic.raise(0);
    d.pic.acknowledge();
    d.command(EOI);
    d.pic.raise(0);
    expect(d.pic.output).toBe(false);
    d.pic.lower(0);
    d.pic.raise(0);
    expect(d.pic.output).toBe(true);
  });

  it("requests again while a level-triggered line is high (LTIM)", () => {
    const d = new Driver().initialise({ icw1: 0x19 });
    d.pic.raise(6);
    expect(d.pic.acknowledge()).toBe(0x26);
    expect(d.irr()).toBe(0x40);
    d.command(EOI);
    expect(d.pic.output).toBe(true);
    d.pic.lower(6);
    expect(d.pic.output).toBe(false);
  });

  it("makes single lines level-triggered by ELCR, but never 0, 1, 2, 8 and 13", () => {
    const d = new Driver().initialise();
    d.pic.elcr.write(0, 2, 0xffff);
    expect(d.pic.elcr.read(0, 2)).toBe(0xdef8);
    d.pic.raise(11);
    d.pic.acknowledge();
    d.slaveCommand(EOI);
    d.command(EOI);
    expect(d.pic.acknowledge()).toBe(0x2b);
  });

  it("gives spurious level 7 when the request vanished, without an ISR bit", () => {
    const d = new Driver().initialise();
    d.pic.raise(3);
    d.pic.lower(3);
    expect(d.pic.output).toBe(false);
    expect(d.pic.acknowledge()).toBe(0x27);
    expect(d.isr()).toBe(0);
  });

  it("withdraws the cascade's request when the slave's is masked", () => {
    const d = new Driver().initialise();
    d.pic.raise(10);
    d.mask(0x0400);
    expect(d.pic.output).toBe(false);
    expect(d.pic.acknowledge()).toBe(0x27);
    d.mask(0);
    expect(d.pic.acknowledge()).toBe(0x2a);
  });

  it("keeps masked requests in IRR until they are unmasked", () => {
    const d = new Driver().initialise();
    d.mask(0x0001);
    d.pic.raise(0);
    expect(d.pic.output).toBe(false);
    expect(d.irr()).toBe(1);
    d.mask(0);
    expect(d.pic.acknowledge()).toBe(0x20);
  });

  it("ends a specific level", () => {
    const d = new Driver().initialise();
    d.pic.raise(4);
    d.pic.acknowledge();
    d.pic.raise(1);
    d.pic.acknowledge();
    d.command(0x64);
    expect(d.isr()).toBe(0x02);
  });

  it("leaves nothing in service with automatic EOI", () => {
    const d = new Driver().initialise({ icw4: 3 });
    d.pic.raise(0);
    d.pic.raise(1);
    expect([d.pic.acknowledge(), d.isr(), d.pic.acknowledge()]).toEqual([0x20, 0, 0x21]);
  });

  it("rotates priority on nonspecific EOI", () => {
    const d = new Driver().initialise();
    d.pic.raise(3);
    d.pic.acknowledge();
    d.command(0xa0);
    d.pic.lower(3);
    d.pic.raise(3);
    d.pic.raise(4);
    d.pic.raise(0);
    expect(d.pic.acknowledge()).toBe(0x24);
    d.command(EOI);
    expect(d.pic.acknowledge()).toBe(0x20);
  });

  it("rotates on automatic EOI once told to", () => {
    const d = new Driver().initialise({ icw4: 3 });
    d.command(0x80);
    d.pic.raise(0);
    d.pic.acknowledge();
    d.pic.lower(0);
    d.pic.raise(0);
    d.pic.raise(1);
    expect(d.pic.acknowledge()).toBe(0x21);
  });

  it("sets the lowest priority by command, and rotates on specific EOI", () => {
    const d = new Driver().initialise();
    d.command(0xc3);
    d.pic.raise(0);
    d.pic.raise(4);
    expect(d.pic.acknowledge()).toBe(0x24);
    d.command(0xe4);
    d.pic.raise(5);
    expect(d.pic.acknowledge()).toBe(0x25);
  });

  it("lets lower levels in when the one in service is masked in special mask mode", () => {
    const d = new Driver().initialise();
    d.pic.raise(1);
    d.pic.acknowledge();
    d.pic.raise(5);
    expect(d.pic.output).toBe(false);
    d.command(0x68);
    d.mask(0x0002);
    expect(d.pic.acknowledge()).toBe(0x25);
    d.command(EOI);
    expect(d.isr()).toBe(0x02);
    d.command(0x48);
    d.pic.raise(6);
    expect(d.pic.output).toBe(false);
  });

  it("lets a higher level of the slave nest in special fully nested mode", () => {
    const d = new Driver().initialise({ icw4: 0x11, icw4Slave: 1 });
    d.pic.raise(12);
    expect(d.pic.acknowledge()).toBe(0x2c);
    d.pic.raise(4);
    expect(d.pic.output).toBe(false);
    d.pic.raise(8);
    expect(d.pic.acknowledge()).toBe(0x28);
  });

  it("answers a poll with the level and takes it", () => {
    const d = new Driver().initialise();
    d.command(0x0c);
    expect(d.pic.master.read(0, 1)).toBe(0);
    d.pic.raise(5);
    d.command(0x0c);
    expect(d.pic.master.read(0, 1)).toBe(0x85);
    expect(d.isr()).toBe(0x20);
  });

  it("clears mask, service and edges on ICW1 and wants every word it announced", () => {
    const d = new Driver().initialise();
    d.pic.raise(3);
    d.mask(0xff00);
    d.command(0x13);
    expect(d.pic.output).toBe(false);
    d.pic.master.write(1, 1, 0x47);
    d.pic.raise(4);
    expect(d.pic.output).toBe(false);
    d.pic.master.write(1, 1, 0x01);
    expect(d.pic.acknowledge()).toBe(0x44);
    expect(d.pic.master.read(1, 1)).toBe(0);
  });

  it("survives a snapshot", () => {
    const d = new Driver().initialise();
    d.pic.raise(9);
    d.pic.raise(1);
    d.pic.acknowledge();
    const other = new Driver();
    other.pic.restore(structuredClone(d.pic.snapshot()));
    expect(other.pic.snapshot()).toEqual(d.pic.snapshot());
    other.command(EOI);
    expect(other.pic.acknowledge()).toBe(0x29);
  });

  it.each([1, 2, 3, 4])("never delivers a masked level, whatever is written (seed %d)", (seed) => {
    const random = seeded(seed);
    const d = new Driver();
    for (let i = 0; i < 20_000; i++) {
      const chip = random() & 1 ? d.pic.master : d.pic.slave;
      const choice = random() % 8;
      if (choice < 3) d.pic.setLine(random() % 16, (random() & 1) === 1);
      else if (choice < 5) chip.write(random() % 4, [1, 2, 4][random() % 3]!, random());
      else if (choice === 5) chip.read(random() % 4, [1, 2, 4][random() % 3]!);
      else if (d.pic.output) {
        const before = d.pic.snapshot();
        const vector = d.pic.acknowledge();
        const after = d.pic.snapshot();
        const level = vector & 7;
        const taken = (before.master.irr & ~before.master.imr) !== 0;
        expect(taken).toBe(true);
        const cascaded =
          before.slave.output && (before.master.irr & 4) !== 0 && (before.master.imr & 4) === 0;
        if (!cascaded) {
          expect(before.master.imr & (1 << level)).toBe(0);
          expect(after.slave).toEqual(before.slave);
        }
      }
      expect(d.pic.output).toBe(d.levels.at(-1) ?? false);
    }
  });
});
