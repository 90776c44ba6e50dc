/**
 * The stack of an inner ring, as the TSS names it (SDM Vol. 3, 5.8.5, 6.12.1, 7.7).
 */
import { SEGMENT_LIMIT, SS, TR } from '../spec/cpu-state';
import { INVALID_TSS, STACK_FAULT } from '../spec/vectors';
import { faultPending, NONE, raise } from './fault';
import { canonical, readSystem } from './memory';
import { segment } from './mode';
import {
  checkStackSegment, descriptorBase, descriptorLimit, descriptorRights, segmentBase, segmentRights, segmentSelector,
  SELECTOR_INDEX, writeSegment,
} from './segments';
import { beginStackAt } from './stack';

/** Type bit of a TSS: 32-bit. */
const TSS_32: u32 = 8;

let selector: u32 = 0;
let pointer: u64 = 0;
let base: u64 = 0;
let limit: u32 = 0;
let rights: u32 = 0;

function invalidTss(external: u32): bool {
  raise(INVALID_TSS, (segmentSelector(TR) & SELECTOR_INDEX) | external);
  return false;
}

/** SS:ESP for a ring, checked; {@link beginInnerStack} begins to push there. False with a fault pending. */
export function findInnerStack(cpl: u32, external: u32): bool {
  const wide = (segmentRights(TR) & TSS_32) != 0;
  const at: u32 = wide ? 4 + 8 * cpl : 2 + 4 * cpl;
  if (at + (wide ? 5 : 3) > load<u32>(segment(TR), SEGMENT_LIMIT)) return invalidTss(external);
  pointer = readSystem(segmentBase(TR) + at, wide ? 4 : 2);
  if (faultPending != NONE) return false;
  selector = <u32>readSystem(segmentBase(TR) + at + (wide ? 4 : 2), 2);
  if (faultPending != NONE) return false;
  if ((selector & SELECTOR_INDEX) == 0) {
    raise(INVALID_TSS, external);
    return false;
  }
  if (!checkStackSegment(selector, cpl, INVALID_TSS, external)) return false;
  base = descriptorBase();
  limit = descriptorLimit();
  rights = descriptorRights();
  return true;
}

export function beginInnerStack(cpl: u32, external: u32): void {
  beginStackAt(pointer, base, limit, rights, cpl, (selector & SELECTOR_INDEX) | external);
}

/** After the last push. */
export function installInnerStack(): void { writeSegment(SS, selector, base, limit, rights); }

/** RSPn or ISTn in the 64-bit TSS; a fault is left pending. */
export function readTssPointer64(offset: u32, external: u32): u64 {
  if (offset + 7 > load<u32>(segment(TR), SEGMENT_LIMIT)) {
    invalidTss(external);
    return 0;
  }
  const rsp = readSystem(segmentBase(TR) + offset, 8);
  if (faultPending == NONE && !canonical(rsp)) raise(STACK_FAULT, external);
  return rsp;
}

/** Offsets of RSPn and ISTn. */
@inline export function ringPointer(cpl: u32): u32 { return 4 + 8 * cpl; }
@inline export function interruptPointer(ist: u32): u32 { return 28 + 8 * ist; }
