/**
 * Handlers of packed and scalar floating-point arithmetic (SDM Vol. 1, 10.4.1.2, 11.4.1.1).
 */
import { rowExtra } from '../decoder';
import { opRow, opSrc } from '../op';
import { placeToRead, placeToReadAligned } from '../operands';
import { sseReady } from './access';
import { compute, quickDouble, quickResult, quickSingle } from './element';
import { beginSimd, settle, unobserved } from './mxcsr';

/** The elements of a result until it is known that no exception keeps it from being written. */
const RESULT: usize = memory.data(16, 16);

@inline function operation(op: usize): u32 { return rowExtra(opRow(op)); }

export function arithmetic_sd(op: usize): void {
  if (!sseReady()) return;
  const at = placeToRead(op, 8);
  if (at == 0) return;
  const to = opSrc(op);
  const a = load<u64>(to);
  const b = load<u64>(at);
  if (unobserved() && quickDouble(operation(op), a, b)) {
    store<u64>(to, quickResult);
    return;
  }
  beginSimd();
  const result = compute(operation(op), a, b, true);
  if (settle()) store<u64>(to, result);
}

export function arithmetic_ss(op: usize): void {
  if (!sseReady()) return;
  const at = placeToRead(op, 4);
  if (at == 0) return;
  const to = opSrc(op);
  const a = load<u32>(to);
  const b = load<u32>(at);
  if (unobserved() && quickSingle(operation(op), a, b)) {
    store<u32>(to, <u32>quickResult);
    return;
  }
  beginSimd();
  const result = compute(operation(op), a, b, false);
  if (settle()) store<u32>(to, <u32>result);
}

export function arithmetic_pd(op: usize): void {
  if (!sseReady()) return;
  const at = placeToReadAligned(op, 16);
  if (at == 0) return;
  const what = operation(op);
  const to = opSrc(op);
  const quick = unobserved();
  beginSimd();
  for (let i: usize = 0; i < 16; i += 8) {
    const a = load<u64>(to + i);
    const b = load<u64>(at + i);
    store<u64>(RESULT + i, quick && quickDouble(what, a, b) ? quickResult : compute(what, a, b, true));
  }
  if (settle()) v128.store(to, v128.load(RESULT));
}

export function arithmetic_ps(op: usize): void {
  if (!sseReady()) return;
  const at = placeToReadAligned(op, 16);
  if (at == 0) return;
  const what = operation(op);
  const to = opSrc(op);
  const quick = unobserved();
  beginSimd();
  for (let i: usize = 0; i < 16; i += 4) {
    const a = load<u32>(to + i);
    const b = load<u32>(at + i);
    store<u32>(RESULT + i, <u32>(quick && quickSingle(what, a, b) ? quickResult : compute(what, a, b, false)));
  }
  if (settle()) v128.store(to, v128.load(RESULT));
}
