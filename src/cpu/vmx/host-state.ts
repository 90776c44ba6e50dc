/**
 * The host-state area: what VM exit loads (SDM Vol. 3, 28.5).
 */
import * as field from '../../spec/vmcs-fields';
import {
  CR0, CR3, CR4, DR7, RIP, ES, CS, SS, DS, FS, GS, LDTR, TR, CPL, GDTR_BASE, GDTR_LIMIT, IDTR_BASE, IDTR_LIMIT, MSR_EFER, MSR_PAT,
  MSR_DEBUGCTL, MSR_SYSENTER_CS, MSR_SYSENTER_ESP, MSR_SYSENTER_EIP, ACTIVITY, INTERRUPTIBILITY,
} from '../../spec/cpu-state';
import { CR4_PAE, CR4_PCIDE, EFER_LMA, EFER_LME, FLAG_FIXED } from '../../spec/control-bits';
import { EXIT_HOST_ADDRESS_SPACE_SIZE, EXIT_LOAD_EFER, EXIT_LOAD_PAT, ACTIVITY_ACTIVE, BLOCKING_BY_NMI } from '../../spec/vmx-controls';
import { setFlags } from '../flags';
import { modeChanged, RIGHTS_UNUSABLE } from '../mode';
import { loadPdptes, usesPdptes } from '../paging';
import { writeSegment } from '../segments';
import { RSP_SLOT } from '../stack';
import { CR0_KEPT } from './guest-state';
import { readField, readField32 } from './vmcs';

/** Accessed code, execute/read, S, P, G; with L or D by the host's size. */
const CODE_64: u32 = 0xa09b;
const CODE_32: u32 = 0xc09b;
const DATA: u32 = 0xc093;
const BUSY_TSS: u32 = 0x8b;

/** False: the PDPTEs that a host with PAE paging needs have reserved bits set (28.5.4). */
export function loadHostState(): bool {
  const exit = readField32(field.EXIT_CONTROLS);
  const long = (exit & EXIT_HOST_ADDRESS_SPACE_SIZE) != 0;
  const cr4 = readField(field.HOST_CR4);
  store<u64>(CR0, (readField(field.HOST_CR0) & ~CR0_KEPT) | (load<u64>(CR0) & CR0_KEPT));
  store<u64>(CR3, readField(field.HOST_CR3));
  store<u64>(CR4, long ? cr4 | CR4_PAE : cr4 & ~CR4_PCIDE);
  loadHostMsrs(exit, long);
  loadHostSegments(long);
  store<u64>(RIP, readField(field.HOST_RIP));
  store<u64>(RSP_SLOT, readField(field.HOST_RSP));
  setFlags(FLAG_FIXED);
  store<u32>(ACTIVITY, ACTIVITY_ACTIVE);
  store<u32>(INTERRUPTIBILITY, load<u32>(INTERRUPTIBILITY) & BLOCKING_BY_NMI);
  store<u32>(CPL, 0);
  modeChanged();
  return !usesPdptes(load<u64>(CR0), load<u64>(CR4), load<u64>(MSR_EFER)) || loadPdptes(load<u64>(CR3));
}

function loadHostMsrs(exit: u32, long: bool): void {
  store<u64>(DR7, 0x400);
  store<u64>(MSR_DEBUGCTL, 0);
  store<u64>(MSR_SYSENTER_CS, readField32(field.HOST_IA32_SYSENTER_CS));
  store<u64>(MSR_SYSENTER_ESP, readField(field.HOST_IA32_SYSENTER_ESP));
  store<u64>(MSR_SYSENTER_EIP, readField(field.HOST_IA32_SYSENTER_EIP));
  const mode: u64 = long ? EFER_LMA | EFER_LME : 0;
  const efer = exit & EXIT_LOAD_EFER ? readField(field.HOST_IA32_EFER) : load<u64>(MSR_EFER);
  store<u64>(MSR_EFER, (efer & ~<u64>(EFER_LMA | EFER_LME)) | mode);
  if (exit & EXIT_LOAD_PAT) store<u64>(MSR_PAT, readField(field.HOST_IA32_PAT));
}

function loadHostSegments(long: bool): void {
  writeSegment(CS, readField32(field.HOST_CS_SELECTOR), 0, 0xffff_ffff, long ? CODE_64 : CODE_32);
  loadHostData(SS, readField32(field.HOST_SS_SELECTOR), 0);
  loadHostData(DS, readField32(field.HOST_DS_SELECTOR), 0);
  loadHostData(ES, readField32(field.HOST_ES_SELECTOR), 0);
  loadHostData(FS, readField32(field.HOST_FS_SELECTOR), readField(field.HOST_FS_BASE));
  loadHostData(GS, readField32(field.HOST_GS_SELECTOR), readField(field.HOST_GS_BASE));
  writeSegment(TR, readField32(field.HOST_TR_SELECTOR), readField(field.HOST_TR_BASE), 0x67, BUSY_TSS);
  writeSegment(LDTR, 0, 0, 0, RIGHTS_UNUSABLE);
  store<u64>(GDTR_BASE, readField(field.HOST_GDTR_BASE));
  store<u32>(GDTR_LIMIT, 0xffff);
  store<u64>(IDTR_BASE, readField(field.HOST_IDTR_BASE));
  store<u32>(IDTR_LIMIT, 0xffff);
}

/** A null selector leaves the register unusable (28.5.2). */
function loadHostData(index: u32, selector: u32, base: u64): void {
  writeSegment(index, selector, base, 0xffff_ffff, selector == 0 ? DATA | RIGHTS_UNUSABLE : DATA);
}
