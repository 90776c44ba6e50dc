/**
 * MOV to and from control and debug registers, CLTS, LMSW, SMSW (SDM Vol. 3, 2.5; in a guest 26.1.3, 26.3).
 */
import {
  COST_GUEST_CONTROL, COST_TASK_PRIORITY, CR0, CR2, CR3, CR4, CR8, DR, DR6, DR7, MSR_EFER, SEGMENT_RIGHTS, CS, TR,
} from '../../spec/cpu-state';
import {
  CR0_ET, CR0_NW, CR0_CD, CR0_PE, CR0_PG, CR0_TS, CR0_WP, CR4_DE, CR4_PAE, CR4_PCIDE, CR4_PGE, CR4_PSE, CR4_SMAP,
  CR4_SMEP, CR4_UMIP, DR6_BD, DR7_GD, EFER_LMA, EFER_LME,
} from '../../spec/control-bits';
import { CONTROL_REGISTER_ACCESS, MOV_DR } from '../../spec/exit-reasons';
import { CR_WRITE } from '../../spec/trace-records';
import {
  PRIMARY_CR3_STORE_EXITING, PRIMARY_CR8_LOAD_EXITING, PRIMARY_CR8_STORE_EXITING, PRIMARY_MOV_DR_EXITING,
} from '../../spec/vmx-controls';
import { taskPriorityChanged } from '../board';
import { contextChanged } from '../context';
import { raiseDebug } from '../debug';
import { emulating } from '../ept';
import { refreshAttention } from '../events';
import { faultPending, NONE } from '../fault';
import { ABOVE_PHYSICAL_ADDRESS, CR0_DEFINED, CR4_SUPPORTED, VMX_CR0_FIXED, VMX_CR4_FIXED, inVmxOperation } from '../features';
import { currentLevel, in64BitMode, inLongMode, inNonRoot, modeChanged, RIGHTS_LONG, segment } from '../mode';
import { effectiveAddress, readOperand, writeOperand } from '../operands';
import { opReg, opRm, opSize } from '../op';
import { loadPdptes, usesPdptes } from '../paging';
import { segmentRights } from '../segments';
import { currentPcid, flushPcid, flushTlb, selectContext } from '../tlb-contexts';
import { traceRecord } from '../trace';
import {
  cr0Mask, cr0Shadow, cr4Mask, cr4Shadow, interceptsCr3Load, primaryControls, unrestrictedGuest,
} from '../vmx/controls';
import { setOperandLinear } from '../vmx/exit-details';
import { readVirtualTpr, tprShadowed, writeVirtualTpr } from '../vmx/virtual-apic';
import {
  exitForInstruction, privileged, protectionFault, register, rmIsMemory, spend, undefinedOpcode,
} from './common';

/** Access types of exit qualification bits 5:4 (table 28-3). */
const ACCESS_FROM: u64 = 1 << 4;
const ACCESS_CLTS: u64 = 2 << 4;
const ACCESS_LMSW: u64 = 3 << 4;
const LMSW_MEMORY: u64 = 1 << 6;

@inline
function slot(op: usize): usize { return register(opRm(op)); }

@inline
function width(): u64 { return in64BitMode() ? u64.MAX_VALUE : 0xffff_ffff; }

function exitForCr(op: usize, access: u64): void {
  exitForInstruction(op, CONTROL_REGISTER_ACCESS, <u64>opReg(op) | access | (<u64>opRm(op) << 8));
}

export function movcr_read(op: usize): void {
  const number = opReg(op);
  if (!controlRegister(number)) return undefinedOpcode();
  if (!privileged()) return;
  if (inNonRoot()) {
    if ((number == 3 && (primaryControls & PRIMARY_CR3_STORE_EXITING) != 0)
      || (number == 8 && (primaryControls & PRIMARY_CR8_STORE_EXITING) != 0)) return exitForCr(op, ACCESS_FROM);
  }
  store<u64>(slot(op), visibleControlRegister(number) & width());
}

function controlRegister(number: u32): bool { return number == 0 || number == 2 || number == 3 || number == 4 || number == 8; }

/** In a guest bits owned by the host read from the shadow (25.6.6). */
function visibleControlRegister(number: u32): u64 {
  switch (number) {
    case 0: return inNonRoot() ? (load<u64>(CR0) & ~cr0Mask) | (cr0Shadow & cr0Mask) : load<u64>(CR0);
    case 2: return load<u64>(CR2);
    case 3: return load<u64>(CR3);
    case 4: return inNonRoot() ? (load<u64>(CR4) & ~cr4Mask) | (cr4Shadow & cr4Mask) : load<u64>(CR4);
    default: return inNonRoot() && tprShadowed() ? readVirtualTpr() : load<u64>(CR8);
  }
}

export function movcr_write(op: usize): void {
  const number = opReg(op);
  if (!controlRegister(number)) return undefinedOpcode();
  if (!privileged()) return;
  const value = load<u64>(slot(op)) & width();
  if (inNonRoot() && interceptsCrWrite(number, value)) return exitForCr(op, 0);
  const taken = moveToControlRegister(number, value);
  if (faultPending != NONE) return;
  if (!taken) return protectionFault();
  if (number == 8) spend(COST_TASK_PRIORITY);
  if (number == 8 && inNonRoot()) spend(COST_GUEST_CONTROL);
  traceRecord(CR_WRITE, number, value, 0, 0);
}

function interceptsCrWrite(number: u32, value: u64): bool {
  switch (number) {
    case 0: return ((value ^ cr0Shadow) & cr0Mask) != 0;
    case 3: return interceptsCr3Load(value);
    case 4: return ((value ^ cr4Shadow) & cr4Mask) != 0;
    case 8: return (primaryControls & PRIMARY_CR8_LOAD_EXITING) != 0;
    default: return false;
  }
}

/** False: #GP(0), nothing changed. */
export function moveToControlRegister(number: u32, value: u64): bool {
  const guest = inNonRoot();
  switch (number) {
    case 0: return setCr0(guest ? (value & ~cr0Mask) | (load<u64>(CR0) & cr0Mask) : value);
    case 2:
      store<u64>(CR2, value);
      return true;
    case 3: return setCr3(value);
    case 4: return setCr4(guest ? (value & ~cr4Mask) | (load<u64>(CR4) & cr4Mask) : value);
    default:
      if (value > 15) return false;
      if (guest && tprShadowed()) {
        writeVirtualTpr(value);
        return true;
      }
      store<u64>(CR8, value);
      taskPriorityChanged();
      refreshAttention();
      return true;
  }
}

/** Bits that VMX operation fixes to 1; an unrestricted guest is free to leave protection and paging, an emulated one has its own. */
function fixedCr0(): u64 {
  if (!inVmxOperation() || emulating) return 0;
  return inNonRoot() && unrestrictedGuest() ? VMX_CR0_FIXED & ~<u64>(CR0_PE | CR0_PG) : VMX_CR0_FIXED;
}

/** False: #GP(0), nothing changed. Switching paging switches IA-32e mode with LME (SDM 10.8.5). */
function setCr0(wanted: u64): bool {
  const old = load<u64>(CR0);
  if (wanted >> 32) return false;
  const value = (wanted & CR0_DEFINED) | CR0_ET;
  if ((value & CR0_PG) != 0 && (value & CR0_PE) == 0) return false;
  if ((value & CR0_NW) != 0 && (value & CR0_CD) == 0) return false;
  const fixed = fixedCr0();
  if ((value & fixed) != fixed) return false;
  const efer = load<u64>(MSR_EFER);
  const cr4 = load<u64>(CR4);
  const starting = (value & ~old & CR0_PG) != 0;
  if (starting && !mayStartPaging()) return false;
  if ((old & ~value & CR0_PG) != 0 && (in64BitMode() || (cr4 & CR4_PCIDE) != 0)) return false;
  const long = (value & CR0_PG) != 0 && (efer & EFER_LME) != 0;
  const newEfer = long ? efer | EFER_LMA : efer & ~<u64>EFER_LMA;
  const pdptes = (value ^ old) & (CR0_CD | CR0_NW | CR0_PG);
  if (pdptes != 0 && usesPdptes(value, cr4, newEfer) && !loadPdptes(load<u64>(CR3))) return false;
  store<u64>(MSR_EFER, newEfer);
  store<u64>(CR0, value);
  if ((value ^ old) & (CR0_PG | CR0_WP | CR0_PE)) flushTlb();
  modeChanged();
  return true;
}

/** IA-32e mode needs PAE, a code segment that is not of 64 bits, and no 16-bit TSS (10.8.5). */
function mayStartPaging(): bool {
  if ((load<u64>(MSR_EFER) & EFER_LME) == 0) return true;
  const tss16 = (segmentRights(TR) & 0xd) == 1;
  return (load<u64>(CR4) & CR4_PAE) != 0 && (load<u32>(segment(CS), SEGMENT_RIGHTS) & RIGHTS_LONG) == 0 && !tss16;
}

/** With PCIDs bit 63 keeps what the TLB has of the new one (4.10.4.1). */
const KEEP_TRANSLATIONS: u64 = 1 << 63;

function setCr3(value: u64): bool {
  const tagged = (load<u64>(CR4) & CR4_PCIDE) != 0;
  const cr3 = tagged ? value & ~KEEP_TRANSLATIONS : value;
  if (inLongMode() && (cr3 & ABOVE_PHYSICAL_ADDRESS) != 0) return false;
  if (usesPdptes(load<u64>(CR0), load<u64>(CR4), load<u64>(MSR_EFER)) && !loadPdptes(cr3)) return false;
  store<u64>(CR3, cr3);
  selectContext();
  if (!tagged || (value & KEEP_TRANSLATIONS) == 0) flushPcid(currentPcid());
  return true;
}

function setCr4(value: u64): bool {
  const old = load<u64>(CR4);
  if (value & ~CR4_SUPPORTED) return false;
  if (inLongMode() && (value & CR4_PAE) == 0) return false;
  if ((value & ~old & CR4_PCIDE) != 0 && (!inLongMode() || (load<u64>(CR3) & 0xfff) != 0)) return false;
  if (inVmxOperation() && (value & VMX_CR4_FIXED) != VMX_CR4_FIXED) return false;
  const pdptes = (value ^ old) & (CR4_PAE | CR4_PGE | CR4_PSE | CR4_SMEP);
  if (pdptes != 0 && usesPdptes(load<u64>(CR0), value, load<u64>(MSR_EFER)) && !loadPdptes(load<u64>(CR3))) return false;
  store<u64>(CR4, value);
  selectContext();
  if ((value ^ old) & (CR4_PAE | CR4_PCIDE | CR4_PGE | CR4_PSE | CR4_SMEP | CR4_SMAP)) flushTlb();
  modeChanged();
  return true;
}

/** 26.1.3: exits where the host owns TS and the shadow shows it set; does nothing where it owns it and shows it clear. */
export function clts(op: usize): void {
  if (!privileged()) return;
  if (inNonRoot() && (cr0Mask & CR0_TS) != 0) {
    if (cr0Shadow & CR0_TS) exitForInstruction(op, CONTROL_REGISTER_ACCESS, ACCESS_CLTS);
    return;
  }
  store<u64>(CR0, load<u64>(CR0) & ~<u64>CR0_TS);
  contextChanged();
}

/** LMSW writes PE, MP, EM, TS and cannot clear PE. */
export function lmsw(op: usize): void {
  if (!privileged()) return;
  const linear = rmIsMemory(op) ? effectiveAddress(op) : 0;
  const source = readOperand(op, 2);
  if (faultPending != NONE) return;
  const old = load<u64>(CR0);
  if (inNonRoot() && interceptsLmsw(source)) {
    setOperandLinear(linear);
    exitForInstruction(op, CONTROL_REGISTER_ACCESS, ACCESS_LMSW | (source << 16) | (rmIsMemory(op) ? LMSW_MEMORY : 0));
    return;
  }
  const bits = (source & 0xf) | (old & CR0_PE);
  const owned: u64 = inNonRoot() ? cr0Mask & 0xf : 0;
  if (!setCr0((old & ~0xf) | (bits & ~owned) | (old & owned)) && faultPending == NONE) protectionFault();
}

function interceptsLmsw(source: u64): bool {
  if ((source ^ cr0Shadow) & cr0Mask & 0xe) return true;
  return (cr0Mask & CR0_PE) != 0 && (source & CR0_PE) != 0 && (cr0Shadow & CR0_PE) == 0;
}

export function smsw(op: usize): void {
  if ((load<u64>(CR4) & CR4_UMIP) != 0 && currentLevel() > 0) return protectionFault();
  writeOperand(op, rmIsMemory(op) ? 2 : opSize(op), visibleControlRegister(0));
}

export function movdr_read(op: usize): void {
  const number = debugRegister(op);
  if (number < 0 || !mayAccessDebug(op, 1 << 4)) return;
  const value = load<u64>(number == 6 ? DR6 : number == 7 ? DR7 : DR + (number << 3));
  store<u64>(slot(op), value & width());
}

/** DR4 and DR5 stand for DR6 and DR7 unless CR4.DE is set (SDM 18.2.2). */
function debugRegister(op: usize): i32 {
  const number = <i32>opReg(op);
  if (number > 7 || ((number == 4 || number == 5) && (load<u64>(CR4) & CR4_DE) != 0)) {
    undefinedOpcode();
    return -1;
  }
  return number == 4 || number == 5 ? number + 2 : number;
}

function mayAccessDebug(op: usize, direction: u64): bool {
  if (!privileged()) return false;
  if (inNonRoot() && (primaryControls & PRIMARY_MOV_DR_EXITING) != 0) {
    exitForInstruction(op, MOV_DR, <u64>opReg(op) | direction | (<u64>opRm(op) << 8));
    return false;
  }
  if ((load<u64>(DR7) & DR7_GD) == 0) return true;
  raiseDebug(DR6_BD);
  return false;
}

export function movdr_write(op: usize): void {
  const number = debugRegister(op);
  if (number < 0 || !mayAccessDebug(op, 0)) return;
  const value = load<u64>(slot(op)) & width();
  if (number >= 6 && value >> 32 != 0) return protectionFault();
  if (number == 6) store<u64>(DR6, (value & 0xe00f) | 0xffff_0ff0);
  else if (number == 7) store<u64>(DR7, (value & 0xffff_23ff) | 0x400);
  else store<u64>(DR + (number << 3), value);
  modeChanged();
  refreshAttention();
}
