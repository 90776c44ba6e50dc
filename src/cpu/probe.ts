/**
 * AssemblyScript entry of the processor for tests of its system half: everything that `cpu/index` exports, and internals
 * that tests drive one at a time.
 */
export * from './index';
export { resetState, stateReplaced } from './reset';
export { translate } from './paging';
export {
  flushTlbPage, flushTlbNonGlobal, flushPcid, flushPcidPage, selectContext, switchProcessor, switchVpid,
} from './tlb-contexts';
export {
  fetchPage, readMemory, writeMemory, readMiss, writeMiss, modifyMiss, commitWrite,
} from './memory';
export {
  faultPending, faultVector, faultErrorCode, faultAddress, exitReason, exitQualification, exitGuestPhysical,
  raisePageFault, clearFault, setRunningAlone,
} from './fault';
export { attention, stopReason, takeInterrupt, deliverPending, deliverSoftwareEvent, clearStop } from './events';
export { setLevel, modeChanged } from './mode';
export { readEncoded, fieldExists, fieldReadOnly } from './vmx/vmcs';
export { iret } from './system/interrupts';
export { syscall, sysret } from './system/fast-calls';
export { sti } from './system/interrupt-flag';
export { hlt } from './system/processor';

import { raise as raiseException } from './fault';

/** The export of a function with an optional parameter would need the count of arguments. */
export function raise(vector: u32, errorCode: i64): void { raiseException(vector, errorCode); }
