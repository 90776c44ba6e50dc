/**
 * Packed-integer operations on 128 bits (SDM Vol. 1, 9.4, 11.4.2). MMX operands are the low halves.
 */
import * as o from './operations';

export function operate(operation: u32, a: v128, b: v128): v128 {
  switch (<i32>operation) {
    case o.PADDB: return i8x16.add(a, b);
    case o.PADDW: return i16x8.add(a, b);
    case o.PADDD: return i32x4.add(a, b);
    case o.PADDQ: return i64x2.add(a, b);
    case o.PSUBB: return i8x16.sub(a, b);
    case o.PSUBW: return i16x8.sub(a, b);
    case o.PSUBD: return i32x4.sub(a, b);
    case o.PSUBQ: return i64x2.sub(a, b);
    case o.PADDSB: return i8x16.add_sat_s(a, b);
    case o.PADDSW: return i16x8.add_sat_s(a, b);
    case o.PADDUSB: return i8x16.add_sat_u(a, b);
    case o.PADDUSW: return i16x8.add_sat_u(a, b);
    case o.PSUBSB: return i8x16.sub_sat_s(a, b);
    case o.PSUBSW: return i16x8.sub_sat_s(a, b);
    case o.PSUBUSB: return i8x16.sub_sat_u(a, b);
    case o.PSUBUSW: return i16x8.sub_sat_u(a, b);
    case o.PMINUB: return i8x16.min_u(a, b);
    case o.PMAXUB: return i8x16.max_u(a, b);
    case o.PMINSW: return i16x8.min_s(a, b);
    case o.PMAXSW: return i16x8.max_s(a, b);
    case o.PAVGB: return i8x16.avgr_u(a, b);
    case o.PAVGW: return i16x8.avgr_u(a, b);
    case o.PCMPEQB: return i8x16.eq(a, b);
    case o.PCMPEQW: return i16x8.eq(a, b);
    case o.PCMPEQD: return i32x4.eq(a, b);
    case o.PCMPGTB: return i8x16.gt_s(a, b);
    case o.PCMPGTW: return i16x8.gt_s(a, b);
    case o.PCMPGTD: return i32x4.gt_s(a, b);
    case o.PAND: return v128.and(a, b);
    case o.PANDN: return v128.andnot(b, a);
    case o.POR: return v128.or(a, b);
    case o.PXOR: return v128.xor(a, b);
    default: return operation <= <u32>o.PSADBW ? multiply(operation, a, b) : rearrange(operation, a, b);
  }
}

function multiply(operation: u32, a: v128, b: v128): v128 {
  switch (<i32>operation) {
    case o.PMULLW: return i16x8.mul(a, b);
    case o.PMULHW:
      return i16x8.shuffle(i32x4.extmul_low_i16x8_s(a, b), i32x4.extmul_high_i16x8_s(a, b), 1, 3, 5, 7, 9, 11, 13, 15);
    case o.PMULHUW:
      return i16x8.shuffle(i32x4.extmul_low_i16x8_u(a, b), i32x4.extmul_high_i16x8_u(a, b), 1, 3, 5, 7, 9, 11, 13, 15);
    case o.PMULUDQ: {
      const low = i64x2.splat(0xffff_ffff);
      return i64x2.mul(v128.and(a, low), v128.and(b, low));
    }
    case o.PMADDWD: return i32x4.dot_i16x8_s(a, b);
    default: return sumOfDifferences(a, b);
  }
}

/** PSADBW. */
function sumOfDifferences(a: v128, b: v128): v128 {
  const differences = v128.or(i8x16.sub_sat_u(a, b), i8x16.sub_sat_u(b, a));
  const sums = i32x4.extadd_pairwise_i16x8_u(i16x8.extadd_pairwise_i8x16_u(differences));
  return i64x2.add(v128.and(sums, i64x2.splat(0xffff_ffff)), i64x2.shr_u(sums, 32));
}

function rearrange(operation: u32, a: v128, b: v128): v128 {
  switch (<i32>operation) {
    case o.PUNPCKLBW: return i8x16.shuffle(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    case o.PUNPCKLWD: return i16x8.shuffle(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
    case o.PUNPCKLDQ: return i32x4.shuffle(a, b, 0, 4, 1, 5);
    case o.PUNPCKLQDQ: return i64x2.shuffle(a, b, 0, 2);
    case o.PUNPCKHBW: return i8x16.shuffle(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    case o.PUNPCKHWD: return i16x8.shuffle(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
    case o.PUNPCKHDQ: return i32x4.shuffle(a, b, 2, 6, 3, 7);
    case o.PUNPCKHQDQ: return i64x2.shuffle(a, b, 1, 3);
    case o.PACKSSWB: return i8x16.narrow_i16x8_s(a, b);
    case o.PACKSSDW: return i16x8.narrow_i32x4_s(a, b);
    default: return i8x16.narrow_i16x8_u(a, b);
  }
}

/** Operations whose 64-bit form is not the low half of the 128-bit form: the operands side by side, the result's place. */
export function operateHalf(operation: u32, a: u64, b: u64): u64 {
  const first = i64x2(a, 0);
  const second = i64x2(b, 0);
  if (operation >= <u32>o.PACKSSWB) return i64x2.extract_lane(rearrange(operation, i64x2(a, b), first), 0);
  if (operation >= <u32>o.PUNPCKHBW) return i64x2.extract_lane(rearrange(operation - o.PUNPCKHBW + o.PUNPCKLBW, first, second), 1);
  return i64x2.extract_lane(operate(operation, first, second), 0);
}

/** A count beyond the width of an element shifts everything out. */
export function shift(operation: u32, a: v128, count: u64): v128 {
  const n = <i32>min<u64>(count, 128);
  const none = i64x2.splat(0);
  switch (<i32>operation) {
    case o.PSRLW: return n > 15 ? none : i16x8.shr_u(a, n);
    case o.PSRLD: return n > 31 ? none : i32x4.shr_u(a, n);
    case o.PSRLQ: return n > 63 ? none : i64x2.shr_u(a, n);
    case o.PSRAW: return i16x8.shr_s(a, min(n, 15));
    case o.PSRAD: return i32x4.shr_s(a, min(n, 31));
    case o.PSLLW: return n > 15 ? none : i16x8.shl(a, n);
    case o.PSLLD: return n > 31 ? none : i32x4.shl(a, n);
    case o.PSLLQ: return n > 63 ? none : i64x2.shl(a, n);
    case o.PSRLDQ: return shiftBytes(a, n, true);
    default: return shiftBytes(a, n, false);
  }
}

function shiftBytes(a: v128, bytes: i32, right: bool): v128 {
  if (bytes > 15) return i64x2.splat(0);
  const places = i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  // A place outside 0 to 15 selects zero.
  const from = right ? i8x16.add(places, i8x16.splat(<i8>bytes)) : i8x16.sub(places, i8x16.splat(<i8>bytes));
  return i8x16.swizzle(a, from);
}
