/**
 * The register stack and the course of a non-control instruction (SDM Vol. 1, 8.1.2, 8.5): {@link start}, operands,
 * computation, {@link settle}. Exceptions wait in the status word; an unmasked one found before the result keeps the
 * operands and the stack as they are.
 */
import { X87_DP, X87_IP, X87_OPCODE, X87_STATUS, X87_TAGS } from '../../spec/cpu-state';
import {
  CONTROL_ROUNDING_SHIFT, FLOAT_DENORMAL, FLOAT_EXCEPTIONS, FLOAT_INVALID, FLOAT_PRECISION, FLOAT_ZERO_DIVIDE, STATUS_BUSY,
  STATUS_C0, STATUS_C1, STATUS_C2, STATUS_C3, STATUS_STACK_FAULT, STATUS_SUMMARY, STATUS_TOP, STATUS_TOP_SHIFT,
} from '../../spec/float-bits';
import { begin, found, masks, signal } from '../float/environment';
import { packExtended, unpackExtended } from '../float/extended';
import { setIndefinite } from '../float/number';
import { roundedUp, setRoundedUp } from '../float/round';
import { opDst, opImm, opSrc } from '../op';
import { effectiveOffset } from '../operands';
import { control, slotOf, status, top } from './state';

const BEFORE: u32 = FLOAT_INVALID | FLOAT_DENORMAL | FLOAT_ZERO_DIVIDE;

/** A push found no empty register: C1 says which way the stack fault went. */
let overflowed: bool = false;

export function start(): void {
  const word = control();
  begin((word >> CONTROL_ROUNDING_SHIFT) & 3, word & FLOAT_EXCEPTIONS, false, false);
  setRoundedUp(false);
  overflowed = false;
}

/** Significand bits that precision control asks for (8.1.5.2); the reserved value is taken as extended. */
export function precision(): u64 {
  switch ((control() >> 8) & 3) {
    case 0: return 24;
    case 2: return 53;
    default: return 64;
  }
}

/** No result is to be delivered. */
@inline export function stopped(): bool { return (found & ~masks & BEFORE) != 0; }

/** The exceptions of the instruction into the status word, its addresses into the pointers. */
export function settle(op: usize): void {
  let word = (status() & ~STATUS_C1) | found;
  if (overflowed || ((found & FLOAT_PRECISION) != 0 && roundedUp)) word |= STATUS_C1;
  const unmasked = (found & ~masks & FLOAT_EXCEPTIONS) != 0;
  if (unmasked) word |= STATUS_SUMMARY | STATUS_BUSY;
  store<u16>(X87_STATUS, <u16>word);
  store<u64>(X87_IP, opImm(op));
  if (opDst(op) == 0) store<u64>(X87_DP, effectiveOffset(op));
  if (unmasked) store<u16>(X87_OPCODE, <u16>(opSrc(op) & 0x7ff));
}

export function setConditions(codes: u32): void {
  store<u16>(X87_STATUS, <u16>((status() & ~(STATUS_C0 | STATUS_C1 | STATUS_C2 | STATUS_C3)) | codes));
}

/** C2 of instructions that may leave their work undone. */
export function setRange(outside: bool): void {
  store<u16>(X87_STATUS, <u16>(outside ? status() | STATUS_C2 : status() & ~STATUS_C2));
}

@inline export function isEmpty(i: u32): bool { return (load<u8>(X87_TAGS) & (1 << ((top() + i) & 7))) == 0; }

function setTop(value: u32): void {
  store<u16>(X87_STATUS, <u16>((status() & ~STATUS_TOP) | ((value & 7) << STATUS_TOP_SHIFT)));
}

export function markUsed(i: u32): void { store<u8>(X87_TAGS, <u8>(<u32>load<u8>(X87_TAGS) | (1 << ((top() + i) & 7)))); }
export function markEmpty(i: u32): void { store<u8>(X87_TAGS, <u8>(<u32>load<u8>(X87_TAGS) & ~(1 << ((top() + i) & 7)))); }

export function decrementTop(): void { setTop(top() - 1); }
export function incrementTop(): void { setTop(top() + 1); }

export function pop(): void {
  markEmpty(0);
  incrementTop();
}

/** A register that is read is empty (8.5.1.1). */
export function underflow(): void { signal(FLOAT_INVALID | STATUS_STACK_FAULT); }

/** Whether there is room for a push; otherwise the stack overflows. */
export function roomToPush(): bool {
  if (isEmpty(7)) return true;
  overflowed = true;
  signal(FLOAT_INVALID | STATUS_STACK_FAULT);
  return false;
}

/** A number from ST(i); on an empty register false, with an indefinite in its place. */
export function fetch(n: usize, i: u32): bool {
  if (isEmpty(i)) {
    underflow();
    setIndefinite(n);
    return false;
  }
  unpackExtended(n, slotOf(i));
  return true;
}

/** A result into ST(i). */
export function deliver(n: usize, i: u32): void {
  packExtended(n, slotOf(i));
  markUsed(i);
}

export function push(n: usize): void {
  decrementTop();
  deliver(n, 0);
}

/** The bytes of a number, unchanged. */
export function pushRaw(significand: u64, top: u16): void {
  decrementTop();
  setRaw(0, significand, top);
}
export function setRaw(i: u32, significand: u64, top: u16): void {
  store<u64>(slotOf(i), significand);
  store<u16>(slotOf(i), top, 8);
  markUsed(i);
}
export const INDEFINITE_SIGNIFICAND: u64 = 0xc000_0000_0000_0000;
export const INDEFINITE_TOP: u16 = 0xffff;
