/**
 * Whose translations the TLB holds (SDM Vol. 3, 29.4). It keeps those of one guest at a time: they survive an exit only
 * where the guest has a VPID and root operation runs outside simulated memory, so that nothing else is looked up between.
 */
import { MONITOR } from '../../spec/cpu-state';
import * as field from '../../spec/vmcs-fields';
import { SECONDARY_ENABLE_VPID } from '../../spec/vmx-controls';
import { flushTlb } from '../tlb';
import { eptPointer } from '../ept';
import { secondaryControls } from './controls';
import { readField32 } from './vmcs';

/** VPID and EPT pointer of the translations kept; VPID 0: none. */
let keptVpid: u32 = 0;
let keptEptPointer: u64 = 0;

/** VM entry, controls loaded. */
export function enterGuestTlb(): void {
  const vpid = secondaryControls & SECONDARY_ENABLE_VPID ? readField32(field.VPID) & 0xffff : 0;
  if (vpid == 0 || vpid != keptVpid || eptPointer != keptEptPointer) flushTlb();
  keptVpid = vpid;
  keptEptPointer = eptPointer;
}

/** VM exit. */
export function leaveGuestTlb(): void {
  if (keptVpid == 0 || load<u32>(MONITOR) == 0) flushGuestTlb();
}

/** INVEPT, INVVPID, and whatever else ends the validity of kept translations. */
export function flushGuestTlb(): void {
  keptVpid = 0;
  flushTlb();
}
