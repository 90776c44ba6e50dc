import type { CivilTime } from "./chipset/calendar.js";

/**
 * What firmware keeps in CMOS memory and asks the firmware configuration device for: how much RAM and how many
 * processors there are.
 * @module
 */

/** The date at cycle 0 of a machine that was given none. */
export const DEFAULT_DATE: CivilTime = { year: 2006, month: 1, day: 1, hour: 0, minute: 0, second: 0 };

const KIB = 1024;
const MIB = 1024 * KIB;
const LOW_KIB = 640;
const E820_RAM = 1;

/** Registers of CMOS memory and their values (IBM PC/AT technical reference; QEMU's hw/i386/pc.c). */
export function cmosMemory(ramBytes: number, processors: number): [number, number][] {
  const above1M = Math.min(Math.max(Math.floor((ramBytes - MIB) / KIB), 0), 0xffff);
  const above16M = Math.min(Math.max(Math.floor((ramBytes - 16 * MIB) / (64 * KIB)), 0), 0xffff);
  const word = (register: number, value: number): [number, number][] => [
    [register, value & 0xff],
    [register + 1, value >> 8],
  ];
  return [
    ...word(0x15, LOW_KIB),
    ...word(0x17, above1M),
    ...word(0x30, above1M),
    ...word(0x34, above16M),
    [0x5f, processors - 1],
  ];
}

/** The file "etc/e820": records of u64 address, u64 length, u32 type. */
export function e820File(ramBytes: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(20));
  view.setBigUint64(8, BigInt(ramBytes), true);
  view.setUint32(16, E820_RAM, true);
  return new Uint8Array(view.buffer);
}
