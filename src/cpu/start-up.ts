/**
 * INIT and start-up messages (SDM Vol. 3, 9.4.4; in VMX operation 24.8, 26.2).
 */
import {
  ACTIVITY, CS, MSR_APIC_BASE, RIP, SIGNALS, SIGNAL_INIT, VMX_OFF, VMX_OPERATION, VMX_ROOT,
} from '../spec/cpu-state';
import { INIT_SIGNAL, STARTUP_IPI } from '../spec/exit-reasons';
import { ACTIVITY_ACTIVE, ACTIVITY_WAIT_FOR_SIPI } from '../spec/vmx-controls';
import { contextChanged } from './context';
import { initialise } from './reset';
import { writeSegment } from './segments';
import { clearExitDetails } from './vmx/exit-details';
import { performExit } from './vmx/exit';

const BOOTSTRAP: u64 = 1 << 8;

/** At an instruction boundary with SIGNALS. True when the processor is somewhere else now. */
export function takeSignal(): bool {
  const signals = load<u32>(SIGNALS);
  if (signals & SIGNAL_INIT) {
    // It waits while the processor is in VMX root operation (24.8).
    if (load<u32>(VMX_OPERATION) == VMX_ROOT) return false;
    store<u32>(SIGNALS, signals & ~SIGNAL_INIT);
    return takeInit();
  }
  store<u32>(SIGNALS, 0);
  // A start-up message is ignored unless the processor waits for it.
  return load<u32>(ACTIVITY) == ACTIVITY_WAIT_FOR_SIPI && takeStartUp(signals >> 8);
}

/** An application processor waits for a start-up message, the bootstrap processor starts as after reset. */
function takeInit(): bool {
  if (load<u32>(VMX_OPERATION) != VMX_OFF) {
    if (load<u32>(ACTIVITY) == ACTIVITY_WAIT_FOR_SIPI) return false;
    return exit(INIT_SIGNAL, 0);
  }
  initialise();
  if ((load<u64>(MSR_APIC_BASE) & BOOTSTRAP) == 0) store<u32>(ACTIVITY, ACTIVITY_WAIT_FOR_SIPI);
  return true;
}

function takeStartUp(vector: u32): bool {
  if (load<u32>(VMX_OPERATION) != VMX_OFF) return exit(STARTUP_IPI, vector);
  writeSegment(CS, vector << 8, vector << 12, 0xffff, 0x9b);
  store<u64>(RIP, 0);
  store<u32>(ACTIVITY, ACTIVITY_ACTIVE);
  contextChanged();
  return true;
}

function exit(reason: u32, qualification: u64): bool {
  clearExitDetails();
  performExit(reason, qualification);
  return true;
}
