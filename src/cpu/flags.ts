/**
 * Lazy arithmetic flags (SDM Vol. 1, 3.4.3.1). An operation stores its result and enough to find the flags later:
 *
 *     CF = A <u B        of every kind: SUB keeps its operands, ADD its result and first operand
 *     ZF = R == 0        of every kind
 *     SF, PF             of R, but of BITS for FLAGS_EXPLICIT
 *     OF, AF             by kind
 *
 * A, B and R are sign-extended from the operand size, which preserves signed and unsigned order. INC and DEC leave A and
 * B, and with them CF, as they are.
 */
import { RFLAGS } from '../spec/cpu-state';
import { FLAG_CF, FLAG_PF, FLAG_AF, FLAG_ZF, FLAG_SF, FLAG_OF, FLAG_FIXED } from '../spec/control-bits';
import { LAZY_FLAGS } from '../spec/memory-map';

/** SF, PF, OF, AF in bits. */
export const FLAGS_EXPLICIT: u32 = 0;
/** OF and AF in bits. */
export const FLAGS_BITS: u32 = 1;
/** OF = AF = 0. */
export const FLAGS_LOGIC: u32 = 2;
export const FLAGS_SUB: u32 = 3;
/** Plus the binary logarithm of the operand size in bytes. */
export const FLAGS_ADD: u32 = 4;
export const FLAGS_INC: u32 = 8;
export const FLAGS_DEC: u32 = 12;

const ARITHMETIC: u64 = FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF;

@inline export function lazyA(): i64 { return load<i64>(LAZY_FLAGS); }
@inline export function lazyB(): i64 { return load<i64>(LAZY_FLAGS, 8); }
@inline export function lazyR(): i64 { return load<i64>(LAZY_FLAGS, 16); }
@inline export function lazyKind(): u32 { return load<u32>(LAZY_FLAGS, 24); }
@inline function lazyBits(): u32 { return load<u32>(LAZY_FLAGS, 28); }

@inline
export function setLazy(kind: u32, a: i64, b: i64, r: i64): void {
  store<i64>(LAZY_FLAGS, a);
  store<i64>(LAZY_FLAGS, b, 8);
  store<i64>(LAZY_FLAGS, r, 16);
  store<u32>(LAZY_FLAGS, kind, 24);
}

@inline export function setLogic(r: i64): void { setLazy(FLAGS_LOGIC, 0, 0, r); }
@inline export function setSub(a: i64, b: i64, r: i64): void { setLazy(FLAGS_SUB, a, b, r); }
@inline export function setAdd(a: i64, r: i64, logSize: u32): void { setLazy(FLAGS_ADD + logSize, r, a, r); }

@inline
export function setIncrement(kind: u32, r: i64): void {
  store<i64>(LAZY_FLAGS, r, 16);
  store<u32>(LAZY_FLAGS, kind, 24);
}

/** CF, OF and AF given, the rest from the result. */
@inline
export function setBits(r: i64, carry: bool, overflow: bool, adjust: bool): void {
  setLazy(FLAGS_BITS, 0, carry ? 1 : 0, r);
  store<u32>(LAZY_FLAGS, (overflow ? FLAG_OF : 0) | (adjust ? FLAG_AF : 0), 28);
}

@inline export function carry(): bool { return <u64>lazyA() < <u64>lazyB(); }
@inline export function zero(): bool { return lazyR() == 0; }
@inline export function sign(): bool { return lazyKind() != FLAGS_EXPLICIT ? lazyR() < 0 : (lazyBits() & FLAG_SF) != 0; }

export function parity(): bool {
  if (lazyKind() == FLAGS_EXPLICIT) return (lazyBits() & FLAG_PF) != 0;
  return (popcnt<u32>(<u32>lazyR() & 0xff) & 1) == 0;
}

export function overflow(): bool {
  const kind = lazyKind();
  if (kind <= FLAGS_BITS) return (lazyBits() & FLAG_OF) != 0;
  if (kind == FLAGS_LOGIC) return false;
  const a = lazyA();
  const b = lazyB();
  const r = lazyR();
  if (kind == FLAGS_SUB) return ((a ^ b) & (a ^ r)) < 0;
  const top = (8 << (kind & 3)) - 1;
  if (kind < FLAGS_INC) return (((a ^ b) & ((a - b) ^ a)) >> top & 1) != 0;
  const least = <i64>-1 << top;
  return kind < FLAGS_DEC ? r == least : r == ~least;
}

export function adjust(): bool {
  const kind = lazyKind();
  if (kind <= FLAGS_BITS) return (lazyBits() & FLAG_AF) != 0;
  if (kind == FLAGS_LOGIC) return false;
  const a = lazyA();
  const b = lazyB();
  if (kind == FLAGS_SUB) return ((a ^ b ^ lazyR()) & 16) != 0;
  if (kind < FLAGS_INC) return ((a ^ b ^ (a - b)) & 16) != 0;
  return (lazyR() & 15) == (kind < FLAGS_DEC ? 0 : 15);
}

/** SF != OF. */
@inline
export function less(): bool {
  const kind = lazyKind();
  if (kind == FLAGS_SUB) return lazyA() < lazyB();
  if (kind == FLAGS_LOGIC) return lazyR() < 0;
  return lessSlowly();
}

/** ZF or SF != OF. */
@inline
export function lessOrEqual(): bool {
  const kind = lazyKind();
  if (kind == FLAGS_SUB) return lazyA() <= lazyB();
  if (kind == FLAGS_LOGIC) return lazyR() <= 0;
  return zero() || lessSlowly();
}

function lessSlowly(): bool { return sign() != overflow(); }

/** The condition of a Jcc, SETcc or CMOVcc (SDM Vol. 2, B.1.4.7). */
export function condition(code: u32): bool {
  let met: bool;
  switch (code >> 1) {
    case 0: met = overflow(); break;
    case 1: met = carry(); break;
    case 2: met = zero(); break;
    case 3: met = carry() || zero(); break;
    case 4: met = sign(); break;
    case 5: met = parity(); break;
    case 6: met = less(); break;
    default: met = lessOrEqual();
  }
  return met != ((code & 1) != 0);
}

/** All of RFLAGS; the state window holds them afterwards. */
export function getFlags(): u64 {
  let flags = load<u64>(RFLAGS) & ~ARITHMETIC;
  if (carry()) flags |= FLAG_CF;
  if (parity()) flags |= FLAG_PF;
  if (adjust()) flags |= FLAG_AF;
  if (zero()) flags |= FLAG_ZF;
  if (sign()) flags |= FLAG_SF;
  if (overflow()) flags |= FLAG_OF;
  store<u64>(RFLAGS, flags);
  return flags;
}

export function setFlags(flags: u64): void {
  store<u64>(RFLAGS, flags | FLAG_FIXED);
  setLazy(FLAGS_EXPLICIT, 0, flags & FLAG_CF, flags & FLAG_ZF ? 0 : 1);
  store<u32>(LAZY_FLAGS, <u32>flags, 28);
}

/** Changes some of the arithmetic flags. */
export function changeFlags(mask: u64, values: u64): void { setFlags((getFlags() & ~mask) | (values & mask)); }
