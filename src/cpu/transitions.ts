/**
 * The slow side of the executor: from block to block, out of a block at a fault, and the calls that must find the state
 * exact.
 */
import { CYCLES, FS, GPR, GS, INSTRUCTIONS, RIP } from '../spec/cpu-state';
import { HANDLERS } from '../spec/memory-map';
import { attention } from './events';
import { BLOCK_END, blockEpoch, BLOCK_HEADER, findBlock } from './blocks';
import {
  clearJumped, codeBase, contextDirty, currentPage, currentPhysical, jumped, modeKey, refreshContext, ripMask, setCurrentPage,
} from './context';
import { exhausted, giveBack, grant, nextDeadline, syncCounters } from './counters';
import { decodeBlock } from './decode-block';
import { opCycles } from './decoder';
import { faultPending, NONE, notCanonical, runningAlone, wasStackReference } from './fault';
import { fetchPage, modifyMiss, readMiss, writeMiss } from './memory';
import { OP_BYTES, opBase, opLength, opRow, opSegment } from './op';
import { NO_ADDRESS } from './physical';

@inline
export function linearOf(rip: u64): u64 { return (codeBase + rip) & ripMask; }

/** Makes `linear`'s page the current one; false with a fault pending. The walk is the fetch's only cost. */
export function enterPage(linear: u64): bool {
  const page = linear & ~0xfff;
  if (page == currentPage) return true;
  const pa = fetchPage(linear);
  if (pa == NO_ADDRESS) return false;
  setCurrentPage(page, pa & ~0xfff);
  return true;
}

/**
 * The block at `rip`, linked from `link` when both lie on one page. 0, with RIP set, when the run has to look up first:
 * budget or deadline reached, a fault, or an instruction that no block can begin with.
 */
export function enter(rip: u64, link: usize): usize {
  if (exhausted()) {
    store<u64>(RIP, rip);
    return 0;
  }
  if (contextDirty) refreshContext();
  const linear = linearOf(rip);
  const samePage = (linear & ~0xfff) == currentPage;
  if (!samePage && !enterOtherPage(rip, linear)) return 0;
  const pa = currentPhysical | (linear & 0xfff);
  const epoch = blockEpoch;
  const known = findBlock(rip, pa, modeKey);
  const block = known != 0 ? known : decodeBlock(rip, pa);
  if (block == 0) store<u64>(RIP, rip);
  else if (samePage && link != 0 && blockEpoch == epoch) store<u32>(link, <u32>block);
  return block;
}

function enterOtherPage(rip: u64, linear: u64): bool {
  store<u64>(RIP, rip);
  syncCounters();
  const before = load<u64>(CYCLES);
  if (!enterPage(linear)) return false;
  if (load<u64>(CYCLES) == before) return true;
  grant();
  return load<u64>(CYCLES) < nextDeadline();
}

/** The budget does not reach to the end of the block: RIP is at its beginning. */
export function leaveAt(block: usize): void { store<u64>(RIP, load<u64>(block)); }

/** Leaves before `op`: what was charged for it and what follows is taken back, RIP is at it. */
export function abandon(block: usize, op: usize): void {
  const end: usize = load<u32>(block, BLOCK_END);
  let cost: u64 = 0;
  for (let rest = op; rest < end; rest += OP_BYTES) cost += costOf(rest);
  giveBack(cost);
  syncCounters();
  locate(block, op);
  if (faultPending != NONE && notCanonical) blameSegment(op);
}

/** In 64-bit mode RSP and RBP as bases mean SS, unless FS or GS is named (SDM Vol. 1, 3.7.5). */
function blameSegment(op: usize): void {
  const base = opBase(op);
  const other = opSegment(op) == FS || opSegment(op) == GS;
  if (!other && (base == GPR + 4 * 8 || base == GPR + 5 * 8)) wasStackReference();
}

@inline
function costOf(op: usize): u64 { return ((<u64>opCycles(op)) << 32) | 1; }

function locate(block: usize, op: usize): void {
  let rip = load<u64>(block);
  for (let before = block + BLOCK_HEADER; before < op; before += OP_BYTES) rip += opLength(before);
  store<u64>(RIP, rip & ripMask);
}

export let systemTarget: u64 = 0;

/** Runs a system instruction, the last of its block. False: RIP is set and the run has to look up. */
export function runSystem(block: usize, op: usize): bool {
  abandon(block, op);
  clearJumped();
  call_indirect(load<u32>(HANDLERS + (<usize>opRow(op) << 2)), op);
  if (faultPending != NONE) {
    if (notCanonical) blameSegment(op);
    return false;
  }
  if (!jumped) store<u64>(RIP, (load<u64>(RIP) + opLength(op)) & ripMask);
  store<u64>(INSTRUCTIONS, load<u64>(INSTRUCTIONS) + 1);
  store<u64>(CYCLES, load<u64>(CYCLES) + opCycles(op));
  if (attention || runningAlone) return false;
  grant();
  systemTarget = load<u64>(RIP);
  return true;
}

export function slowRead(va: u64, size: u32): usize {
  syncCounters();
  const host = readMiss(va, size);
  grant();
  return host;
}

/** As {@link slowRead} and {@link slowWrite}, for PUSH, POP, CALL and RET. */
export function slowPop(va: u64): usize {
  const host = slowRead(va, 8);
  wasStackReference();
  return host;
}

export function slowPush(va: u64): usize {
  const host = slowWrite(va, 8);
  wasStackReference();
  return host;
}

export function slowWrite(va: u64, size: u32): usize {
  syncCounters();
  const host = writeMiss(va, size);
  grant();
  return host;
}

export function slowModify(va: u64, size: u32): usize {
  syncCounters();
  const host = modifyMiss(va, size);
  grant();
  return host;
}
