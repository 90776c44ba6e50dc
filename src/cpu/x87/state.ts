/**
 * The x87's state: when its instructions may be executed, pending exceptions, and what FNINIT sets (SDM Vol. 1, 8.1, 8.7).
 */
import { CR0, FERR, FLOAT_ERROR, IGNNE, X87_CONTROL, X87_DP, X87_IP, X87_OPCODE, X87_REGISTERS, X87_STATUS, X87_TAGS } from '../../spec/cpu-state';
import { CR0_EM, CR0_MP, CR0_NE, CR0_TS } from '../../spec/control-bits';
import {
  CONTROL_DEFAULT, FLOAT_EXCEPTIONS, STATUS_BUSY, STATUS_SUMMARY, STATUS_TOP, STATUS_TOP_SHIFT,
} from '../../spec/float-bits';
import { DEVICE_NOT_AVAILABLE, X87_ERROR } from '../../spec/vectors';
import { floatError } from '../board';
import { freeze, raise, runAlone, runningAlone } from '../fault';

@inline export function control(): u32 { return load<u16>(X87_CONTROL); }
@inline export function status(): u32 { return load<u16>(X87_STATUS); }
@inline export function top(): u32 { return (load<u16>(X87_STATUS) & STATUS_TOP) >> STATUS_TOP_SHIFT; }

/** False with #NM pending: what control instructions ask for, which do not wait. */
@inline
export function available(): bool {
  if ((load<u32>(CR0) & (CR0_EM | CR0_TS)) == 0) return true;
  raise(DEVICE_NOT_AVAILABLE);
  return false;
}

/** False with #NM or a pending #MF. */
@inline
export function ready(): bool {
  if (!available()) return false;
  return (load<u16>(X87_STATUS) & STATUS_SUMMARY) == 0 || raisePending();
}

/** WAIT: #NM only where both MP and TS are set. */
export function readyToWait(): bool {
  if ((load<u32>(CR0) & (CR0_MP | CR0_TS)) == (CR0_MP | CR0_TS)) {
    raise(DEVICE_NOT_AVAILABLE);
    return false;
  }
  return (load<u16>(X87_STATUS) & STATUS_SUMMARY) == 0 || raisePending();
}

/**
 * An unmasked exception waits: #MF where CR0.NE is set. Otherwise FERR# is asserted, and the processor freezes until an interrupt
 * comes, unless the board asserts IGNNE# (8.7.2 and appendix D).
 */
export function raisePending(): bool {
  if (load<u32>(CR0) & CR0_NE) {
    raise(X87_ERROR);
    return false;
  }
  if (load<u32>(FLOAT_ERROR) & IGNNE) return true;
  if (!runningAlone) {
    runAlone();
    return false;
  }
  store<u32>(FLOAT_ERROR, FERR);
  floatError();
  freeze();
  return false;
}

/** No unmasked exception waits any more: FERR# is negated, and the board negates IGNNE# with it. */
export function retractError(): void { store<u32>(FLOAT_ERROR, 0); }

/** ES and B say whether an exception is unmasked; to be called when control or status word were loaded. */
export function refreshSummary(): void {
  const pending = (status() & ~control() & FLOAT_EXCEPTIONS) != 0;
  const rest = status() & ~(STATUS_SUMMARY | STATUS_BUSY);
  store<u16>(X87_STATUS, <u16>(pending ? rest | STATUS_SUMMARY | STATUS_BUSY : rest));
  if (!pending) retractError();
}

export function loadControl(word: u32): void {
  // Bit 6 is reserved and reads as 1.
  store<u16>(X87_CONTROL, <u16>((word & 0x1f3f) | 0x40));
  refreshSummary();
}

/** Where ST(i) is. */
@inline
export function slotOf(i: u32): usize { return X87_REGISTERS + (((top() + i) & 7) << 4); }

export function initialize(): void {
  store<u16>(X87_CONTROL, CONTROL_DEFAULT);
  store<u16>(X87_STATUS, 0);
  retractError();
  store<u8>(X87_TAGS, 0);
  store<u16>(X87_OPCODE, 0);
  store<u64>(X87_IP, 0);
  store<u64>(X87_DP, 0);
}
