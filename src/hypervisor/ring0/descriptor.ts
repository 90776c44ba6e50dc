/** Segment descriptors (SDM Vol. 3, 3.4.5) as two 32-bit halves. */

export const TYPE_ACCESSED = 1 << 8;
const TYPE_WRITABLE = 1 << 9;
const TYPE_CODE = 1 << 11;
export const NOT_SYSTEM = 1 << 12;
export const DPL_SHIFT = 13;
export const PRESENT = 1 << 15;
export const LONG = 1 << 21;
export const BIG = 1 << 22;
const GRANULARITY = 1 << 23;

const FLAT_LOW = 0x0000_ffff;
const FLAT_HIGH = 0x000f_0000 | GRANULARITY | PRESENT | NOT_SYSTEM | TYPE_WRITABLE | TYPE_ACCESSED;

/** Low and high half. */
export type Descriptor = readonly [low: number, high: number];

export function flatCode(privilege: number, bits: 32 | 64): Descriptor {
  const size = bits === 64 ? LONG : BIG;
  return [FLAT_LOW, (FLAT_HIGH | TYPE_CODE | size | (privilege << DPL_SHIFT)) >>> 0];
}

export function flatData(privilege: number): Descriptor {
  return [FLAT_LOW, (FLAT_HIGH | BIG | (privilege << DPL_SHIFT)) >>> 0];
}

/** A 16-byte descriptor of a TSS or LDT in IA-32e mode (SDM 7.2.3). @param type - 2 LDT, 9 available TSS, 11 busy TSS */
export function systemDescriptor(base: bigint, limit: number, type: number): [bigint, bigint] {
  const low =
    BigInt(limit & 0xffff) |
    ((base & 0xff_ffffn) << 16n) |
    (BigInt(type | 0x80) << 40n) |
    (BigInt(limit >>> 16) << 48n) |
    (((base >> 24n) & 0xffn) << 56n);
  return [low, base >> 32n];
}
