/**
 * Model-specific registers as RDMSR and WRMSR at CPL 0 see them; also for the MSR lists of VM entry and exit.
 */
import * as msr from '../../spec/msrs';
import {
  MSR_EFER, MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_FMASK, MSR_KERNEL_GS_BASE, MSR_TSC_AUX, MSR_SYSENTER_CS, MSR_SYSENTER_ESP,
  MSR_SYSENTER_EIP, MSR_PAT, MSR_APIC_BASE, MSR_FEATURE_CONTROL, MSR_DEBUGCTL, MSR_MISC_ENABLE, TSC_ADJUST, CYCLES, CR0,
  SEGMENT_BASE, FS, GS, BOARD_MSR,
} from '../../spec/cpu-state';
import { CR0_PG, EFER_LMA, EFER_LME, EFER_NXE } from '../../spec/control-bits';
import { msrRead, msrWrite, timeStampChanged } from '../board';
import { EFER_SUPPORTED } from '../features';
import { canonical } from '../memory';
import { modeChanged, segment } from '../mode';
import { flushTlb } from '../tlb-contexts';
import { tscOffset } from '../vmx/controls';
import { capability } from '../vmx/capabilities';
import { validPat } from './msr-values';

/** Systems use the TSC-deadline timer of this model from revision B2H on. */
const MICROCODE_REVISION: u64 = 0xf0;

/** What the last successful {@link readMsr} found. */
export let msrValue: u64 = 0;

/** The time-stamp counter: a guest sees it with its offset (SDM Vol. 3, 26.3). */
export function timeStamp(): u64 { return load<u64>(CYCLES) + load<u64>(TSC_ADJUST) + tscOffset; }

/** Where an MSR is kept that is a plain u64; 0 for all others. */
function slotOf(index: u32): usize {
  switch (index) {
    case msr.IA32_EFER: return MSR_EFER;
    case msr.IA32_STAR: return MSR_STAR;
    case msr.IA32_LSTAR: return MSR_LSTAR;
    case msr.IA32_CSTAR: return MSR_CSTAR;
    case msr.IA32_FMASK: return MSR_FMASK;
    case msr.IA32_KERNEL_GS_BASE: return MSR_KERNEL_GS_BASE;
    case msr.IA32_TSC_AUX: return MSR_TSC_AUX;
    case msr.IA32_SYSENTER_CS: return MSR_SYSENTER_CS;
    case msr.IA32_SYSENTER_ESP: return MSR_SYSENTER_ESP;
    case msr.IA32_SYSENTER_EIP: return MSR_SYSENTER_EIP;
    case msr.IA32_PAT: return MSR_PAT;
    case msr.IA32_APIC_BASE: return MSR_APIC_BASE;
    case msr.IA32_FEATURE_CONTROL: return MSR_FEATURE_CONTROL;
    case msr.IA32_DEBUGCTL: return MSR_DEBUGCTL;
    case msr.IA32_MISC_ENABLE: return MSR_MISC_ENABLE;
    case msr.IA32_FS_BASE: return segment(FS) + SEGMENT_BASE;
    case msr.IA32_GS_BASE: return segment(GS) + SEGMENT_BASE;
    default: return 0;
  }
}

/** False: no such MSR. */
export function readMsr(index: u32): bool {
  const slot = slotOf(index);
  if (slot != 0) {
    msrValue = load<u64>(slot);
    return true;
  }
  if (index >= <u32>msr.IA32_VMX_BASIC && index <= <u32>msr.IA32_VMX_TRUE_ENTRY_CTLS) {
    msrValue = capability(index);
    return true;
  }
  switch (index) {
    case msr.IA32_TIME_STAMP_COUNTER:
      msrValue = timeStamp();
      return true;
    case msr.IA32_BIOS_SIGN_ID:
      msrValue = MICROCODE_REVISION << 32;
      return true;
    case msr.IA32_MTRRCAP:
    case msr.IA32_MCG_CAP:
      msrValue = 0;
      return true;
    default:
      if (!ofLocalApic(index) || !msrRead(index)) return false;
      msrValue = load<u64>(BOARD_MSR);
      return true;
  }
}

/** Registers that the board keeps, with those of the local APIC. */
function ofLocalApic(index: u32): bool {
  return index == msr.IA32_TSC_DEADLINE || (index >= <u32>msr.IA32_X2APIC_FIRST && index <= <u32>msr.IA32_X2APIC_LAST);
}

/** False: no such MSR, or it does not take this value (#GP). */
export function writeMsr(index: u32, value: u64): bool {
  switch (index) {
    case msr.IA32_TIME_STAMP_COUNTER:
      store<u64>(TSC_ADJUST, value - load<u64>(CYCLES));
      timeStampChanged();
      return true;
    case msr.IA32_BIOS_SIGN_ID: return true;
    case msr.IA32_EFER: return writeEfer(value);
    case msr.IA32_FEATURE_CONTROL: return false;
    default: break;
  }
  if (index == msr.IA32_APIC_BASE || ofLocalApic(index)) {
    store<u64>(BOARD_MSR, value);
    return msrWrite(index);
  }
  const slot = slotOf(index);
  if (slot == 0 || !accepts(index, value)) return false;
  store<u64>(slot, value);
  return true;
}

function accepts(index: u32, value: u64): bool {
  switch (index) {
    case msr.IA32_LSTAR:
    case msr.IA32_CSTAR:
    case msr.IA32_KERNEL_GS_BASE:
    case msr.IA32_FS_BASE:
    case msr.IA32_GS_BASE:
    case msr.IA32_SYSENTER_ESP:
    case msr.IA32_SYSENTER_EIP: return canonical(value);
    case msr.IA32_PAT: return validPat(value);
    case msr.IA32_FMASK:
    case msr.IA32_SYSENTER_CS:
    case msr.IA32_TSC_AUX: return value >> 32 == 0;
    case msr.IA32_DEBUGCTL: return value == 0;
    default: return true;
  }
}

/** LMA follows CR0.PG and is not written; LME is fixed while paging is on (SDM 2.2.1, 10.8.5). */
function writeEfer(value: u64): bool {
  const old = load<u64>(MSR_EFER);
  if (value & ~EFER_SUPPORTED) return false;
  if (((value ^ old) & EFER_LME) != 0 && (load<u64>(CR0) & CR0_PG) != 0) return false;
  store<u64>(MSR_EFER, (value & ~EFER_LMA) | (old & EFER_LMA));
  if ((value ^ old) & EFER_NXE) flushTlb();
  modeChanged();
  return true;
}
