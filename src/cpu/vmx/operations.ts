/**
 * The VMX instructions without their operands' addressing (SDM Vol. 3, 31.3): for machine code and for the monitor alike.
 * Outcomes are those of entry.ts.
 */
import * as error from '../../spec/vm-instruction-errors';
import {
  CR0, CR4, CURRENT_VMCS, CYCLES, COST_VMCS_ACCESS, MONITOR, VMX_OFF, VMX_OPERATION, VMX_ROOT, VMXON_POINTER,
} from '../../spec/cpu-state';
import { VMCS_CLEAR, VMCS_REVISION_ID } from '../../spec/vmcs-layout';
import { ABOVE_PHYSICAL_ADDRESS, VMX_CR0_FIXED, VMX_CR4_FIXED } from '../features';
import { canonical } from '../memory';
import { modeChanged } from '../mode';
import { NO_ADDRESS, hostOfPhysical } from '../physical';
import { checkEptPointer } from './check-controls';
import { FAILED_INVALID, SUCCEEDED, fail } from './entry';
import {
  flushAllVpids, flushEptContext, flushVpid, flushVpidNonGlobal, flushVpidPage,
} from '../tlb-contexts';
import {
  fieldExists, fieldReadOnly, readEncoded, regionRevision, setLaunchState, vmcsChanged, vmcsRegion, writeEncoded,
} from './vmcs';

/** Aligned, within the physical-address width and in memory. */
function validRegion(pa: u64): bool { return (pa & (0xfff | ABOVE_PHYSICAL_ADDRESS)) == 0 && hostOfPhysical(pa) != 0; }

/** CR0 and CR4 have the bits that VMX operation fixes; a monitor outside simulated memory is not asked. */
export function mayEnterVmx(): bool {
  if (load<u32>(MONITOR) != 0) return true;
  return (load<u64>(CR0) & VMX_CR0_FIXED) == VMX_CR0_FIXED && (load<u64>(CR4) & VMX_CR4_FIXED) == VMX_CR4_FIXED;
}

export function startVmx(pa: u64): i32 {
  if (!validRegion(pa) || regionRevision(hostOfPhysical(pa)) != VMCS_REVISION_ID) return FAILED_INVALID;
  store<u64>(VMXON_POINTER, pa);
  setCurrent(NO_ADDRESS);
  store<u32>(VMX_OPERATION, VMX_ROOT);
  modeChanged();
  return SUCCEEDED;
}

export function stopVmx(): i32 {
  store<u32>(VMX_OPERATION, VMX_OFF);
  store<u64>(VMXON_POINTER, NO_ADDRESS);
  setCurrent(NO_ADDRESS);
  modeChanged();
  return SUCCEEDED;
}

function setCurrent(pointer: u64): void {
  store<u64>(CURRENT_VMCS, pointer);
  vmcsChanged();
}

export function clearVmcs(pa: u64): i32 {
  if (!validRegion(pa)) return fail(error.VMCLEAR_INVALID_ADDRESS);
  if (pa == load<u64>(VMXON_POINTER)) return fail(error.VMCLEAR_VMXON_POINTER);
  const current = load<u64>(CURRENT_VMCS);
  setCurrent(pa);
  setLaunchState(VMCS_CLEAR);
  setCurrent(pa == current ? NO_ADDRESS : current);
  return SUCCEEDED;
}

export function loadVmcs(pa: u64): i32 {
  if (!validRegion(pa)) return fail(error.VMPTRLD_INVALID_ADDRESS);
  if (pa == load<u64>(VMXON_POINTER)) return fail(error.VMPTRLD_VMXON_POINTER);
  if (regionRevision(hostOfPhysical(pa)) != VMCS_REVISION_ID) return fail(error.VMPTRLD_WRONG_REVISION);
  setCurrent(pa);
  return SUCCEEDED;
}

/** What the last successful {@link readVmcs} found. */
export let vmcsValue: u64 = 0;

function accessible(encoding: u64): i32 {
  store<u64>(CYCLES, load<u64>(CYCLES) + load<u32>(COST_VMCS_ACCESS));
  if (vmcsRegion == 0) return FAILED_INVALID;
  return fieldExists(encoding) ? SUCCEEDED : fail(error.VMREAD_VMWRITE_UNSUPPORTED_FIELD);
}

export function readVmcs(encoding: u64): i32 {
  const outcome = accessible(encoding);
  if (outcome == SUCCEEDED) vmcsValue = readEncoded(<u32>encoding);
  return outcome;
}

export function writeVmcs(encoding: u64, value: u64): i32 {
  const outcome = accessible(encoding);
  if (outcome != SUCCEEDED) return outcome;
  if (fieldReadOnly(<u32>encoding)) return fail(error.VMWRITE_READ_ONLY_FIELD);
  writeEncoded(<u32>encoding, value);
  return SUCCEEDED;
}

/** Types 1 single-context and 2 global. */
export function invalidateEpt(type: u64, pointer: u64): i32 {
  if (type != 1 && type != 2) return fail(error.INVALID_OPERAND_TO_INVEPT_INVVPID);
  if (type == 1 && checkEptPointer(pointer) != 0) return fail(error.INVALID_OPERAND_TO_INVEPT_INVVPID);
  if (type == 1) flushEptContext(pointer);
  else flushAllVpids();
  return SUCCEEDED;
}

/** Types 0 address, 1 single-context, 2 all, 3 single-context but global translations. */
export function invalidateVpid(type: u64, descriptorLow: u64, va: u64): i32 {
  const vpid = descriptorLow & 0xffff;
  const invalid = type > 3 || descriptorLow >> 16 != 0 || (type != 2 && vpid == 0) || (type == 0 && !canonical(va));
  if (invalid) return fail(error.INVALID_OPERAND_TO_INVEPT_INVVPID);
  const vpid32 = <u32>vpid;
  switch (<u32>type) {
    case 0: flushVpidPage(vpid32, va); break;
    case 1: flushVpid(vpid32); break;
    case 2: flushAllVpids(); break;
    default: flushVpidNonGlobal(vpid32); break;
  }
  return SUCCEEDED;
}
