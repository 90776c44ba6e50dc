/**
 * MOVS, CMPS, STOS, LODS, SCAS (SDM Vol. 1, 7.3.9). Repeated, they run in pieces that end where RSI or RDI comes to a new
 * page: there is an instruction boundary between pieces, and each piece counts as an instruction. A fault leaves the
 * registers at the element that faulted. With TF or data breakpoints a piece is one element (18.3.1.4), and one that is
 * stored into the instruction's own page ends a piece too: what comes next is fetched anew (12.6). Repetition costs one
 * cycle for 8 bytes.
 */
import { CYCLES, ES, GPR, RFLAGS } from '../../spec/cpu-state';
import { FLAG_DF, FLAG_TF } from '../../spec/control-bits';
import { currentPhysical, repeatLater } from '../context';
import { dataWatched } from '../debug';
import { clearFault, faultPending, NONE } from '../fault';
import { setSub, zero } from '../flags';
import { opAddressSize, opPrefixes, opSegment, opSize, PREFIX_REP, PREFIX_REPNE } from '../op';
import { linearAddress, readAt, readRegister, signExtend, sizeMask, writeAt, writeRegister } from '../operands';
import { hostOfPhysical } from '../physical';
import { lookUp, tlbReadBase, tlbWriteBase } from '../tlb';

const RAX: usize = GPR;
const RCX: usize = GPR + 8;
const RSI: usize = GPR + 48;
const RDI: usize = GPR + 56;

const MOVS: u32 = 0;
const CMPS: u32 = 1;
const STOS: u32 = 2;
const LODS: u32 = 3;
const SCAS: u32 = 4;

export function movs(op: usize): void { repeat(op, MOVS); }
export function cmps(op: usize): void { repeat(op, CMPS); }
export function stos(op: usize): void { repeat(op, STOS); }
export function lods(op: usize): void { repeat(op, LODS); }
export function scas(op: usize): void { repeat(op, SCAS); }

@inline function usesSource(which: u32): bool { return which == MOVS || which == CMPS || which == LODS; }
@inline function usesDestination(which: u32): bool { return which != LODS; }

@inline
function index(slot: usize, op: usize): u64 { return load<u64>(slot) & sizeMask(opAddressSize(op)); }

@inline
function step(op: usize): u64 { return load<u64>(RFLAGS) & FLAG_DF ? -<u64>opSize(op) : opSize(op); }

function advance(op: usize, which: u32, by: u64): void {
  if (usesSource(which)) writeRegister(RSI, opAddressSize(op), load<u64>(RSI) + by);
  if (usesDestination(which)) writeRegister(RDI, opAddressSize(op), load<u64>(RDI) + by);
}

/** One element; the index registers stay. */
function element(op: usize, which: u32): void {
  const size = opSize(op);
  switch (which) {
    case MOVS: {
      const value = readAt(opSegment(op), index(RSI, op), size);
      if (faultPending == NONE) writeAt(ES, index(RDI, op), size, value);
      break;
    }
    case STOS:
      writeAt(ES, index(RDI, op), size, load<u64>(RAX));
      break;
    case LODS: {
      const value = readAt(opSegment(op), index(RSI, op), size);
      if (faultPending == NONE) writeRegister(RAX, size, value);
      break;
    }
    case CMPS: {
      const a = signExtend(readAt(opSegment(op), index(RSI, op), size), size);
      if (faultPending != NONE) return;
      const b = signExtend(readAt(ES, index(RDI, op), size), size);
      if (faultPending == NONE) setSub(a, b, signExtend(a - b, size));
      break;
    }
    default: {
      const b = signExtend(readAt(ES, index(RDI, op), size), size);
      if (faultPending != NONE) return;
      const a = signExtend(readRegister(RAX, size), size);
      setSub(a, b, signExtend(a - b, size));
    }
  }
}

/** A comparison ends the repetition when ZF is not as the prefix says. */
function comparisonEnds(op: usize, which: u32, equal: bool): bool {
  if (which != CMPS && which != SCAS) return false;
  return equal != ((opPrefixes(op) & PREFIX_REP) != 0);
}

function repeat(op: usize, which: u32): void {
  if ((opPrefixes(op) & (PREFIX_REP | PREFIX_REPNE)) == 0) {
    element(op, which);
    if (faultPending == NONE) advance(op, which, step(op));
    return;
  }
  const first = index(RCX, op);
  if (first == 0) return;
  const more = piece(op, which, step(op));
  charge(first, index(RCX, op), opSize(op));
  if (more && faultPending == NONE) repeatLater();
}

/** Additive over pieces and restarts: one cycle wherever the bytes left come to a multiple of 8. */
function charge(first: u64, left: u64, size: u32): void {
  const perCycle: u64 = 8 / size;
  store<u64>(CYCLES, load<u64>(CYCLES) + first / perCycle - left / perCycle);
}

/** True when there is more to do after this piece. */
function piece(op: usize, which: u32, by: u64): bool {
  const single = (load<u64>(RFLAGS) & FLAG_TF) != 0 || dataWatched;
  // Again after the first element, which has brought its pages into the TLB.
  let runs = !single && <i64>by > 0 && (which == MOVS || which == STOS) ? 2 : 0;
  let page: usize = 0;
  while (faultPending == NONE) {
    if (runs-- > 0) wholeRun(op, which);
    const left = index(RCX, op);
    if (left == 0) return false;
    element(op, which);
    if (faultPending != NONE) return true;
    const source = index(RSI, op);
    const destination = index(RDI, op);
    advance(op, which, by);
    writeRegister(RCX, opAddressSize(op), left - 1);
    if (comparisonEnds(op, which, zero())) return false;
    if (left == 1) return false;
    if (page == 0 && (which == MOVS || which == STOS)) page = storedAt(destination);
    if (single || onOwnPage(page)) return true;
    if (usesSource(which) && ((source ^ index(RSI, op)) & ~0xfff) != 0) return true;
    if (usesDestination(which) && ((destination ^ index(RDI, op)) & ~0xfff) != 0) return true;
  }
  return true;
}

/** The elements up to one before the end of either page at once, where both are RAM. */
function wholeRun(op: usize, which: u32): void {
  const size: u64 = opSize(op);
  let room = index(RCX, op) - 1;
  const destination = index(RDI, op);
  room = min<u64>(room, roomOnPage(destination, size));
  if (which == MOVS) room = min<u64>(room, roomOnPage(index(RSI, op), size));
  const bytes = room * size;
  if (bytes < 16) return;
  const to = runAddress(ES, destination, <u32>bytes, true);
  if (to == 0) return;
  if (which == STOS) fill(to, bytes, <u32>size);
  else {
    const from = runAddress(opSegment(op), index(RSI, op), <u32>bytes, false);
    if (from == 0 || (from < to && from + <usize>bytes > to)) return;
    memory.copy(to, from, <usize>bytes);
  }
  advance(op, which, bytes);
  writeRegister(RCX, opAddressSize(op), index(RCX, op) - room);
}

@inline
function roomOnPage(offset: u64, size: u64): u64 { return (0xfff - (offset & 0xfff)) / size; }

/** Address of bytes that the TLB knows, 0 otherwise or with a limited segment: the elements then go one by one. */
function runAddress(segment: u32, offset: u64, bytes: u32, write: bool): usize {
  const va = linearAddress(segment, offset, bytes, write);
  if (faultPending != NONE) {
    clearFault();
    return 0;
  }
  const host = lookUp(write ? tlbWriteBase : tlbReadBase, va, bytes);
  return write && onOwnPage(host) ? 0 : host;
}

@inline
function onOwnPage(host: usize): bool { return host != 0 && (host & ~0xfff) == hostOfPhysical(currentPhysical); }

/** Address of a byte just stored, 0 where the TLB does not know its page. */
function storedAt(destination: u64): usize {
  return lookUp(tlbWriteBase, linearAddress(ES, destination, 1, true), 1);
}

function fill(to: usize, bytes: u64, size: u32): void {
  const value = load<u64>(RAX);
  if (size == 1) {
    memory.fill(to, <u8>value, <usize>bytes);
    return;
  }
  const end = to + <usize>bytes;
  for (let at = to; at < end; at += size) {
    if (size == 8) store<u64>(at, value);
    else if (size == 4) store<u32>(at, <u32>value);
    else store<u16>(at, <u16>value);
  }
}
