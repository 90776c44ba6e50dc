/**
 * Far CALL and JMP through call gates (SDM Vol. 3, 5.8.3–5.8.6): of 16 and 32 bits, and of 64 bits in IA-32e mode.
 */
import { CS, SS } from '../../spec/cpu-state';
import { GENERAL_PROTECTION, SEGMENT_NOT_PRESENT } from '../../spec/vectors';
import { jumpTo } from '../context';
import { faultPending, NONE } from '../fault';
import { beginInnerStack, findInnerStack, installInnerStack, readTssPointer64, ringPointer } from '../inner-stack';
import { canonical, readWith, stackAccess } from '../memory';
import {
  currentLevel, inLongMode, RIGHTS_BIG, RIGHTS_CODE, RIGHTS_CODE_OR_DATA, RIGHTS_CONFORMING, RIGHTS_LONG, RIGHTS_PRESENT, setLevel,
} from '../mode';
import { linearAddress } from '../operands';
import {
  descriptor, descriptorBase, descriptorLimit, descriptorRights, descriptorUpper, installNullStack, markAccessed, privilegeOf,
  readDescriptor, segmentSelector, SELECTOR_INDEX, selectorFault, writeSegment,
} from '../segments';
import { beginLongStackAt, beginStack, commitStack, push, roomOnStack, RSP_SLOT, stackMask } from '../stack';
import { protectionFault } from './common';

const TYPE_32: u32 = 8;

let gateSelector: u32 = 0;
let gateOffset: u64 = 0;
/** Bytes of a pushed item. */
let gateSize: u32 = 0;
/** Parameters copied to an inner stack. */
let gateParameters: u32 = 0;

let codeBase: u64 = 0;
let codeLimit: u32 = 0;
let codeRights: u32 = 0;

/** The gate is the descriptor read last, present and open to the caller; in IA-32e mode its upper half was read too. */
export function callGate(call: bool, returnRip: u64): void {
  const low = descriptor;
  const wide = (descriptorRights() & TYPE_32) != 0;
  gateSelector = <u32>(low >> 16) & 0xffff;
  gateSize = inLongMode() ? 8 : wide ? 4 : 2;
  gateParameters = inLongMode() ? 0 : <u32>(low >> 32) & 31;
  gateOffset = (low & 0xffff) | (wide ? (low >> 32) & 0xffff_0000 : 0) | (descriptorUpper << 32);
  if (!checkCode(call)) return;
  const conforming = (codeRights & RIGHTS_CONFORMING) != 0;
  const cpl = conforming ? currentLevel() : privilegeOf(codeRights);
  if (call && cpl < currentLevel()) callInward(cpl, returnRip);
  else if (call) callAlong(returnRip);
  else enterCode(cpl);
}

/** The code segment that the gate names: of this ring or, for CALL, an inner one. */
function checkCode(call: bool): bool {
  if ((gateSelector & SELECTOR_INDEX) == 0) {
    protectionFault();
    return false;
  }
  if (!readDescriptor(gateSelector, GENERAL_PROTECTION, 0)) return false;
  codeRights = descriptorRights();
  const code: u32 = RIGHTS_CODE_OR_DATA | RIGHTS_CODE;
  const sizeFits = !inLongMode() || (codeRights & (RIGHTS_LONG | RIGHTS_BIG)) == RIGHTS_LONG;
  const conforming = (codeRights & RIGHTS_CONFORMING) != 0;
  const level = privilegeOf(codeRights);
  const fits = call || conforming ? level <= currentLevel() : level == currentLevel();
  if ((codeRights & code) != code || !sizeFits || !fits) return selectorFault(GENERAL_PROTECTION, gateSelector);
  if ((codeRights & RIGHTS_PRESENT) == 0) return selectorFault(SEGMENT_NOT_PRESENT, gateSelector);
  codeBase = descriptorBase();
  codeLimit = descriptorLimit();
  return markAccessed();
}

function targetAllowed(): bool {
  if (inLongMode() ? canonical(gateOffset) : gateOffset <= codeLimit) return true;
  protectionFault();
  return false;
}

function enterCode(cpl: u32): void {
  if (!targetAllowed()) return;
  writeSegment(CS, (gateSelector & SELECTOR_INDEX) | cpl, codeBase, codeLimit, codeRights);
  setLevel(cpl);
  jumpTo(gateOffset);
}

function pushReturn(returnRip: u64): void {
  push(gateSize, segmentSelector(CS));
  push(gateSize, returnRip);
}

function callAlong(returnRip: u64): void {
  if (inLongMode()) beginLongStackAt(load<u64>(RSP_SLOT), currentLevel(), 0);
  else beginStack();
  if (!roomOnStack(2, gateSize) || !targetAllowed()) return;
  pushReturn(returnRip);
  if (faultPending != NONE) return;
  commitStack();
  enterCode(currentLevel());
}

const PARAMETERS: usize = memory.data(32 * 4, 4);

/** The caller's parameters, copied before the stacks are switched. */
function readParameters(): bool {
  const rsp = load<u64>(RSP_SLOT);
  for (let i: u32 = 0; i < gateParameters; i++) {
    const va = linearAddress(SS, (rsp + i * gateSize) & stackMask(), gateSize, false);
    if (faultPending != NONE) return false;
    store<u32>(PARAMETERS + (i << 2), <u32>readWith(va, gateSize, stackAccess(currentLevel())));
    if (faultPending != NONE) return false;
  }
  return true;
}

function callInward(cpl: u32, returnRip: u64): void {
  if (inLongMode()) {
    const rsp = readTssPointer64(ringPointer(cpl), 0);
    if (faultPending != NONE) return;
    beginLongStackAt(rsp, cpl, 0);
  } else {
    if (!findInnerStack(cpl, 0) || !readParameters()) return;
    beginInnerStack(cpl, 0);
  }
  if (!roomOnStack(4 + gateParameters, gateSize) || !targetAllowed()) return;
  push(gateSize, segmentSelector(SS));
  push(gateSize, load<u64>(RSP_SLOT));
  for (let i = <i32>gateParameters - 1; i >= 0; i--) push(gateSize, load<u32>(PARAMETERS + (i << 2)));
  pushReturn(returnRip);
  if (faultPending != NONE) return;
  if (inLongMode()) installNullStack(cpl, cpl);
  else installInnerStack();
  commitStack();
  enterCode(cpl);
}
