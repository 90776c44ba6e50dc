/**
 * RCP and RSQRT (SDM Vol. 1, 10.4.1.2): approximations that raise no exception. The manual allows a relative error of
 * 1.5 × 2^-12; this processor gives the exact value rounded to 12 bits.
 */
import { rowExtra } from '../decoder';
import { opRow, opSrc } from '../op';
import { placeToRead, placeToReadAligned } from '../operands';
import { sseReady } from './access';
import { RCP } from './operations';

const INDEFINITE: u32 = 0xffc0_0000;
const INFINITY_BITS: u32 = 0x7f80_0000;
const LEAST_NORMAL: u32 = 0x0080_0000;

/** Denormal operands and results count as zeros. */
function approximate(reciprocal: bool, bits: u32): u32 {
  const sign = bits & 0x8000_0000;
  const magnitude = bits & 0x7fff_ffff;
  if (magnitude > INFINITY_BITS) return bits | 0x40_0000;
  if (magnitude < LEAST_NORMAL) return sign | INFINITY_BITS;
  if (sign != 0 && !reciprocal) return INDEFINITE;
  if (magnitude == INFINITY_BITS) return sign;
  const x = <f64>reinterpret<f32>(magnitude);
  const y = 1.0 / (reciprocal ? x : sqrt<f64>(x));
  if (y < <f64>reinterpret<f32>(LEAST_NORMAL)) return sign;
  return sign | ((reinterpret<u32>(<f32>y) + 0x800) & 0xffff_f000);
}

/** extra: RCP or RSQRT. */
export function approximate_ss(op: usize): void {
  if (!sseReady()) return;
  const at = placeToRead(op, 4);
  if (at != 0) store<u32>(opSrc(op), approximate(rowExtra(opRow(op)) == RCP, load<u32>(at)));
}

export function approximate_ps(op: usize): void {
  if (!sseReady()) return;
  const at = placeToReadAligned(op, 16);
  if (at == 0) return;
  const reciprocal = rowExtra(opRow(op)) == RCP;
  const to = opSrc(op);
  for (let i: usize = 0; i < 16; i += 4) store<u32>(to + i, approximate(reciprocal, load<u32>(at + i)));
}
