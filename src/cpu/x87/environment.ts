/**
 * FSTENV, FLDENV, FSAVE and FRSTOR: environment and registers in memory, in the 16- and 32-bit formats of protected and
 * real-address mode (SDM Vol. 1, 8.1.10, figures 8-9 to 8-12).
 */
import { X87_CONTROL, X87_DP, X87_IP, X87_OPCODE, X87_STATUS, X87_TAGS } from '../../spec/cpu-state';
import { FLOAT_EXCEPTIONS } from '../../spec/float-bits';
import { faultPending, NONE } from '../fault';
import { inProtectedMode, inVirtual8086 } from '../mode';
import { opSegment, opSize } from '../op';
import { effectiveOffset, linearAddress } from '../operands';
import { unpackExtended } from '../float/extended';
import { A, classOf, FINITE, ZERO } from '../float/number';
import { reachable, readImage, writeImage } from '../system/memory-image';
import { available, control, initialize, loadControl, ready, slotOf, status, top } from './state';

const IMAGE: usize = memory.data(112, 16);
const REGISTER_BYTES: usize = 10;

@inline function wide(op: usize): bool { return opSize(op) != 2; }
@inline function environmentBytes(op: usize): usize { return wide(op) ? 28 : 14; }
@inline function realFormat(): bool { return !inProtectedMode() || inVirtual8086(); }

/** Two bits each for R0 to R7: valid, zero, special, empty (8.1.7). */
function fullTags(): u32 {
  let tags: u32 = 0;
  for (let i: u32 = 0; i < 8; i++) {
    const register = (i - top()) & 7;
    let tag: u32 = 3;
    if (load<u8>(X87_TAGS) & (1 << i)) {
      unpackExtended(A, slotOf(register));
      tag = classOf(A) == FINITE ? 0 : classOf(A) == ZERO ? 1 : 2;
    }
    tags |= tag << (i << 1);
  }
  return tags;
}

function abridged(tags: u32): u32 {
  let result: u32 = 0;
  for (let i: u32 = 0; i < 8; i++) if (((tags >> (i << 1)) & 3) != 3) result |= 1 << i;
  return result;
}

/** Fields of the environment are words or doublewords; the upper halves of doublewords are reserved and stored as ones. */
function put(op: usize, index: usize, value: u32): void {
  if (wide(op)) store<u32>(IMAGE + (index << 2), value);
  else store<u16>(IMAGE + (index << 1), <u16>value);
}
function get(op: usize, index: usize): u32 {
  return wide(op) ? load<u32>(IMAGE + (index << 2)) : <u32>load<u16>(IMAGE + (index << 1));
}

/** Selectors are deprecated and stored as 0 (8.1.8); the real-address formats keep linear addresses. */
function composeEnvironment(op: usize): void {
  const reserved: u32 = wide(op) ? 0xffff_0000 : 0;
  put(op, 0, control() | reserved);
  put(op, 1, status() | reserved);
  put(op, 2, fullTags() | reserved);
  const ip = load<u32>(X87_IP);
  const dp = load<u32>(X87_DP);
  const opcode: u32 = load<u16>(X87_OPCODE);
  if (!realFormat()) {
    put(op, 3, ip);
    put(op, 4, wide(op) ? opcode << 16 : 0);
    put(op, 5, dp);
    put(op, 6, reserved);
  } else if (wide(op)) {
    put(op, 3, (ip & 0xffff) | reserved);
    put(op, 4, ((ip >> 16) << 12) | opcode);
    put(op, 5, (dp & 0xffff) | reserved);
    put(op, 6, (dp >> 16) << 12);
  } else {
    put(op, 3, ip);
    put(op, 4, ((ip >> 4) & 0xf000) | opcode);
    put(op, 5, dp);
    put(op, 6, (dp >> 4) & 0xf000);
  }
}

function takeEnvironment(op: usize): void {
  store<u16>(X87_STATUS, <u16>get(op, 1));
  store<u8>(X87_TAGS, <u8>abridged(get(op, 2)));
  let ip: u32 = get(op, 3);
  let dp: u32 = get(op, 5);
  let opcode: u32 = 0;
  if (!realFormat()) opcode = wide(op) ? get(op, 4) >> 16 : 0;
  else {
    opcode = get(op, 4);
    ip = (ip & 0xffff) | (wide(op) ? (opcode >> 12) << 16 : (opcode & 0xf000) << 4);
    dp = (dp & 0xffff) | (wide(op) ? (get(op, 6) >> 12) << 16 : (get(op, 6) & 0xf000) << 4);
  }
  store<u64>(X87_IP, ip);
  store<u64>(X87_DP, dp);
  store<u16>(X87_OPCODE, <u16>(opcode & 0x7ff));
  loadControl(get(op, 0));
}

/** Where the area is; false with a fault pending. */
let area: u64 = 0;

function locate(op: usize, bytes: usize, write: bool): bool {
  area = linearAddress(opSegment(op), effectiveOffset(op), <u32>bytes, write);
  return faultPending == NONE && reachable(area, bytes, write);
}

/** Leaves all exceptions masked. */
export function fnstenv(op: usize): void {
  const bytes = environmentBytes(op);
  if (!available() || !locate(op, bytes, true)) return;
  composeEnvironment(op);
  if (writeImage(area, IMAGE, 0, bytes)) loadControl(load<u16>(X87_CONTROL) | FLOAT_EXCEPTIONS);
}

export function fldenv(op: usize): void {
  const bytes = environmentBytes(op);
  if (ready() && locate(op, bytes, false) && readImage(area, IMAGE, 0, bytes)) takeEnvironment(op);
}

/** Leaves the state as FNINIT does. */
export function fnsave(op: usize): void {
  const from = environmentBytes(op);
  const bytes = from + 8 * REGISTER_BYTES;
  if (!available() || !locate(op, bytes, true)) return;
  composeEnvironment(op);
  for (let i: u32 = 0; i < 8; i++) memory.copy(IMAGE + from + i * REGISTER_BYTES, slotOf(i), REGISTER_BYTES);
  if (writeImage(area, IMAGE, 0, bytes)) initialize();
}

export function frstor(op: usize): void {
  const from = environmentBytes(op);
  const bytes = from + 8 * REGISTER_BYTES;
  if (!ready() || !locate(op, bytes, false) || !readImage(area, IMAGE, 0, bytes)) return;
  takeEnvironment(op);
  for (let i: u32 = 0; i < 8; i++) memory.copy(slotOf(i), IMAGE + from + i * REGISTER_BYTES, REGISTER_BYTES);
}
