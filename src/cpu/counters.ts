/**
 * What may still be executed before `run` must look up: instructions in the low half of {@link remaining}, cycles in the
 * high half, each below 2^31. A block's cost is charged as a whole when it is entered; CYCLES and INSTRUCTIONS in the
 * state are exact after {@link syncCounters}.
 */
import { CYCLES, DEADLINE, INSTRUCTIONS, PREEMPTION_DEADLINE } from '../spec/cpu-state';
import { runningAlone } from './fault';

const MOST: u64 = 0x7fff_ffff;
/** Set in a difference when either half has gone below zero. */
export const EXHAUSTED: u64 = 0x8000_0000_8000_0000;

export let remaining: u64 = 0;
let granted: u64 = 0;
/** INSTRUCTIONS at which the budget of this `run` is used up. */
export let instructionLimit: u64 = 0;
export function setInstructionLimit(limit: u64): void { instructionLimit = limit; }

@inline export function setRemaining(left: u64): void { remaining = left; }

export function syncCounters(): void {
  const instructions = <i64><i32>(<u32>granted - <u32>remaining);
  const cycles = <i64><i32>(<u32>(granted >> 32) - <u32>(remaining >> 32));
  store<u64>(INSTRUCTIONS, load<u64>(INSTRUCTIONS) + instructions);
  store<u64>(CYCLES, load<u64>(CYCLES) + cycles);
  granted = remaining;
}

/** CYCLES at which the run looks up: the board's deadline or the VMX-preemption timer's. */
@inline
export function nextDeadline(): u64 { return min<u64>(load<u64>(DEADLINE), load<u64>(PREEMPTION_DEADLINE)); }

/** After {@link syncCounters}: grants what the budget and the deadline allow, or the one instruction that runs alone. */
export function grant(): void {
  const cycles = load<u64>(CYCLES);
  const deadline = nextDeadline();
  if (runningAlone) remaining = MOST << 32;
  else {
    const left = instructionLimit > load<u64>(INSTRUCTIONS) ? instructionLimit - load<u64>(INSTRUCTIONS) : 0;
    remaining = (min<u64>(deadline > cycles ? deadline - cycles : 0, MOST) << 32) | min<u64>(left, MOST);
  }
  granted = remaining;
}

export function grantOne(): void {
  remaining = (MOST << 32) | 1;
  granted = remaining;
}

/** Takes back what was charged for instructions that were not executed. */
@inline
export function giveBack(cost: u64): void { remaining += cost; }

/** The budget or the deadline has been reached. */
@inline
export function exhausted(): bool { return <u32>remaining == 0 || <u32>(remaining >> 32) == 0; }

/** Cycles left to the deadline once the block in progress is done. */
@inline
export function cyclesLeft(): u64 { return remaining >> 32; }

/** Cycles beyond the block's cost, charged at once: a page walk in mid-block. */
export function chargeCycles(cycles: u64): void {
  store<u64>(CYCLES, load<u64>(CYCLES) + cycles);
  const taken = min<u64>(cycles, remaining >> 32) << 32;
  remaining -= taken;
  granted -= taken;
}

/** Takes back what {@link chargeCycles} charged for a walk that will be made again. */
export function refundCycles(cycles: u64): void {
  store<u64>(CYCLES, load<u64>(CYCLES) - cycles);
  remaining += cycles << 32;
  granted += cycles << 32;
}
