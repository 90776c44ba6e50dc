/**
 * Instructions that concern the processor as a whole: CPUID, HLT, PAUSE, MONITOR/MWAIT, caches and TLBs, SWAPGS and the FS
 * and GS bases, UD2.
 */
import {
  ACTIVITY, CPUID_RESULT, CR4, FS, GS, MSR_KERNEL_GS_BASE, SEGMENT_BASE, DEADLINE, QUANTUM_SHARED,
} from '../../spec/cpu-state';
import { CR4_FSGSBASE, CR4_PCIDE } from '../../spec/control-bits';
import * as reason from '../../spec/exit-reasons';
import { HALT } from '../../spec/trace-records';
import {
  ACTIVITY_HLT, PRIMARY_HLT_EXITING, PRIMARY_INVLPG_EXITING, PRIMARY_MONITOR_EXITING, PRIMARY_MWAIT_EXITING,
  PRIMARY_PAUSE_EXITING, SECONDARY_ENABLE_INVPCID, SECONDARY_WBINVD_EXITING,
} from '../../spec/vmx-controls';
import { refreshAttention } from '../events';
import { faultPending, NONE } from '../fault';
import { monitorEnabled, queryCpuid } from '../features';
import { canonical, readMemory } from '../memory';
import { currentLevel, in64BitMode, inNonRoot, segment } from '../mode';
import { opAddressSize, opDst, opReg, opSegment, opSize } from '../op';
import { effectiveAddress, effectiveOffset, linearWithoutChecks, readAt, readRegister, sizeMask, writeRegister } from '../operands';
import { flushPcid, flushPcidPage, flushTlb, flushTlbNonGlobal, flushTlbPage } from '../tlb-contexts';
import { traceRecord } from '../trace';
import { endsPauseLoop, primaryControls, secondaryControls } from '../vmx/controls';
import { displacement, operandInformation } from '../vmx/operand-information';
import { exitForInstruction, intercepted, privileged, protectionFault, register, rmIsMemory, undefinedOpcode } from './common';

export function cpuid(op: usize): void {
  if (inNonRoot()) return exitForInstruction(op, reason.CPUID);
  queryCpuid(load<u32>(register(0)), load<u32>(register(1)));
  store<u64>(register(0), load<u32>(CPUID_RESULT));
  store<u64>(register(3), load<u32>(CPUID_RESULT, 4));
  store<u64>(register(1), load<u32>(CPUID_RESULT, 8));
  store<u64>(register(2), load<u32>(CPUID_RESULT, 12));
}

export function hlt(op: usize): void {
  if (!privileged() || intercepted(op, (primaryControls & PRIMARY_HLT_EXITING) != 0, reason.HLT)) return;
  traceRecord(HALT, 0, 0, 0, 0);
  store<u32>(ACTIVITY, ACTIVITY_HLT);
  refreshAttention();
}

/**
 * Somebody spins: another processor may run. 26.1.3: PAUSE exiting applies at every privilege level, PAUSE-loop exiting in
 * ring 0.
 */
export function pause(op: usize): void {
  const always = (primaryControls & PRIMARY_PAUSE_EXITING) != 0;
  if (inNonRoot() && intercepted(op, always || (currentLevel() == 0 && endsPauseLoop()), reason.PAUSE)) return;
  if (load<u32>(QUANTUM_SHARED) != 0) store<u64>(DEADLINE, 0);
}

export function monitor(op: usize): void {
  if (!monitorEnabled() || currentLevel() > 0) return undefinedOpcode();
  if (load<u32>(register(1)) != 0) return protectionFault();
  if (intercepted(op, (primaryControls & PRIMARY_MONITOR_EXITING) != 0, reason.MONITOR)) return;
  readAt(opSegment(op), load<u64>(register(0)) & sizeMask(opAddressSize(op)), 1);
}

/** Wakes at once, as it may for any reason of the implementation's. */
export function mwait(op: usize): void {
  if (!monitorEnabled() || currentLevel() > 0) return undefinedOpcode();
  if (load<u32>(register(1)) > 1) return protectionFault();
  intercepted(op, (primaryControls & PRIMARY_MWAIT_EXITING) != 0, reason.MWAIT);
}

/** There are no caches to write back. */
export function wbinvd(op: usize): void {
  if (!privileged()) return;
  intercepted(op, (secondaryControls & SECONDARY_WBINVD_EXITING) != 0, reason.WBINVD);
}

export function invd(op: usize): void {
  if (privileged()) intercepted(op, true, reason.INVD);
}

export function invlpg(op: usize): void {
  if (!privileged()) return;
  const va = linearWithoutChecks(opSegment(op), effectiveOffset(op));
  if (inNonRoot() && (primaryControls & PRIMARY_INVLPG_EXITING) != 0) return exitForInstruction(op, reason.INVLPG, va);
  flushTlbPage(va);
}

/** Types of INVPCID: an address, a PCID, all with global pages, all without them (SDM Vol. 2). */
export function invpcid(op: usize): void {
  if (inNonRoot() && (secondaryControls & SECONDARY_ENABLE_INVPCID) == 0) return undefinedOpcode();
  if (!rmIsMemory(op)) return undefinedOpcode();
  if (!privileged()) return;
  const at = effectiveAddress(op);
  if (faultPending != NONE) return;
  if (inNonRoot() && (primaryControls & PRIMARY_INVLPG_EXITING) != 0) {
    return exitForInstruction(op, reason.INVPCID, displacement(op), operandInformation(op, opReg(op)));
  }
  const type = readRegister(register(opReg(op)), in64BitMode() ? 8 : 4);
  const pcid = readMemory(at, 8);
  if (faultPending != NONE) return;
  const va = readMemory(at + 8, 8);
  if (faultPending != NONE) return;
  const tagged = (load<u64>(CR4) & CR4_PCIDE) != 0;
  if (type > 3 || pcid >> 12 != 0 || (type < 2 && !tagged && pcid != 0) || (type == 0 && !canonical(va))) return protectionFault();
  if (type == 0) flushPcidPage(<u32>pcid, va);
  else if (type == 1) flushPcid(<u32>pcid);
  else if (type == 2) flushTlb();
  else flushTlbNonGlobal();
}

export function swapgs(op: usize): void {
  if (!in64BitMode()) return undefinedOpcode();
  if (!privileged()) return;
  const at = segment(GS) + SEGMENT_BASE;
  const base = load<u64>(at);
  store<u64>(at, load<u64>(MSR_KERNEL_GS_BASE));
  store<u64>(MSR_KERNEL_GS_BASE, base);
}

function baseAccess(): bool {
  if (in64BitMode() && (load<u64>(CR4) & CR4_FSGSBASE) != 0) return true;
  undefinedOpcode();
  return false;
}

function readBase(op: usize, index: u32): void {
  if (baseAccess()) writeRegister(opDst(op), opSize(op), load<u64>(segment(index), SEGMENT_BASE));
}

function writeBase(op: usize, index: u32): void {
  if (!baseAccess()) return;
  const base = readRegister(opDst(op), opSize(op));
  if (!canonical(base)) return protectionFault();
  store<u64>(segment(index), base, SEGMENT_BASE);
}

export function rdfsbase(op: usize): void { readBase(op, FS); }
export function rdgsbase(op: usize): void { readBase(op, GS); }
export function wrfsbase(op: usize): void { writeBase(op, FS); }
export function wrgsbase(op: usize): void { writeBase(op, GS); }

/** UD0, UD1 and UD2; RSM outside SMM. */
export function ud2(op: usize): void { undefinedOpcode(); }
