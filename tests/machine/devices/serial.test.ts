import { describe, expect, it } from "vitest";
import { Serial16550 } from "../../../src/machine/devices/serial-16550.js";
import { seeded } from "../random.js";

class Driver {
  readonly sent: number[] = [];
  readonly levels: boolean[] = [];
  readonly uart = new Serial16550(
    (byte) => this.sent.push(byte),
    (level) => this.levels.push(level),
  );
  get interrupt(): boolean {
    return this.levels.at(-1) ?? false;
  }
  read(register: number): number {
    return this.uart.device.read(register, 1);
  }
  write(register: number, value: number): void {
    this.uart.device.write(register, 1, value);
  }
}
const [RBR, IER, IIR, LCR, MCR, LSR, MSR, SCR] = [0, 1, 2, 3, 4, 5, 6, 7] as const;
const OUT2 = 8;

describe("16550A", () => {
  it("sends bytes and is always ready for more", () => {
    const d = new Driver();
    for (const byte of [0x48, 0x69, 0xff]) {
      expect(d.read(LSR)).toBe(0x60);
      d.write(RBR, byte);
    }
    expect(d.sent).toEqual([0x48, 0x69, 0xff]);
  });

  it("shows the divisor behind DLAB, and only there", () => {
    const d = new Driver();
    d.write(LCR, 0x83);
    d.write(RBR, 0x0c);
    d.write(IER, 0x01);
    expect([d.read(RBR), d.read(IER)]).toEqual([0x0c, 0x01]);
    d.write(LCR, 0x03);
    expect(d.read(IER)).toBe(0);
    expect(d.sent).toEqual([]);
    expect(d.read(LCR)).toBe(0x03);
  });

  it("is found by probes: scratch, IER's upper bits, FIFO bits", () => {
    const d = new Driver();
    d.write(SCR, 0xa5);
    expect(d.read(SCR)).toBe(0xa5);
    d.write(IER, 0xff);
    expect(d.read(IER)).toBe(0x0f);
    d.write(IER, 0);
    expect(d.read(IIR)).toBe(0x01);
    d.write(IIR, 0xe7);
    expect(d.read(IIR)).toBe(0xc1);
    d.write(IIR, 0);
    expect(d.read(IIR)).toBe(0x01);
  });

  it("raises THRE at its enabling and after each byte; reading IIR clears it", () => {
    const d = new Driver();
    d.write(MCR, OUT2);
    d.write(IER, 2);
    expect([d.interrupt, d.read(IIR), d.interrupt, d.read(IIR)]).toEqual([true, 2, false, 1]);
    d.write(RBR, 0x41);
    expect(d.levels).toEqual([true, false, true]);
  });

  it("gives an edge for each byte while THRE is pending", () => {
    const d = new Driver();
    d.write(MCR, OUT2);
    d.write(IER, 2);
    d.write(RBR, 0x41);
    expect(d.levels).toEqual([true, false, true]);
  });

  it("drives the line only while OUT2 is set", () => {
    const d = new Driver();
    d.write(IER, 2);
    expect(d.levels).toEqual([]);
    d.write(MCR, OUT2);
    expect(d.levels).toEqual([true]);
    d.write(MCR, 0);
    expect(d.levels).toEqual([true, false]);
  });

  it("receives without FIFO, and reports an overrun that replaced a character", () => {
    const d = new Driver();
    d.write(MCR, OUT2);
    d.write(IER, 5);
    d.uart.receive(0x61);
    expect([d.read(IIR), d.read(LSR)]).toEqual([4, 0x61]);
    d.uart.receive(0x62);
    expect(d.read(IIR)).toBe(6);
    expect(d.read(LSR)).toBe(0x63);
    expect([d.read(RBR), d.read(LSR), d.interrupt]).toEqual([0x62, 0x60, false]);
  });

  it("keeps sixteen characters in order and loses the seventeenth", () => {
    const d = new Driver();
    d.write(IIR, 1);
    expect(d.uart.room).toBe(16);
    for (let i = 0; i < 17; i++) d.uart.receive(i);
    expect(d.uart.room).toBe(0);
    expect(d.read(LSR) & 3).toBe(3);
    expect(Array.from({ length: 16 }, () => d.read(RBR))).toEqual(Array.from({ length: 16 }, (_, i) => i));
    expect(d.read(LSR)).toBe(0x60);
  });

  it("tells a reached trigger level from a character timeout", () => {
    const d = new Driver();
    d.write(IIR, 0x81);
    d.write(IER, 1);
    for (let i = 0; i < 7; i++) d.uart.receive(i);
    expect(d.read(IIR)).toBe(0xcc);
    d.uart.receive(7);
    expect(d.read(IIR)).toBe(0xc4);
  });

  it("clears the receive FIFO on request and when FIFOs are switched", () => {
    for (const word of [0x03, 0x00]) {
      const d = new Driver();
      d.write(IIR, 1);
      d.uart.receive(1);
      d.write(IIR, word);
      expect(d.read(LSR)).toBe(0x60);
    }
  });

  it("holds CTS, DSR and DCD at the far end", () => {
    expect(new Driver().read(MSR)).toBe(0xb0);
  });

  it("loops data and modem lines back (MCR bit 4), with deltas once and RI at its trailing edge", () => {
    const d = new Driver();
    d.write(MCR, 0x1e);
    expect(d.read(MSR)).toBe(0xd2);
    expect(d.read(MSR)).toBe(0xd0);
    d.write(MCR, 0x1a);
    expect(d.read(MSR)).toBe(0x94);
    d.write(RBR, 0xae);
    expect(d.sent).toEqual([]);
    d.uart.receive(0x11);
    expect(d.read(RBR)).toBe(0xae);
    d.write(MCR, 0x0b);
    expect(d.read(MSR) & 0xf0).toBe(0xb0);
  });

  it("interrupts for modem status with the lowest priority", () => {
    const d = new Driver();
    d.write(MCR, 0x10);
    d.read(MSR);
    d.write(IER, 0x0a);
    d.write(MCR, OUT2);
    expect(d.read(IIR)).toBe(2);
    expect(d.read(IIR)).toBe(0);
    d.read(MSR);
    expect(d.read(IIR)).toBe(1);
  });

  it("receives its own break in loopback", () => {
    const d = new Driver();
    d.write(IIR, 1);
    d.write(MCR, 0x10);
    d.write(LCR, 0x40);
    expect(d.read(LSR)).toBe(0xf1);
    expect([d.read(LSR), d.read(RBR), d.read(LSR)]).toEqual([0x61, 0, 0x60]);
  });

  it("takes a wide access for one byte access each", () => {
    const d = new Driver();
    d.uart.device.write(SCR, 1, 0x77);
    expect(d.uart.device.read(LSR, 4)).toBe(0xff77_b060);
  });

  it("goes on from a snapshot", () => {
    const d = new Driver();
    d.write(IIR, 1);
    d.write(MCR, OUT2);
    d.write(IER, 1);
    d.uart.receive(5);
    const copy = new Driver();
    copy.uart.restore(structuredClone(d.uart.snapshot()));
    expect(copy.read(RBR)).toBe(5);
    expect(copy.levels).toEqual([false]);
    expect(d.read(RBR)).toBe(5);
  });

  it.each([1, 2, 3])("never throws, and tells only changes of its line (seed %d)", (seed) => {
    const random = seeded(seed);
    const d = new Driver();
    for (let i = 0; i < 20_000; i++) {
      const size = [1, 2, 4][random() % 3]!;
      const choice = random() % 5;
      if (choice < 2) d.uart.device.write(random() % 10, size, random());
      else if (choice < 4) d.uart.device.read(random() % 10, size);
      else d.uart.receive(random());
      expect(d.uart.snapshot().received.length).toBeLessThanOrEqual(16);
    }
    d.levels.forEach((level, i) => expect(level).toBe(i % 2 === 0));
  });
});
