import { generator } from "../random.js";

/** Random choices of a case, and floating-point operands biased to where rules change. */
export class Draw {
  private readonly random: () => number;

  constructor(seed: number) {
    this.random = generator(Math.imul(seed + 1, 0x9e37_79b1));
    for (let i = 0; i < 8; i++) this.random();
  }
  word(): number {
    return this.random();
  }
  below(limit: number): number {
    return (this.random() >>> 4) % limit;
  }
  one<T>(values: readonly T[]): T {
    return values[this.below(values.length)];
  }
  wide(): bigint {
    return (BigInt(this.random()) << 32n) | BigInt(this.random());
  }
  /** 64 bits, often at a boundary or small. */
  integer(): bigint {
    const kind = this.below(4);
    if (kind === 0) return this.one(BOUNDARIES);
    return kind === 1 ? this.wide() & 0x3fn : this.wide();
  }

  /** A fraction of `bits` bits: simple, nearly a carry, or anything. */
  private fraction(bits: number): bigint {
    const mask = (1n << BigInt(bits)) - 1n;
    const shift = BigInt(this.below(bits));
    switch (this.below(5)) {
      case 0:
        return 0n;
      case 1:
        return mask;
      case 2:
        return (1n << shift) & mask;
      case 3:
        return (mask << shift) & mask;
      default:
        return this.wide() & mask;
    }
  }

  /**
   * A floating-point number of the format, as sign, biased exponent, fraction. `near`: exponents around 1, so that operands
   * meet; otherwise zeros, denormals, infinities, NaNs and the ends of the range too.
   */
  private number(
    exponentBits: number,
    fractionBits: number,
  ): { sign: bigint; exponent: bigint; fraction: bigint } {
    const top = (1 << exponentBits) - 1;
    const bias = top >> 1;
    const sign = BigInt(this.below(2));
    const fraction = this.fraction(fractionBits);
    const of = (
      exponent: number,
      value = fraction,
    ): { sign: bigint; exponent: bigint; fraction: bigint } => ({
      sign,
      exponent: BigInt(exponent),
      fraction: value,
    });
    switch (this.below(12)) {
      case 0:
        return of(0, 0n);
      case 1:
        return of(0);
      case 2:
        return this.below(2) ? of(top, 0n) : of(top);
      case 3:
        return of(1 + this.below(3));
      case 4:
        return of(top - 1 - this.below(3));
      case 5:
        return of(bias + this.one([-1, 1]) * (bias >> 1) + this.below(5) - 2);
      case 6:
        return of(1 + this.below(top - 1));
      case 7:
        return of(bias + this.below(66));
      default:
        return of(bias + this.below(8) - 4);
    }
  }

  single(): number {
    const { sign, exponent, fraction } = this.number(8, 23);
    return Number((sign << 31n) | (exponent << 23n) | fraction) >>> 0;
  }
  double(): bigint {
    const { sign, exponent, fraction } = this.number(11, 52);
    return (sign << 63n) | (exponent << 52n) | fraction;
  }
  /** Double extended: significand, sign and exponent. Now and then an encoding that is no number. */
  extended(): [significand: bigint, top: number] {
    const { sign, exponent, fraction } = this.number(15, 63);
    const integerBit = this.below(40) === 0 ? BigInt(this.below(2)) : exponent === 0n ? 0n : 1n;
    return [(integerBit << 63n) | fraction, Number((sign << 15n) | exponent)];
  }
}

const BOUNDARIES = [
  0n,
  1n,
  0x7fn,
  0x80n,
  0xffn,
  0x7fffn,
  0x8000n,
  0xffffn,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_ffffn,
  0x7fff_ffff_ffff_ffffn,
  0x8000_0000_0000_0000n,
  0xffff_ffff_ffff_ffffn,
];
