/**
 * The run loop. What can happen at an instruction boundary happens in this order, however the host slices the run: stop,
 * budget, deadline, interrupts and what else is due, fetch of the next instruction, its execution.
 */
import { ACTIVITY, CYCLES, DEADLINE, EVENTS, INSTRUCTIONS, PREEMPTION_DEADLINE, RFLAGS, RIP } from '../spec/cpu-state';
import { FLAG_RF } from '../spec/control-bits';
import { SCRATCH_BLOCK } from '../spec/memory-map';
import { STOP_BUDGET, STOP_DEADLINE } from '../spec/stops';
import { ACTIVITY_HLT } from '../spec/vmx-controls';
import { BLOCK_COST } from './blocks';
import { execute } from './build/executor';
import { contextDirty, currentPhysical, refreshContext } from './context';
import { EXHAUSTED, grant, grantOne, nextDeadline, remaining, setInstructionLimit, setRemaining, instructionLimit, syncCounters } from './counters';
import { decodeAlone } from './decode-block';
import { attention, clearStop, deliverPending, refreshAttention, restoreNmiBlocking, singleStep, stopReason, takeInterrupt } from './events';
import { ALONE, clearFault, faultPending, FROZEN, NONE, setRunningAlone } from './fault';
import { getFlags } from './flags';
import { enter, enterPage, linearOf } from './transitions';

/** Executes up to `maxSteps` instructions and events (INSTRUCTIONS and EVENTS in the state tell which); returns the reason for stopping (spec/stops). */
export function run(maxSteps: f64): i32 {
  clearStop();
  refreshAttention();
  setInstructionLimit(load<u64>(INSTRUCTIONS) + <u64>maxSteps);
  const reason = runUntilStop();
  getFlags();
  return reason;
}

/** A step that completes no instruction: a handler may fault at once for ever. What stops the run ends it anyway. */
function countEvent(): void {
  store<u64>(EVENTS, load<u64>(EVENTS) + 1);
  setInstructionLimit(instructionLimit - 1);
}

function runUntilStop(): i32 {
  let alone = false;
  while (true) {
    if (faultPending == ALONE) {
      clearFault();
      restoreNmiBlocking();
      alone = true;
    } else if (faultPending == FROZEN) {
      clearFault();
      store<u32>(ACTIVITY, ACTIVITY_HLT);
      refreshAttention();
    } else if (faultPending != NONE) {
      deliverPending();
      if (stopReason < 0) countEvent();
    }
    if (stopReason >= 0) return stopReason;
    if (load<u64>(INSTRUCTIONS) >= instructionLimit) return STOP_BUDGET;
    if (load<u64>(CYCLES) >= load<u64>(DEADLINE)) return STOP_DEADLINE;
    if (attention || load<u64>(CYCLES) >= load<u64>(PREEMPTION_DEADLINE)) {
      if (takeInterrupt() || stopReason >= 0) {
        alone = false;
        if (stopReason < 0) countEvent();
        continue;
      }
      if (singleStep()) alone = true;
    }
    if (alone) runOne();
    alone = alone ? false : !runBlocks() && faultPending == NONE;
  }
}

/** False when not even the first block could be entered. */
function runBlocks(): bool {
  grant();
  const block = enter(load<u64>(RIP), 0);
  if (block == 0) return false;
  const left = remaining - load<u64>(block, BLOCK_COST);
  if (left & EXHAUSTED) return false;
  setRemaining(left);
  execute(block);
  syncCounters();
  return true;
}

/** The instruction at RIP in a block of its own; RF ends as it begins. */
export function runOne(): void {
  setRunningAlone(true);
  if (decodeOne()) {
    store<u64>(RFLAGS, load<u64>(RFLAGS) & ~<u64>FLAG_RF);
    grantOne();
    setRemaining(remaining - load<u64>(SCRATCH_BLOCK, BLOCK_COST));
    execute(SCRATCH_BLOCK);
    syncCounters();
  }
  setRunningAlone(false);
}

/** False with a fault pending, or where the walk for the fetch has reached the deadline. */
function decodeOne(): bool {
  if (contextDirty) refreshContext();
  const linear = linearOf(load<u64>(RIP));
  if (!enterPage(linear) || load<u64>(CYCLES) >= nextDeadline()) return false;
  return decodeAlone(linear, currentPhysical | (linear & 0xfff));
}
