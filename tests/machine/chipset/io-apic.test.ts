import { describe, expect, it } from "vitest";
import { seeded } from "../random.js";
import { ApicBoard } from "./apic-board.js";

const LEVEL = 1 << 15;
const MASKED = 1 << 16;
const ACTIVE_LOW = 1 << 13;
const REMOTE_IRR = 1 << 14;

/** A driver as the datasheet has it: index register, then window. */
class Driver {
  constructor(readonly board: ApicBoard) {}
  read(index: number): number {
    this.board.ioApic.device.write(0, 4, index);
    return this.board.ioApic.device.read(0x10, 4);
  }
  write(index: number, value: number): void {
    this.board.ioApic.device.write(0, 4, index);
    this.board.ioApic.device.write(0x10, 4, value >>> 0);
  }
  redirect(input: number, low: number, destination = 0): void {
    this.write(0x11 + 2 * input, destination << 24);
    this.write(0x10 + 2 * input, low);
  }
  entry(input: number): number {
    return this.read(0x10 + 2 * input);
  }
}

function driver(count = 1): Driver {
  const board = new ApicBoard(count);
  for (const processor of board.processors) processor.enable();
  return new Driver(board);
}

describe("IO-APIC", () => {
  it("has 24 masked entries after reset", () => {
    const d = driver(2);
    expect([d.read(0), d.read(1), d.read(2)]).toEqual([2 << 24, 0x17_0011, 2 << 24]);
    expect(Array.from({ length: 24 }, (_, i) => d.entry(i))).toEqual(new Array(24).fill(MASKED));
    expect(d.read(0x40)).toBe(0);
    d.write(0, 0xf500_0000);
    expect(d.read(0)).toBe(0x0500_0000);
  });

  it("delivers each rising edge once; an edge on a masked input is lost", () => {
    const d = driver();
    const { first } = d.board;
    d.redirect(4, 0x44);
    d.board.ioApic.setLine(4, true);
    expect(first.take()).toBe(0x44);
    first.eoi();
    d.board.ioApic.setLine(4, true);
    d.board.ioApic.setLine(4, false);
    expect(first.take()).toBeNull();
    d.redirect(4, 0x44 | MASKED);
    d.board.ioApic.setLine(4, true);
    d.redirect(4, 0x44);
    expect(first.take()).toBeNull();
  });

  it("repeats a level until the line falls, and shows remote IRR meanwhile", () => {
    const d = driver();
    const { first } = d.board;
    d.redirect(9, 0x59 | LEVEL);
    d.board.ioApic.setLine(9, true);
    expect(d.entry(9)).toBe(0x59 | LEVEL | REMOTE_IRR);
    expect(first.take()).toBe(0x59);
    first.eoi();
    expect(first.take()).toBe(0x59);
    d.board.ioApic.setLine(9, false);
    first.eoi();
    expect([first.take(), d.entry(9)]).toEqual([null, 0x59 | LEVEL]);
  });

  it("delivers a level that is there when its input is unmasked", () => {
    const d = driver();
    d.redirect(9, 0x59 | LEVEL | MASKED);
    d.board.ioApic.setLine(9, true);
    expect(d.board.first.take()).toBeNull();
    d.redirect(9, 0x59 | LEVEL);
    expect(d.board.first.take()).toBe(0x59);
  });

  it("follows the polarity", () => {
    const d = driver();
    d.board.ioApic.setLine(16, true);
    d.redirect(16, 0x60 | LEVEL | ACTIVE_LOW);
    expect(d.board.first.take()).toBeNull();
    d.board.ioApic.setLine(16, false);
    expect(d.board.first.take()).toBe(0x60);
  });

  it("does not lose a level that nobody accepts", () => {
    const d = driver();
    d.board.first.write(0xf0, 0xff);
    d.redirect(9, 0x59 | LEVEL);
    d.board.ioApic.setLine(9, true);
    expect(d.entry(9)).toBe(0x59 | LEVEL);
    d.board.first.enable();
    d.redirect(9, 0x59 | LEVEL);
    expect(d.board.first.take()).toBe(0x59);
  });

  it("chooses the processor by destination and delivery mode", () => {
    const d = driver(3);
    const { processors, ioApic } = d.board;
    d.redirect(3, 0x33, 2);
    ioApic.setLine(3, true);
    expect(processors.map((p) => p.take())).toEqual([null, null, 0x33]);
    processors.forEach((p, i) => p.write(0xd0, 1 << (24 + i)));
    processors[0]!.write(0x80, 0x20);
    d.redirect(5, 0x55 | (1 << 11) | (1 << 8), 0b011);
    ioApic.setLine(5, true);
    expect(processors.map((p) => p.take())).toEqual([null, 0x55, null]);
    d.redirect(6, 0x400, 1);
    ioApic.setLine(6, true);
    expect(processors.map((p) => p.nmis)).toEqual([0, 1, 0]);
  });

  it("passes the 8259s through as ExtINT", () => {
    const d = driver();
    d.redirect(0, 0x700);
    d.board.ioApic.setLine(0, true);
    d.board.pic = 0x2b;
    expect(d.board.first.take()).toBe(0x2b);
    expect(d.board.first.take()).toBeNull();
  });

  it.each([1, 2])("never throws on random accesses (seed %i)", (seed) => {
    const d = driver(2);
    const random = seeded(seed);
    for (let i = 0; i < 20_000; i++) {
      const what = random() % 5;
      if (what === 0) d.board.ioApic.setLine(random() % 24, random() % 2 === 0);
      else if (what === 1) d.write(random() % 0x50, random());
      else if (what === 2) d.read(random() & 0xff);
      else if (what === 3) d.board.ioApic.device.write(random() & 0xfff, 4, random());
      else {
        const processor = d.board.processors[random() % 2]!;
        if (processor.take() !== null) processor.eoi();
      }
    }
    const state = d.board.ioApic.snapshot();
    const copy = new ApicBoard(2);
    copy.ioApic.restore(state);
    expect(copy.ioApic.snapshot()).toEqual(state);
  });
});
