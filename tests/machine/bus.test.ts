import { describe, expect, it } from "vitest";
import { Bus, byteWide, type Device } from "../../src/machine/bus.js";

function recorder(value: number): Device & { log: string[] } {
  const log: string[] = [];
  return {
    log,
    read(offset, size) {
      log.push(`read ${offset} ${size}`);
      return value;
    },
    write(offset, size, written) {
      log.push(`write ${offset} ${size} ${written.toString(16)}`);
    },
  };
}

describe("Bus", () => {
  it("hands devices offsets, not addresses", () => {
    const bus = new Bus("port");
    const device = recorder(0x1234_5678);
    bus.register(0x3f8, 8, device);
    expect(bus.read(0x3fa, 2)).toBe(0x5678);
    bus.write(0x3fc, 4, 0xffff_fffe);
    expect(device.log).toEqual(["read 2 2", "write 4 4 fffffffe"]);
  });

  it("reads all ones where nothing is and drops writes there", () => {
    const bus = new Bus("port");
    expect([1, 2, 4].map((size) => bus.read(0x80, size))).toEqual([0xff, 0xffff, 0xffff_ffff]);
    expect(() => bus.write(0x80, 4, 1)).not.toThrow();
    expect(bus.read(0xffff, 4)).toBe(0xffff_ffff);
  });

  it("truncates what a device returns to the access size", () => {
    const bus = new Bus("port");
    bus.register(0, 4, recorder(-1));
    expect([1, 2, 4].map((size) => bus.read(0, size))).toEqual([0xff, 0xffff, 0xffff_ffff]);
  });

  it("refuses overlap in every position, naming both ranges", () => {
    const bus = new Bus("port");
    bus.register(0x100, 0x10, recorder(0));
    for (const [base, length] of [
      [0x100, 0x10],
      [0xf8, 9],
      [0x10f, 1],
      [0x104, 2],
      [0xf0, 0x40],
    ] as const) {
      expect(() => bus.register(base, length, recorder(0))).toThrow(/overlaps \[0x100, 0x110\)/);
    }
    bus.register(0xf8, 8, recorder(0));
    bus.register(0x110, 1, recorder(0));
  });

  it.each([
    [-1, 1],
    [0, 0],
    [0.5, 1],
    [Number.NaN, 1],
  ])("refuses [%d, +%d)", (base, length) => {
    expect(() => new Bus("port").register(base, length, recorder(0))).toThrow(RangeError);
  });

  it("splits an access that leaves its device into bytes", () => {
    const bus = new Bus("port");
    const first = recorder(0x11);
    const second = recorder(0x22);
    bus.register(0x10, 2, first);
    bus.register(0x12, 1, second);
    expect(bus.read(0x11, 4)).toBe(0xffff_2211);
    bus.write(0x11, 4, 0xddcc_bbaa);
    expect(first.log).toEqual(["read 1 1", "write 1 1 aa"]);
    expect(second.log).toEqual(["read 0 1", "write 0 1 bb"]);
  });

  it("finds addresses beyond 32 bits", () => {
    const bus = new Bus("memory-mapped");
    bus.register(0xfe_0000_0000, 0x1000, recorder(7));
    expect(bus.read(0xfe_0000_0ffc, 4)).toBe(7);
    expect(bus.claims(0xfe_0000_1000)).toBe(false);
  });

  it("moves a device", () => {
    const bus = new Bus("port");
    bus.register(0x10, 1, recorder(5));
    bus.unregister(0x10);
    expect(bus.read(0x10, 1)).toBe(0xff);
    expect(() => bus.unregister(0x10)).toThrow(RangeError);
  });
});

describe("byteWide", () => {
  it("makes one access a byte, lowest first, in little-endian order", () => {
    const written: [number, number][] = [];
    const device = byteWide(
      (offset) => 0x10 + offset,
      (offset, value) => written.push([offset, value]),
    );
    expect(device.read(1, 4)).toBe(0x1413_1211);
    device.write(2, 4, 0xff33_2211);
    expect(written).toEqual([
      [2, 0x11],
      [3, 0x22],
      [4, 0x33],
      [5, 0xff],
    ]);
  });
});
