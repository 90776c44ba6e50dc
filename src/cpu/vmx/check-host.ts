/**
 * Checks on the host-state area at VM entry (SDM Vol. 3, 27.2.2–27.2.4). Each returns the number of the rule broken.
 */
import * as check from '../../spec/entry-checks';
import * as field from '../../spec/vmcs-fields';
import { MONITOR } from '../../spec/cpu-state';
import { CR4_PAE, EFER_LMA, EFER_LME } from '../../spec/control-bits';
import { EXIT_HOST_ADDRESS_SPACE_SIZE, EXIT_LOAD_PAT, EXIT_LOAD_EFER, ENTRY_IA32E_MODE_GUEST } from '../../spec/vmx-controls';
import { ABOVE_PHYSICAL_ADDRESS, CR4_SUPPORTED, EFER_SUPPORTED, VMX_CR0_FIXED, VMX_CR4_FIXED } from '../features';
import { canonical } from '../memory';
import { inLongMode } from '../mode';
import { validPat } from '../system/msr-values';
import { readField, readField32 } from './vmcs';

/** A monitor outside simulated memory counts as 64-bit software. */
function hostIsLong(): bool { return load<u32>(MONITOR) != 0 || inLongMode(); }

/** 27.2.2. */
export function checkHostRegisters(): u32 {
  const exit = readField32(field.EXIT_CONTROLS);
  const cr0 = readField(field.HOST_CR0);
  const cr4 = readField(field.HOST_CR4);
  if ((cr0 & VMX_CR0_FIXED) != VMX_CR0_FIXED || (cr0 >> 32) != 0) return check.HOST_CR0;
  if ((cr4 & VMX_CR4_FIXED) != VMX_CR4_FIXED || (cr4 & ~CR4_SUPPORTED) != 0) return check.HOST_CR4;
  if (readField(field.HOST_CR3) & ABOVE_PHYSICAL_ADDRESS) return check.HOST_CR3;
  if (!canonical(readField(field.HOST_IA32_SYSENTER_ESP)) || !canonical(readField(field.HOST_IA32_SYSENTER_EIP))) {
    return check.HOST_SYSENTER;
  }
  if ((exit & EXIT_LOAD_PAT) != 0 && !validPat(readField(field.HOST_IA32_PAT))) return check.HOST_PAT;
  if (exit & EXIT_LOAD_EFER) {
    const efer = readField(field.HOST_IA32_EFER);
    const long: u64 = exit & EXIT_HOST_ADDRESS_SPACE_SIZE ? EFER_LMA | EFER_LME : 0;
    if ((efer & ~EFER_SUPPORTED) != 0 || (efer & (EFER_LMA | EFER_LME)) != long) return check.HOST_EFER;
  }
  return 0;
}

/** 27.2.3. */
export function checkHostSegments(): u32 {
  for (let selector: u32 = field.HOST_ES_SELECTOR; selector <= <u32>field.HOST_TR_SELECTOR; selector += 2) {
    if (readField32(selector) & 7) return check.HOST_SELECTORS;
  }
  if (readField32(field.HOST_CS_SELECTOR) == 0) return check.HOST_CS_NULL;
  if (readField32(field.HOST_TR_SELECTOR) == 0) return check.HOST_TR_NULL;
  const long = (readField32(field.EXIT_CONTROLS) & EXIT_HOST_ADDRESS_SPACE_SIZE) != 0;
  if (!long && readField32(field.HOST_SS_SELECTOR) == 0) return check.HOST_SS_NULL;
  for (let base: u32 = field.HOST_FS_BASE; base <= <u32>field.HOST_IDTR_BASE; base += 2) {
    if (!canonical(readField(base))) return check.HOST_BASES;
  }
  return 0;
}

/** 27.2.4. */
export function checkAddressSpaceSize(): u32 {
  const long = (readField32(field.EXIT_CONTROLS) & EXIT_HOST_ADDRESS_SPACE_SIZE) != 0;
  const guestLong = (readField32(field.ENTRY_CONTROLS) & ENTRY_IA32E_MODE_GUEST) != 0;
  if (long != hostIsLong()) return check.HOST_SIZE;
  const rip = readField(field.HOST_RIP);
  if (!long) {
    if (guestLong) return check.GUEST_SIZE;
    return rip >> 32 ? check.HOST_RIP_32 : 0;
  }
  return (readField(field.HOST_CR4) & CR4_PAE) == 0 || !canonical(rip) ? check.HOST_RIP_64 : 0;
}
