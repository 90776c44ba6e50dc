/**
 * Breakpoints in the debug registers, and what a debug exception reports (SDM Vol. 3, chapter 18).
 */
import { CR4, DR, DR6, DR7, INSTRUCTIONS, PENDING_DEBUG, STEP_FROM } from '../spec/cpu-state';
import { CR4_DE, DR6_BS, DR7_GD } from '../spec/control-bits';
import { DEBUG } from '../spec/vectors';
import { addressMask } from './context';
import { raise } from './fault';

/** R/W fields of DR7 (18.2.4). */
const ON_EXECUTION: u32 = 0;
const ON_WRITE: u32 = 1;
const ON_PORT: u32 = 2;

/** Some enabled breakpoint is of this kind. */
export let executionWatched: bool = false;
export let dataWatched: bool = false;
export let portsWatched: bool = false;

/** Conditions of the debug exception raised last, as in DR6. */
export let debugConditions: u64 = 0;
export function raiseDebug(conditions: u64): void {
  debugConditions = conditions;
  raise(DEBUG);
}

/** At delivery: the conditions are added to DR6, where software clears them, and GD lets the handler at the registers. */
export function reportDebug(): void {
  store<u64>(DR6, (load<u64>(DR6) & ~0xf) | debugConditions);
  store<u64>(DR7, load<u64>(DR7) & ~<u64>DR7_GD);
}

@inline
function enabled(number: u64): bool { return ((load<u64>(DR7) >> (2 * number)) & 3) != 0; }
@inline
function kindOf(number: u64): u32 { return <u32>(load<u64>(DR7) >> (16 + 4 * number)) & 3; }
/** LEN field: 1, 2, 8, 4 bytes. */
@inline
function lengthOf(number: u64): u64 {
  const code = (load<u64>(DR7) >> (18 + 4 * number)) & 3;
  return code == 2 ? 8 : code + 1;
}

/** DR7 or CR4.DE has changed. */
export function breakpointsChanged(): void {
  executionWatched = false;
  dataWatched = false;
  portsWatched = false;
  for (let number: u64 = 0; number < 4; number++) {
    if (!enabled(number)) continue;
    const kind = kindOf(number);
    if (kind == ON_EXECUTION) executionWatched = true;
    else if (kind != ON_PORT) dataWatched = true;
    else if (load<u64>(CR4) & CR4_DE) portsWatched = true;
  }
}

/** The range of a breakpoint begins at a multiple of its length (18.2.5). */
function overlaps(number: u64, first: u64, size: u64): bool {
  const length = lengthOf(number);
  const at = load<u64>(DR + (<usize>number << 3)) & ~(length - 1) & addressMask;
  return first < at + length && at < first + size;
}

/** Breakpoints on an instruction that begins at a linear address: bits 3:0 of DR6. */
export function executionConditions(linear: u64): u64 {
  let met: u64 = 0;
  for (let number: u64 = 0; number < 4; number++) {
    const at = load<u64>(DR + (<usize>number << 3)) & addressMask;
    if (enabled(number) && kindOf(number) == ON_EXECUTION && at == linear) met |= <u64>1 << number;
  }
  return met;
}

/** Breakpoints that an access to data meets. */
export function dataConditions(va: u64, size: u32, write: bool): u64 {
  let met: u64 = 0;
  for (let number: u64 = 0; number < 4; number++) {
    const kind = kindOf(number);
    const watched = kind == 3 || (kind == ON_WRITE && write);
    if (enabled(number) && watched && overlaps(number, va, size)) met |= <u64>1 << number;
  }
  return met;
}

/** Breakpoints that an access to ports meets (CR4.DE). */
export function portConditions(port: u32, size: u32): u64 {
  let met: u64 = 0;
  for (let number: u64 = 0; number < 4; number++) {
    if (enabled(number) && kindOf(number) == ON_PORT && overlaps(number, port, size)) met |= <u64>1 << number;
  }
  return met;
}

/** A trap after the instruction in progress. */
export function deferDebug(conditions: u64): void { store<u64>(PENDING_DEBUG, load<u64>(PENDING_DEBUG) | conditions); }

/** A trap by single step is due after so many instructions more. */
export function armStep(after: u64): void { store<u64>(STEP_FROM, load<u64>(INSTRUCTIONS) + after); }
/** Instructions to go to the single-step trap; all ones: none is due. */
export function stepDistance(): u64 {
  if (!stepArmed()) return u64.MAX_VALUE;
  const from = load<u64>(STEP_FROM);
  return from > load<u64>(INSTRUCTIONS) ? from - load<u64>(INSTRUCTIONS) : 0;
}
export function setStepDistance(distance: u64): void {
  if (distance == u64.MAX_VALUE) store<u64>(STEP_FROM, 0);
  else armStep(distance);
}
@inline export function stepArmed(): bool { return load<u64>(STEP_FROM) != 0; }
@inline export function stepDue(): bool { return stepArmed() && load<u64>(INSTRUCTIONS) >= load<u64>(STEP_FROM); }

/** In the format of the guest-state area (25.4.2, table 25-4): bit 12 tells that a breakpoint was met. */
const ENABLED_BREAKPOINT: u64 = 1 << 12;
const BREAKPOINTS: u64 = 0xf;

export function pendingTraps(): u64 {
  const conditions = load<u64>(PENDING_DEBUG) | (stepDue() ? <u64>DR6_BS : 0);
  return conditions & BREAKPOINTS ? conditions | ENABLED_BREAKPOINT : conditions;
}

export function loadPendingTraps(pending: u64): void {
  store<u64>(PENDING_DEBUG, pending & (BREAKPOINTS | DR6_BS));
  store<u64>(STEP_FROM, 0);
}

/** An event has been delivered, or the guest left: what was pending is not taken in the new context. */
export function discardTraps(): void {
  store<u64>(PENDING_DEBUG, 0);
  store<u64>(STEP_FROM, 0);
}
