/**
 * Arithmetic on one element of an XMM register: bits in, bits out (SDM Vol. 1, 4.8, 11.5). WebAssembly rounds to nearest
 * as IEEE 754 has it, but hides exceptions and chooses NaNs freely: its result is taken where neither matters.
 */
import { FLOAT_DENORMAL, FLOAT_INVALID, FLOAT_ZERO_DIVIDE } from '../../spec/float-bits';
import { add, divide, multiply, squareRoot } from '../float/arithmetic';
import { denormalsAreZeros, forget, found, signal } from '../float/environment';
import {
  A, B, R, classOf, isDenormal, isNan, packDouble, packSingle, SIGNALING, unpackDouble, unpackSingle,
} from '../float/number';
import { roundDouble, roundSingle } from '../float/round';
import { stopped } from './mxcsr';
import { ADD, DIV, MAX, MIN, MUL, SQRT, SUB } from './operations';

const QUIET_BIT_SINGLE: u64 = 1 << 22;
const QUIET_BIT_DOUBLE: u64 = 1 << 51;
/** Magnitude of the greatest denormal, shifted left by the sign. */
const DENORMALS_DOUBLE: u64 = (1 << 53) - 2;
const DENORMALS_SINGLE: u32 = (1 << 24) - 2;

/** What {@link quickDouble} or {@link quickSingle} has computed. */
export let quickResult: u64 = 0;

/**
 * True where the result is the same under every observer but one who looks for an inexact result: no operand is denormal
 * or NaN, and no result is tiny, infinite or NaN.
 */
export function quickDouble(operation: u32, a: u64, b: u64): bool {
  if ((a << 1) - 1 <= DENORMALS_DOUBLE - 1 || (b << 1) - 1 <= DENORMALS_DOUBLE - 1) return false;
  const x = reinterpret<f64>(a);
  const y = reinterpret<f64>(b);
  let r: f64;
  switch (<i32>operation) {
    case ADD: r = x + y; break;
    case MUL: r = x * y; break;
    case SUB: r = x - y; break;
    case DIV: r = x / y; break;
    case SQRT: r = sqrt<f64>(y); break;
    default: return quickChoice(operation, a, b, x, y);
  }
  const bits = reinterpret<u64>(r);
  quickResult = bits;
  if (((<u32>(bits >> 52) & 0x7ff) - 2) <= 0x7fc) return true;
  return bits << 1 == 0 && exactZero(operation, a << 1, b << 1);
}

export function quickSingle(operation: u32, a: u32, b: u32): bool {
  if ((a << 1) - 1 <= DENORMALS_SINGLE - 1 || (b << 1) - 1 <= DENORMALS_SINGLE - 1) return false;
  const x = reinterpret<f32>(a);
  const y = reinterpret<f32>(b);
  let r: f32;
  switch (<i32>operation) {
    case ADD: r = x + y; break;
    case MUL: r = x * y; break;
    case SUB: r = x - y; break;
    case DIV: r = x / y; break;
    case SQRT: r = sqrt<f32>(y); break;
    default: return quickChoice(operation, a, b, x, y);
  }
  const bits = reinterpret<u32>(r);
  quickResult = bits;
  if ((((bits >> 23) & 0xff) - 2) <= 0xfc) return true;
  return bits << 1 == 0 && exactZero(operation, <u64>(a << 1), <u64>(b << 1));
}

/** A product or quotient of zero may stand for an underflow. */
@inline
function exactZero(operation: u32, magnitudeA: u64, magnitudeB: u64): bool {
  if (operation == MUL) return magnitudeA == 0 || magnitudeB == 0;
  return operation != DIV || magnitudeA == 0;
}

/** MIN and MAX. */
function quickChoice(operation: u32, a: u64, b: u64, x: f64, y: f64): bool {
  if (x != x || y != y) return false;
  quickResult = (operation == MIN ? x < y : x > y) ? a : b;
  return true;
}

@inline
function unpack(n: usize, bits: u64, double: bool): void {
  if (double) unpackDouble(n, bits);
  else unpackSingle(n, <u32>bits);
}

/** One element by the precise way, within {@link beginSimd} and settle. */
export function compute(operation: u32, a: u64, b: u64, double: bool): u64 {
  unpack(B, b, double);
  if (operation == SQRT) unpack(A, b, double);
  else unpack(A, a, double);
  if (operation == MIN || operation == MAX) return choose(operation, a, b, double);
  if (isNan(A) || isNan(B)) {
    if (classOf(A) == SIGNALING || classOf(B) == SIGNALING) signal(FLOAT_INVALID);
    return (isNan(A) && operation != SQRT ? a : b) | (double ? QUIET_BIT_DOUBLE : QUIET_BIT_SINGLE);
  }
  const others = found;
  forget(others);
  switch (<i32>operation) {
    case ADD: add(A, B, false, R); break;
    case MUL: multiply(A, B, R); break;
    case SUB: add(A, B, true, R); break;
    case DIV: divide(A, B, R); break;
    default: squareRoot(B, R);
  }
  const decided = (found & (FLOAT_INVALID | FLOAT_ZERO_DIVIDE)) != 0;
  if (!decided && (isDenormal(A) || isDenormal(B))) signal(FLOAT_DENORMAL);
  signal(others);
  if (stopped()) return 0;
  if (double) {
    roundDouble(R);
    return packDouble(R);
  }
  roundSingle(R);
  return packSingle(R);
}

/** MIN and MAX: the second operand where there is a NaN, or two zeros. */
function choose(operation: u32, a: u64, b: u64, double: bool): u64 {
  if (isNan(A) || isNan(B)) {
    signal(FLOAT_INVALID);
    return flushed(b, double);
  }
  const first = flushed(a, double);
  const second = flushed(b, double);
  if (isDenormal(A) || isDenormal(B)) signal(FLOAT_DENORMAL);
  const x = toDouble(first, double);
  const y = toDouble(second, double);
  return (operation == MIN ? x < y : x > y) ? first : second;
}

/** A denormal operand as it counts. */
export function flushed(bits: u64, double: bool): u64 {
  if (!denormalsAreZeros) return bits;
  if (double) return (bits & 0x7ff0_0000_0000_0000) == 0 ? bits & 0x8000_0000_0000_0000 : bits;
  return (bits & 0x7f80_0000) == 0 ? bits & 0x8000_0000 : bits;
}

/** The value of what is no NaN. */
export function toDouble(bits: u64, double: bool): f64 {
  return double ? reinterpret<f64>(bits) : <f64>reinterpret<f32>(<u32>bits);
}
