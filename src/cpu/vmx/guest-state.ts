/**
 * The guest-state area: what VM entry loads and VM exit saves (SDM Vol. 3, 27.3.2, 28.3).
 */
import * as field from '../../spec/vmcs-fields';
import {
  CR0, CR3, CR4, DR7, RIP, SEGMENT_BASE, SEGMENT_LIMIT, SEGMENT_RIGHTS, SEGMENT_SELECTOR, ES, SS, TR, GDTR_BASE, GDTR_LIMIT,
  IDTR_BASE, IDTR_LIMIT, MSR_EFER, MSR_PAT, MSR_DEBUGCTL, MSR_SYSENTER_CS, MSR_SYSENTER_ESP, MSR_SYSENTER_EIP, ACTIVITY,
  INTERRUPTIBILITY, CPL, PDPTES,
} from '../../spec/cpu-state';
import { CR0_CD, CR0_ET, CR0_NW, CR0_PG, EFER_LMA, EFER_LME, FLAG_RF } from '../../spec/control-bits';
import {
  ENTRY_IA32E_MODE_GUEST, ENTRY_LOAD_DEBUG_CONTROLS, ENTRY_LOAD_EFER, ENTRY_LOAD_PAT, EXIT_SAVE_DEBUG_CONTROLS,
  EXIT_SAVE_EFER, EXIT_SAVE_PAT, EXIT_SAVE_PREEMPTION_TIMER,
} from '../../spec/vmx-controls';
import { loadPendingTraps, pendingTraps } from '../debug';
import { eptPointer } from '../ept';
import { getFlags, setFlags } from '../flags';
import { segment } from '../mode';
import { loadPdptes, usesPdptes } from '../paging';
import { privilegeOf, segmentRights, writeSegment } from '../segments';
import { RSP_SLOT } from '../stack';
import { baseField, limitField, rightsField, selectorField } from './check-segments';
import { guestIsLong } from './check-guest';
import { preemptionTimerValue } from './controls';
import { readField, readField32, writeField } from './vmcs';

/** Bits of CR0 that VM entries and exits leave alone (27.3.2.1, 28.5.1). */
export const CR0_KEPT: u64 = CR0_ET | CR0_CD | CR0_NW;

/** `resume`: RF of the saved RFLAGS is set, as by the delivery of a fault. */
export function saveGuestState(resume: bool): void {
  const exit = readField32(field.EXIT_CONTROLS);
  writeField(field.GUEST_CR0, load<u64>(CR0));
  writeField(field.GUEST_CR3, load<u64>(CR3));
  writeField(field.GUEST_CR4, load<u64>(CR4));
  saveGuestMsrs(exit);
  if (exit & EXIT_SAVE_PREEMPTION_TIMER) writeField(field.PREEMPTION_TIMER_VALUE, preemptionTimerValue());
  for (let i: u32 = ES; i <= <u32>TR; i++) saveSegment(i);
  writeField(field.GUEST_GDTR_BASE, load<u64>(GDTR_BASE));
  writeField(field.GUEST_GDTR_LIMIT, load<u32>(GDTR_LIMIT));
  writeField(field.GUEST_IDTR_BASE, load<u64>(IDTR_BASE));
  writeField(field.GUEST_IDTR_LIMIT, load<u32>(IDTR_LIMIT));
  writeField(field.GUEST_RIP, load<u64>(RIP));
  writeField(field.GUEST_RSP, load<u64>(RSP_SLOT));
  writeField(field.GUEST_RFLAGS, getFlags() | (resume ? FLAG_RF : 0));
  writeField(field.GUEST_ACTIVITY_STATE, load<u32>(ACTIVITY));
  writeField(field.GUEST_INTERRUPTIBILITY_STATE, load<u32>(INTERRUPTIBILITY));
  writeField(field.GUEST_PENDING_DEBUG_EXCEPTIONS, pendingTraps());
  if (guestHasPdptes() && eptPointer != 0) {
    for (let i: u32 = 0; i < 4; i++) writeField(field.GUEST_PDPTE0 + 2 * i, load<u64>(PDPTES + (i << 3)));
  }
}

function guestHasPdptes(): bool { return usesPdptes(load<u64>(CR0), load<u64>(CR4), load<u64>(MSR_EFER)); }

/** 27.3.2.4: without EPT they come from memory. */
function loadGuestPdptes(): void {
  if (!guestHasPdptes()) return;
  if (eptPointer == 0) loadPdptes(load<u64>(CR3));
  else for (let i: u32 = 0; i < 4; i++) store<u64>(PDPTES + (i << 3), readField(field.GUEST_PDPTE0 + 2 * i));
}

function saveGuestMsrs(exit: u32): void {
  const efer = load<u64>(MSR_EFER);
  if (exit & EXIT_SAVE_DEBUG_CONTROLS) {
    writeField(field.GUEST_DR7, load<u64>(DR7));
    writeField(field.GUEST_IA32_DEBUGCTL, load<u64>(MSR_DEBUGCTL));
  }
  writeField(field.GUEST_IA32_SYSENTER_CS, load<u64>(MSR_SYSENTER_CS));
  writeField(field.GUEST_IA32_SYSENTER_ESP, load<u64>(MSR_SYSENTER_ESP));
  writeField(field.GUEST_IA32_SYSENTER_EIP, load<u64>(MSR_SYSENTER_EIP));
  if (exit & EXIT_SAVE_PAT) writeField(field.GUEST_IA32_PAT, load<u64>(MSR_PAT));
  if (exit & EXIT_SAVE_EFER) writeField(field.GUEST_IA32_EFER, efer);
  const entry = readField32(field.ENTRY_CONTROLS) & ~ENTRY_IA32E_MODE_GUEST;
  writeField(field.ENTRY_CONTROLS, entry | (efer & EFER_LMA ? ENTRY_IA32E_MODE_GUEST : 0));
}

function saveSegment(index: u32): void {
  const at = segment(index);
  writeField(selectorField(index), load<u16>(at, SEGMENT_SELECTOR));
  writeField(baseField(index), load<u64>(at, SEGMENT_BASE));
  writeField(limitField(index), load<u32>(at, SEGMENT_LIMIT));
  writeField(rightsField(index), load<u32>(at, SEGMENT_RIGHTS));
}

export function loadGuestState(): void {
  const entry = readField32(field.ENTRY_CONTROLS);
  store<u64>(CR0, (readField(field.GUEST_CR0) & ~CR0_KEPT) | (load<u64>(CR0) & CR0_KEPT));
  store<u64>(CR3, readField(field.GUEST_CR3));
  store<u64>(CR4, readField(field.GUEST_CR4));
  loadGuestMsrs(entry);
  loadGuestPdptes();
  for (let i: u32 = ES; i <= <u32>TR; i++) {
    writeSegment(i, readField32(selectorField(i)), readField(baseField(i)), readField32(limitField(i)), readField32(rightsField(i)));
  }
  store<u32>(CPL, privilegeOf(segmentRights(SS)));
  store<u64>(GDTR_BASE, readField(field.GUEST_GDTR_BASE));
  store<u32>(GDTR_LIMIT, readField32(field.GUEST_GDTR_LIMIT));
  store<u64>(IDTR_BASE, readField(field.GUEST_IDTR_BASE));
  store<u32>(IDTR_LIMIT, readField32(field.GUEST_IDTR_LIMIT));
  store<u64>(RIP, readField(field.GUEST_RIP));
  store<u64>(RSP_SLOT, readField(field.GUEST_RSP));
  setFlags(readField(field.GUEST_RFLAGS));
  store<u32>(ACTIVITY, readField32(field.GUEST_ACTIVITY_STATE));
  store<u32>(INTERRUPTIBILITY, readField32(field.GUEST_INTERRUPTIBILITY_STATE));
  loadPendingTraps(readField(field.GUEST_PENDING_DEBUG_EXCEPTIONS));
}

function loadGuestMsrs(entry: u32): void {
  if (entry & ENTRY_LOAD_DEBUG_CONTROLS) {
    store<u64>(DR7, readField(field.GUEST_DR7) | 0x400);
    store<u64>(MSR_DEBUGCTL, readField(field.GUEST_IA32_DEBUGCTL));
  }
  store<u64>(MSR_SYSENTER_CS, readField(field.GUEST_IA32_SYSENTER_CS));
  store<u64>(MSR_SYSENTER_ESP, readField(field.GUEST_IA32_SYSENTER_ESP));
  store<u64>(MSR_SYSENTER_EIP, readField(field.GUEST_IA32_SYSENTER_EIP));
  if (entry & ENTRY_LOAD_PAT) store<u64>(MSR_PAT, readField(field.GUEST_IA32_PAT));
  if (entry & ENTRY_LOAD_EFER) store<u64>(MSR_EFER, readField(field.GUEST_IA32_EFER));
  else store<u64>(MSR_EFER, eferByMode());
}

/** 27.3.2.1: LMA is the IA-32e control; LME too, where the guest has paging on. */
function eferByMode(): u64 {
  const long = guestIsLong();
  let efer = (load<u64>(MSR_EFER) & ~<u64>EFER_LMA) | (long ? EFER_LMA : 0);
  if (load<u64>(CR0) & CR0_PG) efer = (efer & ~<u64>EFER_LME) | (long ? EFER_LME : 0);
  return efer;
}
