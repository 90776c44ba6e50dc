/**
 * Comparisons: CMPxx with a mask as result, COMIS and UCOMIS with flags (SDM Vol. 1, 10.4.1.3, 11.4.1.2).
 */
import { FLAG_CF, FLAG_OF, FLAG_AF, FLAG_PF, FLAG_SF, FLAG_ZF } from '../../spec/control-bits';
import { FLOAT_DENORMAL, FLOAT_INVALID } from '../../spec/float-bits';
import { rowExtra } from '../decoder';
import { signal } from '../float/environment';
import { A, B, classOf, isDenormal, isNan, SIGNALING, unpackDouble, unpackSingle } from '../float/number';
import { changeFlags } from '../flags';
import { opImm, opRow, opSrc } from '../op';
import { placeToRead, placeToReadAligned } from '../operands';
import { sseReady } from './access';
import { flushed, toDouble } from './element';
import { beginSimd, settle } from './mxcsr';

const LESS: u32 = 0;
const EQUAL: u32 = 1;
const GREATER: u32 = 2;
const UNORDERED: u32 = 3;

/** `ordered`: a quiet NaN is invalid too. */
function compare(a: u64, b: u64, double: bool, ordered: bool): u32 {
  if (double) {
    unpackDouble(A, a);
    unpackDouble(B, b);
  } else {
    unpackSingle(A, <u32>a);
    unpackSingle(B, <u32>b);
  }
  if (isNan(A) || isNan(B)) {
    if (ordered || classOf(A) == SIGNALING || classOf(B) == SIGNALING) signal(FLOAT_INVALID);
    return UNORDERED;
  }
  if (isDenormal(A) || isDenormal(B)) signal(FLOAT_DENORMAL);
  const x = toDouble(flushed(a, double), double);
  const y = toDouble(flushed(b, double), double);
  return x < y ? LESS : x == y ? EQUAL : GREATER;
}

/** EQ, LT, LE, UNORD and their negations (SDM Vol. 2, CMPPD, table 3-1). */
function holds(predicate: u32, a: u64, b: u64, double: bool): bool {
  const kind = predicate & 3;
  const relation = compare(a, b, double, kind == 1 || kind == 2);
  let met: bool;
  switch (kind) {
    case 0: met = relation == EQUAL; break;
    case 1: met = relation == LESS; break;
    case 2: met = relation <= EQUAL; break;
    default: met = relation == UNORDERED;
  }
  return met != ((predicate & 4) != 0);
}

const RESULT: usize = memory.data(16, 16);

@inline function predicate(op: usize): u32 { return <u32>opImm(op) & 7; }

export function cmp_ps(op: usize): void {
  if (!sseReady()) return;
  const at = placeToReadAligned(op, 16);
  if (at == 0) return;
  const to = opSrc(op);
  beginSimd();
  for (let i: usize = 0; i < 16; i += 4) {
    store<i32>(RESULT + i, holds(predicate(op), load<u32>(to + i), load<u32>(at + i), false) ? -1 : 0);
  }
  if (settle()) v128.store(to, v128.load(RESULT));
}

export function cmp_pd(op: usize): void {
  if (!sseReady()) return;
  const at = placeToReadAligned(op, 16);
  if (at == 0) return;
  const to = opSrc(op);
  beginSimd();
  for (let i: usize = 0; i < 16; i += 8) {
    store<i64>(RESULT + i, holds(predicate(op), load<u64>(to + i), load<u64>(at + i), true) ? -1 : 0);
  }
  if (settle()) v128.store(to, v128.load(RESULT));
}

export function cmp_ss(op: usize): void {
  if (!sseReady()) return;
  const at = placeToRead(op, 4);
  if (at == 0) return;
  beginSimd();
  const met = holds(predicate(op), load<u32>(opSrc(op)), load<u32>(at), false);
  if (settle()) store<i32>(opSrc(op), met ? -1 : 0);
}

export function cmp_sd(op: usize): void {
  if (!sseReady()) return;
  const at = placeToRead(op, 8);
  if (at == 0) return;
  beginSimd();
  const met = holds(predicate(op), load<u64>(opSrc(op)), load<u64>(at), true);
  if (settle()) store<i64>(opSrc(op), met ? -1 : 0);
}

/** ZF, PF, CF say the relation, all three for unordered; OF, AF, SF are cleared. */
function setRelation(relation: u32): void {
  const values: u64 = relation == UNORDERED ? FLAG_ZF | FLAG_PF | FLAG_CF : relation == LESS ? FLAG_CF : relation == EQUAL ? FLAG_ZF : 0;
  changeFlags(FLAG_OF | FLAG_SF | FLAG_ZF | FLAG_AF | FLAG_PF | FLAG_CF, values);
}

/** COMISS (extra 1) and UCOMISS (0). */
export function comis_ss(op: usize): void {
  if (!sseReady()) return;
  const at = placeToRead(op, 4);
  if (at == 0) return;
  beginSimd();
  const relation = compare(load<u32>(opSrc(op)), load<u32>(at), false, rowExtra(opRow(op)) != 0);
  if (settle()) setRelation(relation);
}

export function comis_sd(op: usize): void {
  if (!sseReady()) return;
  const at = placeToRead(op, 8);
  if (at == 0) return;
  beginSimd();
  const relation = compare(load<u64>(opSrc(op)), load<u64>(at), true, rowExtra(opRow(op)) != 0);
  if (settle()) setRelation(relation);
}
