/**
 * Several processors take turns in the state window: what the module keeps outside the window is put away and taken out
 * again. INSTRUCTIONS goes on with whoever runs.
 */
import { MONITOR_TRAP_DISTANCE, RFLAGS, STEP_DISTANCE, VMX_NON_ROOT, VMX_OPERATION } from '../spec/cpu-state';
import { setStepDistance, stepDistance } from './debug';
import { clearStop, shadowLoaded, settleShadow } from './events';
import { clearFault } from './fault';
import { setFlags } from './flags';
import { modeChanged } from './mode';
import { switchProcessor } from './tlb-contexts';
import { armMonitorTrap, dropControls, loadControls, monitorTrapDistance, NEVER } from './vmx/controls';
import { reenterGuestTlb } from './vmx/tagging';
import { vmcsChanged } from './vmx/vmcs';

/** The processor in the window is about to be saved; `run` has returned. */
export function leaveProcessor(): void {
  settleShadow();
  store<u64>(STEP_DISTANCE, stepDistance());
  store<u64>(MONITOR_TRAP_DISTANCE, monitorTrapDistance());
}

/** Another processor's state has been put into the window. Its translations are still cached. */
export function enterProcessor(number: u32): void {
  setFlags(load<u64>(RFLAGS));
  clearFault();
  clearStop();
  vmcsChanged();
  switchProcessor(number);
  if (load<u32>(VMX_OPERATION) == VMX_NON_ROOT) {
    loadControls();
    if (load<u64>(MONITOR_TRAP_DISTANCE) != NEVER) armMonitorTrap(load<u64>(MONITOR_TRAP_DISTANCE));
  } else dropControls();
  reenterGuestTlb();
  modeChanged();
  setStepDistance(load<u64>(STEP_DISTANCE));
  shadowLoaded();
}
