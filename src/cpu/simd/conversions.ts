/**
 * Conversions between integers, singles and doubles (SDM Vol. 1, 11.4.1.6; exceptions: table 11-1).
 */
import { FLOAT_DENORMAL, FLOAT_INVALID } from '../../spec/float-bits';
import { rowExtra } from '../decoder';
import { faultPending, NONE } from '../fault';
import { fromInteger, toInteger } from '../float/convert';
import { signal } from '../float/environment';
import {
  A, classOf, FINITE, isDenormal, packDouble, packSingle, QUIET, SIGNALING, unpackDouble, unpackSingle,
} from '../float/number';
import { roundDouble, roundSingle } from '../float/round';
import { opDst, opRow, opSize, opSrc } from '../op';
import { placeToRead, placeToReadAligned, readOperand, signExtend, writeRegister } from '../operands';
import { enterMmx, sseAndMmxReady, sseReady, storeMmx } from './access';
import { beginSimd, settle, stopped } from './mxcsr';

/** extra of the conversions to integers: truncation. To MMX registers: the x87 is left in MMX's state even by #XM. */
@inline function truncates(op: usize): bool { return rowExtra(opRow(op)) != 0; }

function quiet(): void {
  if (classOf(A) != SIGNALING) return;
  signal(FLOAT_INVALID);
  store<u64>(A, load<u64>(A) | ((<u64>1) << 62));
  store<u32>(A, QUIET, 24);
}

function normalize(): void {
  if (!isDenormal(A)) return;
  signal(FLOAT_DENORMAL);
  store<u32>(A, FINITE, 24);
}

function singleToDouble(bits: u32): u64 {
  unpackSingle(A, bits);
  quiet();
  normalize();
  return packDouble(A);
}

function doubleToSingle(bits: u64): u32 {
  unpackDouble(A, bits);
  quiet();
  normalize();
  if (stopped()) return 0;
  roundSingle(A);
  return packSingle(A);
}

function integerToSingle(value: i64): u32 {
  fromInteger(A, value);
  roundSingle(A);
  return packSingle(A);
}

function integerToDouble(value: i64): u64 {
  fromInteger(A, value);
  roundDouble(A);
  return packDouble(A);
}

function singleToInteger(bits: u32, width: u64, truncate: bool): i64 {
  unpackSingle(A, bits);
  return toInteger(A, width, truncate);
}

function doubleToInteger(bits: u64, width: u64, truncate: bool): i64 {
  unpackDouble(A, bits);
  return toInteger(A, width, truncate);
}

export function cvtss2sd(op: usize): void {
  if (!sseReady()) return;
  const at = placeToRead(op, 4);
  if (at == 0) return;
  beginSimd();
  const result = singleToDouble(load<u32>(at));
  if (settle()) store<u64>(opSrc(op), result);
}

export function cvtsd2ss(op: usize): void {
  if (!sseReady()) return;
  const at = placeToRead(op, 8);
  if (at == 0) return;
  beginSimd();
  const result = doubleToSingle(load<u64>(at));
  if (settle()) store<u32>(opSrc(op), result);
}

export function cvtps2pd(op: usize): void {
  if (!sseReady()) return;
  const at = placeToRead(op, 8);
  if (at == 0) return;
  beginSimd();
  const low = singleToDouble(load<u32>(at));
  const high = singleToDouble(load<u32>(at, 4));
  if (settle()) v128.store(opSrc(op), i64x2(low, high));
}

@inline function pair(low: u32, high: u32): u64 { return <u64>low | (<u64>high << 32); }

export function cvtpd2ps(op: usize): void {
  if (!sseReady()) return;
  const at = placeToReadAligned(op, 16);
  if (at == 0) return;
  beginSimd();
  const low = doubleToSingle(load<u64>(at));
  const high = doubleToSingle(load<u64>(at, 8));
  if (settle()) v128.store(opSrc(op), i64x2(pair(low, high), 0));
}

export function cvtdq2ps(op: usize): void {
  if (!sseReady()) return;
  const at = placeToReadAligned(op, 16);
  if (at == 0) return;
  beginSimd();
  const low = pair(integerToSingle(load<i32>(at)), integerToSingle(load<i32>(at, 4)));
  const high = pair(integerToSingle(load<i32>(at, 8)), integerToSingle(load<i32>(at, 12)));
  if (settle()) v128.store(opSrc(op), i64x2(low, high));
}

export function cvtdq2pd(op: usize): void {
  if (!sseReady()) return;
  const at = placeToRead(op, 8);
  if (at == 0) return;
  v128.store(opSrc(op), f64x2.convert_low_i32x4_s(i64x2(load<u64>(at), 0)));
}

/** CVTPS2DQ and CVTTPS2DQ. */
export function cvtps2dq(op: usize): void {
  if (!sseReady()) return;
  const at = placeToReadAligned(op, 16);
  if (at == 0) return;
  const truncate = truncates(op);
  beginSimd();
  const low = pair(<u32>singleToInteger(load<u32>(at), 32, truncate), <u32>singleToInteger(load<u32>(at, 4), 32, truncate));
  const high = pair(<u32>singleToInteger(load<u32>(at, 8), 32, truncate), <u32>singleToInteger(load<u32>(at, 12), 32, truncate));
  if (settle()) v128.store(opSrc(op), i64x2(low, high));
}

function doublesToIntegers(at: usize, truncate: bool): u64 {
  const low = doubleToInteger(load<u64>(at), 32, truncate);
  return pair(<u32>low, <u32>doubleToInteger(load<u64>(at, 8), 32, truncate));
}

/** CVTPD2DQ and CVTTPD2DQ. */
export function cvtpd2dq(op: usize): void {
  if (!sseReady()) return;
  const at = placeToReadAligned(op, 16);
  if (at == 0) return;
  beginSimd();
  const result = doublesToIntegers(at, truncates(op));
  if (settle()) v128.store(opSrc(op), i64x2(result, 0));
}

export function cvtpd2pi(op: usize): void {
  if (!sseAndMmxReady()) return;
  const at = placeToReadAligned(op, 16);
  if (at == 0) return;
  beginSimd();
  const result = doublesToIntegers(at, truncates(op));
  enterMmx();
  if (settle()) storeMmx(opSrc(op), result);
}

export function cvtps2pi(op: usize): void {
  if (!sseAndMmxReady()) return;
  const at = placeToRead(op, 8);
  if (at == 0) return;
  beginSimd();
  const low = singleToInteger(load<u32>(at), 32, truncates(op));
  const result = pair(<u32>low, <u32>singleToInteger(load<u32>(at, 4), 32, truncates(op)));
  enterMmx();
  if (settle()) storeMmx(opSrc(op), result);
}

function integersToSingles(at: usize, to: usize): void {
  beginSimd();
  const result = pair(integerToSingle(load<i32>(at)), integerToSingle(load<i32>(at, 4)));
  if (settle()) store<u64>(to, result);
}

export function cvtpi2ps(op: usize): void {
  if (!sseAndMmxReady()) return;
  enterMmx();
  integersToSingles(opDst(op), opSrc(op));
}

/** With a memory operand no MMX register is touched, and the x87 is left alone; so it is for CVTPI2PD. */
export function cvtpi2ps_memory(op: usize): void {
  if (!sseReady()) return;
  const at = placeToRead(op, 8);
  if (at != 0) integersToSingles(at, opSrc(op));
}

export function cvtpi2pd(op: usize): void {
  if (!sseAndMmxReady()) return;
  enterMmx();
  v128.store(opSrc(op), f64x2.convert_low_i32x4_s(i64x2(load<u64>(opDst(op)), 0)));
}


export function cvtsi2ss(op: usize): void {
  if (!sseReady()) return;
  const value = signExtend(readOperand(op, opSize(op)), opSize(op));
  if (faultPending != NONE) return;
  beginSimd();
  const result = integerToSingle(value);
  if (settle()) store<u32>(opSrc(op), result);
}

export function cvtsi2sd(op: usize): void {
  if (!sseReady()) return;
  const value = signExtend(readOperand(op, opSize(op)), opSize(op));
  if (faultPending != NONE) return;
  beginSimd();
  const result = integerToDouble(value);
  if (settle()) store<u64>(opSrc(op), result);
}

/** CVTSS2SI and CVTTSS2SI. */
export function cvtss2si(op: usize): void {
  if (!sseReady()) return;
  const at = placeToRead(op, 4);
  if (at == 0) return;
  beginSimd();
  const result = singleToInteger(load<u32>(at), opSize(op) << 3, truncates(op));
  if (settle()) writeRegister(opSrc(op), opSize(op), result);
}

export function cvtsd2si(op: usize): void {
  if (!sseReady()) return;
  const at = placeToRead(op, 8);
  if (at == 0) return;
  beginSimd();
  const result = doubleToInteger(load<u64>(at), opSize(op) << 3, truncates(op));
  if (settle()) writeRegister(opSrc(op), opSize(op), result);
}
