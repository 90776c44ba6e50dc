import { describe, expect, it } from "vitest";
import { DebugExit } from "../../../src/machine/devices/debug-exit.js";

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
