/**
 * Whose translations are used before and after VM entries and exits (SDM Vol. 3, 29.4): the guest's own where it has a
 * VPID; without one, entries and exits drop those of VPID 0000H.
 */
import { VMX_NON_ROOT, VMX_OPERATION } from '../../spec/cpu-state';
import * as field from '../../spec/vmcs-fields';
import { SECONDARY_ENABLE_VPID } from '../../spec/vmx-controls';
import { flushVpid, switchVpid } from '../tlb-contexts';
import { eptPointer } from '../ept';
import { secondaryControls } from './controls';
import { readField32 } from './vmcs';

function guestVpid(): u32 {
  return secondaryControls & SECONDARY_ENABLE_VPID ? readField32(field.VPID) & 0xffff : 0;
}

/** VM entry: guest state and controls are loaded. */
export function enterGuestTlb(): void {
  const vpid = guestVpid();
  if (vpid == 0) flushVpid(0);
  switchVpid(vpid, eptPointer);
}

/** The state of a processor, in whatever operation, has been put into the window. */
export function reenterGuestTlb(): void {
  if (load<u32>(VMX_OPERATION) == VMX_NON_ROOT) switchVpid(guestVpid(), eptPointer);
  else switchVpid(0, 0);
}

/** VM exit: host state is loaded. */
export function leaveGuestTlb(): void {
  if (guestVpid() == 0) flushVpid(0);
  switchVpid(0, 0);
}
