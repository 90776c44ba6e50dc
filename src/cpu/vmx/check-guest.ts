/**
 * Checks on the guest-state area at VM entry (SDM Vol. 3, 27.3.1), segment registers apart. Each returns the number of
 * the rule broken.
 */
import * as check from '../../spec/entry-checks';
import * as field from '../../spec/vmcs-fields';
import { CURRENT_VMCS } from '../../spec/cpu-state';
import {
  CR0_PE, CR0_PG, CR4_PAE, CR4_PCIDE, EFER_LMA, EFER_LME, FLAG_FIXED, FLAG_IF, FLAG_VM, FLAG_TF,
} from '../../spec/control-bits';
import {
  ENTRY_IA32E_MODE_GUEST, ENTRY_LOAD_DEBUG_CONTROLS, ENTRY_LOAD_EFER, ENTRY_LOAD_PAT, INTERRUPTION_VALID,
  INTERRUPTION_TYPE_SHIFT, INTERRUPTION_EXTERNAL, INTERRUPTION_NMI, INTERRUPTION_HARDWARE_EXCEPTION, BLOCKING_BY_STI,
  BLOCKING_BY_MOV_SS, BLOCKING_BY_NMI, BLOCKING_BY_SMI, PIN_VIRTUAL_NMIS, ACTIVITY_ACTIVE, ACTIVITY_HLT, ACTIVITY_SHUTDOWN,
  ACTIVITY_WAIT_FOR_SIPI, SECONDARY_ENABLE_EPT, SECONDARY_UNRESTRICTED_GUEST,
} from '../../spec/vmx-controls';
import { DEBUG, MACHINE_CHECK } from '../../spec/vectors';
import { ABOVE_PHYSICAL_ADDRESS, CR4_SUPPORTED, EFER_SUPPORTED, VMX_CR0_FIXED, VMX_CR4_FIXED } from '../features';
import { canonical } from '../memory';
import { RIGHTS_LONG } from '../mode';
import { invalidPdpte, loadPdptes } from '../paging';
import { NO_ADDRESS, readPhysical32 } from '../physical';
import { validPat } from '../system/msr-values';
import { VMCS_REVISION_ID } from '../../spec/vmcs-layout';
import { secondaryInEffect } from './check-controls';
import { readField, readField32 } from './vmcs';

@inline export function guestIsLong(): bool { return (readField32(field.ENTRY_CONTROLS) & ENTRY_IA32E_MODE_GUEST) != 0; }
@inline export function guestIsUnrestricted(): bool { return (secondaryInEffect() & SECONDARY_UNRESTRICTED_GUEST) != 0; }
@inline export function guestIsVirtual8086(): bool { return (readField(field.GUEST_RFLAGS) & FLAG_VM) != 0; }

/** 27.3.1.1. */
export function checkGuestRegisters(): u32 {
  const cr0 = readField(field.GUEST_CR0);
  const cr4 = readField(field.GUEST_CR4);
  const fixed: u64 = guestIsUnrestricted() ? VMX_CR0_FIXED & ~(CR0_PE | CR0_PG) : VMX_CR0_FIXED;
  if ((cr0 & fixed) != fixed || (cr0 >> 32) != 0) return check.GUEST_CR0_FIXED;
  if ((cr0 & CR0_PG) != 0 && (cr0 & CR0_PE) == 0) return check.GUEST_CR0_PAGING;
  if ((cr4 & VMX_CR4_FIXED) != VMX_CR4_FIXED || (cr4 & ~CR4_SUPPORTED) != 0) return check.GUEST_CR4_FIXED;
  const entry = readField32(field.ENTRY_CONTROLS);
  if ((entry & ENTRY_LOAD_DEBUG_CONTROLS) != 0 && readField(field.GUEST_IA32_DEBUGCTL) != 0) return check.GUEST_DEBUGCTL;
  if (guestIsLong() && ((cr0 & CR0_PG) == 0 || (cr4 & CR4_PAE) == 0)) return check.GUEST_IA32E_PAGING;
  if (!guestIsLong() && (cr4 & CR4_PCIDE) != 0) return check.GUEST_PCIDE;
  if (readField(field.GUEST_CR3) & ABOVE_PHYSICAL_ADDRESS) return check.GUEST_CR3_RESERVED;
  if ((entry & ENTRY_LOAD_DEBUG_CONTROLS) != 0 && readField(field.GUEST_DR7) >> 32 != 0) return check.GUEST_DR7_HIGH;
  if (!canonical(readField(field.GUEST_IA32_SYSENTER_ESP)) || !canonical(readField(field.GUEST_IA32_SYSENTER_EIP))) {
    return check.GUEST_SYSENTER;
  }
  if ((entry & ENTRY_LOAD_PAT) != 0 && !validPat(readField(field.GUEST_IA32_PAT))) return check.GUEST_PAT;
  return entry & ENTRY_LOAD_EFER ? checkGuestEfer(cr0) : 0;
}

function checkGuestEfer(cr0: u64): u32 {
  const efer = readField(field.GUEST_IA32_EFER);
  if (efer & ~EFER_SUPPORTED) return check.GUEST_EFER_RESERVED;
  const active = (efer & EFER_LMA) != 0;
  if (active != guestIsLong()) return check.GUEST_EFER_LMA;
  return (cr0 & CR0_PG) != 0 && active != ((efer & EFER_LME) != 0) ? check.GUEST_EFER_LMA : 0;
}

/** 27.3.1.3. */
export function checkGuestTables(): u32 {
  if (!canonical(readField(field.GUEST_GDTR_BASE)) || !canonical(readField(field.GUEST_IDTR_BASE))) return check.GUEST_TABLE_BASES;
  return (readField32(field.GUEST_GDTR_LIMIT) | readField32(field.GUEST_IDTR_LIMIT)) >> 16 ? check.GUEST_TABLE_LIMITS : 0;
}

/** 27.3.1.4. */
export function checkGuestFlow(): u32 {
  const rip = readField(field.GUEST_RIP);
  const in64Bit = guestIsLong() && (readField32(field.GUEST_CS_ACCESS_RIGHTS) & RIGHTS_LONG) != 0;
  if (in64Bit ? !canonical(rip) : rip >> 32 != 0) return check.GUEST_RIP_HIGH;
  const flags = readField(field.GUEST_RFLAGS);
  if ((flags & 0xffff_ffff_ffc0_8028) != 0 || (flags & FLAG_FIXED) == 0) return check.GUEST_RFLAGS_RESERVED;
  if ((flags & FLAG_VM) != 0 && (guestIsLong() || (readField(field.GUEST_CR0) & CR0_PE) == 0)) return check.GUEST_RFLAGS_VM;
  return injects(INTERRUPTION_EXTERNAL) && (flags & FLAG_IF) == 0 ? check.GUEST_RFLAGS_IF : 0;
}

function injects(type: u32): bool {
  const information = readField32(field.ENTRY_INTERRUPTION_INFORMATION);
  return (information & <u32>INTERRUPTION_VALID) != 0 && ((information >> INTERRUPTION_TYPE_SHIFT) & 7) == type;
}

/** 27.3.1.5: activity, interruptibility, pending debug exceptions. */
export function checkGuestNonRegister(): u32 {
  const activity = readField32(field.GUEST_ACTIVITY_STATE);
  const blocking = readField32(field.GUEST_INTERRUPTIBILITY_STATE);
  const shadow = blocking & (BLOCKING_BY_STI | BLOCKING_BY_MOV_SS);
  if (activity > <u32>ACTIVITY_WAIT_FOR_SIPI || activity == ACTIVITY_SHUTDOWN) return check.GUEST_ACTIVITY;
  if (activity == ACTIVITY_HLT && ((readField32(field.GUEST_SS_ACCESS_RIGHTS) >> 5) & 3) != 0) return check.GUEST_ACTIVITY_HLT;
  if (activity != ACTIVITY_ACTIVE && shadow != 0) return check.GUEST_ACTIVITY_BLOCKING;
  if (activity != ACTIVITY_ACTIVE && !wakesFrom(activity)) return check.GUEST_ACTIVITY_INJECTION;
  if (blocking >> 5) return check.GUEST_BLOCKING_RESERVED;
  if (shadow == (BLOCKING_BY_STI | BLOCKING_BY_MOV_SS)) return check.GUEST_BLOCKING_BOTH;
  if ((blocking & BLOCKING_BY_STI) != 0 && (readField(field.GUEST_RFLAGS) & FLAG_IF) == 0) return check.GUEST_BLOCKING_IF;
  if (shadow != 0 && injects(INTERRUPTION_EXTERNAL)) return check.GUEST_BLOCKING_INJECTION;
  if (shadow != 0 && injects(INTERRUPTION_NMI)) return check.GUEST_BLOCKING_NMI;
  if ((blocking & BLOCKING_BY_NMI) != 0 && virtualNmisWanted() && injects(INTERRUPTION_NMI)) return check.GUEST_BLOCKING_VIRTUAL_NMI;
  if ((blocking & (BLOCKING_BY_SMI | 1 << 4)) != 0) return check.GUEST_BLOCKING_SMI;
  return checkPendingDebug(shadow != 0 || activity == ACTIVITY_HLT);
}

function virtualNmisWanted(): bool { return (readField32(field.PIN_BASED_CONTROLS) & PIN_VIRTUAL_NMIS) != 0; }

/** From HLT external interrupt, NMI, #DB and #MC, from wait-for-SIPI none; nothing injected is fine too. */
function wakesFrom(activity: u32): bool {
  const information = readField32(field.ENTRY_INTERRUPTION_INFORMATION);
  if ((information & <u32>INTERRUPTION_VALID) == 0) return true;
  if (activity == ACTIVITY_WAIT_FOR_SIPI) return false;
  if (injects(INTERRUPTION_EXTERNAL) || injects(INTERRUPTION_NMI)) return true;
  const vector = information & 0xff;
  return injects(INTERRUPTION_HARDWARE_EXCEPTION) && (vector == DEBUG || vector == MACHINE_CHECK);
}

const PENDING_STEP: u64 = 1 << 14;

function checkPendingDebug(blocked: bool): u32 {
  const pending = readField(field.GUEST_PENDING_DEBUG_EXCEPTIONS);
  if (pending & 0xffff_ffff_ffff_aff0) return check.GUEST_PENDING_DEBUG;
  const stepping = (readField(field.GUEST_RFLAGS) & FLAG_TF) != 0 && (readField(field.GUEST_IA32_DEBUGCTL) & 2) == 0;
  return blocked && stepping != ((pending & PENDING_STEP) != 0) ? check.GUEST_PENDING_STEP : 0;
}

/** 27.3.1.5: the VMCS link pointer. */
export function checkLinkPointer(): u32 {
  const link = readField(field.VMCS_LINK_POINTER);
  if (link == NO_ADDRESS) return 0;
  if ((link & (0xfff | ABOVE_PHYSICAL_ADDRESS)) != 0 || link == load<u64>(CURRENT_VMCS)) return check.VMCS_LINK;
  return readPhysical32(link) == VMCS_REVISION_ID ? 0 : check.VMCS_LINK;
}

/** 27.3.1.6: of PAE paging; without EPT they come from memory. */
export function checkGuestPdptes(): u32 {
  const paging = (readField(field.GUEST_CR0) & CR0_PG) != 0 && (readField(field.GUEST_CR4) & CR4_PAE) != 0;
  if (!paging || guestIsLong()) return 0;
  if ((secondaryInEffect() & SECONDARY_ENABLE_EPT) == 0) return loadPdptes(readField(field.GUEST_CR3)) ? 0 : check.GUEST_PDPTES;
  for (let i: u32 = 0; i < 4; i++) if (invalidPdpte(readField(field.GUEST_PDPTE0 + 2 * i))) return check.GUEST_PDPTES;
  return 0;
}
