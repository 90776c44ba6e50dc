/**
 * Architectural faults are values: whoever finds one records it here and returns; every caller that touched memory or
 * ran a handler looks at {@link faultPending} and unwinds without having changed architectural state. The executor
 * then delivers it (or turns it into a VM exit).
 */

import { GENERAL_PROTECTION, STACK_FAULT } from '../spec/vectors';

/** No event. */
export const NONE: i32 = 0;
/** Deliver exception {@link faultVector} at the current instruction. */
export const EXCEPTION: i32 = 1;
/** A VM exit has been recorded in {@link exitReason} and {@link exitQualification}; perform it at the current instruction. */
export const EXIT: i32 = 2;
/**
 * Not a fault: the access must run in a block of its own (MMIO, a store into decoded code, a walk whose cost crosses
 * the deadline). The executor ends the block before this instruction and runs it alone, so that interrupts, stops and
 * changed code are seen at exactly the next instruction boundary however the run is sliced.
 */
export const ALONE: i32 = 3;
/** Not a fault: the processor waits for an interrupt before the current instruction. */
export const FROZEN: i32 = 4;

export let faultPending: i32 = NONE;
export let faultVector: u32 = 0;
/** Error code, or -1 for a vector that pushes none. */
export let faultErrorCode: i64 = -1;
/** Linear address of a page fault (becomes CR2 at delivery). */
export let faultAddress: u64 = 0;

export let exitReason: u32 = 0;
export let exitQualification: u64 = 0;
/** GUEST_PHYSICAL_ADDRESS and GUEST_LINEAR_ADDRESS of an EPT exit. */
export let exitGuestPhysical: u64 = 0;
export let exitGuestLinear: u64 = 0;

/** The fault is of a linear address that is not canonical. */
export let notCanonical: bool = false;

export function raise(vector: u32, errorCode: i64 = -1): void {
  notCanonical = false;
  faultPending = EXCEPTION;
  faultVector = vector;
  faultErrorCode = errorCode;
}

/** #GP(0), unless the reference turns out to be one to the stack (SDM Vol. 1, 3.3.7.1). */
export function raiseNotCanonical(): void {
  raise(GENERAL_PROTECTION, 0);
  notCanonical = true;
}

/** A reference through SS: #SS(0) where it would be #GP(0) elsewhere. */
export function wasStackReference(): void {
  if (faultPending == EXCEPTION && notCanonical) raise(STACK_FAULT, 0);
}

export function raisePageFault(address: u64, errorCode: i64): void {
  raise(14, errorCode);
  faultAddress = address;
}

export function raiseExit(reason: u32, qualification: u64 = 0): void {
  faultPending = EXIT;
  exitReason = reason;
  exitQualification = qualification;
}

export function raiseEptExit(reason: u32, qualification: u64, guestPhysical: u64, guestLinear: u64): void {
  raiseExit(reason, qualification);
  exitGuestPhysical = guestPhysical;
  exitGuestLinear = guestLinear;
}

export function runAlone(): void { faultPending = ALONE; }

export function freeze(): void { faultPending = FROZEN; }

export function clearFault(): void { faultPending = NONE; }

/** The executor runs one instruction in a block of its own: what {@link ALONE} asks for is done for real. */
export let runningAlone: bool = false;
export function setRunningAlone(alone: bool): void { runningAlone = alone; }
