/**
 * SYSCALL, SYSRET, SYSENTER, SYSEXIT (SDM Vol. 3, 5.8.7–5.8.8).
 */
import {
  COST_SYSCALL, MSR_EFER, MSR_FMASK, MSR_LSTAR, MSR_STAR, MSR_SYSENTER_CS, MSR_SYSENTER_EIP, MSR_SYSENTER_ESP,
} from '../../spec/cpu-state';
import { EFER_SCE, FLAG_FIXED, FLAG_IF, FLAG_RF, FLAG_TF, FLAG_VM } from '../../spec/control-bits';
import { SYSCALL, SYSRET } from '../../spec/trace-records';
import { jumpTo } from '../context';
import { discardTraps, armStep } from '../debug';
import { arriveAtMonitor, refreshAttention } from '../events';
import { getFlags, setFlags } from '../flags';
import { canonical } from '../memory';
import { in64BitMode, inLongMode, inProtectedMode, RIGHTS_BIG, RIGHTS_LONG, setLevel } from '../mode';
import { opSize } from '../op';
import { installFlatCode, installFlatStack } from '../segments';
import { traceRecord } from '../trace';
import { nextRip, privileged, protectionFault, register, spend, undefinedOpcode } from './common';

const RAX: usize = register(0);
const RCX: usize = register(1);
const RDX: usize = register(2);
const RSP: usize = register(4);
const R11: usize = register(11);
/** Bits of R11 that SYSRET takes. */
const SYSRET_FLAGS: u64 = 0x3c_7fd7;

function arrive(code: u32, stack: u32, cpl: u32, mode: u32, rip: u64): void {
  installFlatCode(code, cpl, mode);
  installFlatStack(stack, cpl);
  setLevel(cpl);
  jumpTo(rip);
  refreshAttention();
}

function systemCallsEnabled(): bool {
  if (in64BitMode() && (load<u64>(MSR_EFER) & EFER_SCE) != 0) return true;
  undefinedOpcode();
  return false;
}

export function syscall(op: usize): void {
  if (!systemCallsEnabled()) return;
  const flags = getFlags();
  const selector = <u32>(load<u64>(MSR_STAR) >> 32) & 0xfffc;
  store<u64>(RCX, nextRip(op));
  store<u64>(R11, flags & ~<u64>FLAG_RF);
  setFlags((flags & ~load<u64>(MSR_FMASK) & ~<u64>FLAG_RF) | FLAG_FIXED);
  spend(COST_SYSCALL);
  arrive(selector, selector + 8, 0, RIGHTS_LONG, load<u64>(MSR_LSTAR));
  stepByNewFlags();
  traceRecord(SYSCALL, load<u64>(RAX), load<u64>(MSR_LSTAR), 0, 0);
  arriveAtMonitor();
}

/** Whether a single step follows SYSCALL and SYSRET is up to TF as they leave it. */
function stepByNewFlags(): void {
  discardTraps();
  if (getFlags() & FLAG_TF) armStep(1);
  refreshAttention();
}

export function sysret(op: usize): void {
  if (!systemCallsEnabled() || !privileged()) return;
  const wide = opSize(op) == 8;
  const rip = wide ? load<u64>(RCX) : load<u64>(RCX) & 0xffff_ffff;
  if (wide && !canonical(rip)) return protectionFault();
  const star = <u32>(load<u64>(MSR_STAR) >> 48);
  setFlags((load<u64>(R11) & SYSRET_FLAGS) | FLAG_FIXED);
  spend(COST_SYSCALL);
  arrive(((star + (wide ? 16 : 0)) & 0xffff) | 3, ((star + 8) & 0xffff) | 3, 3, wide ? RIGHTS_LONG : RIGHTS_BIG, rip);
  stepByNewFlags();
  traceRecord(SYSRET, 0, rip, 0, 0);
}

export function sysenter(op: usize): void {
  const selector = <u32>load<u64>(MSR_SYSENTER_CS) & 0xfffc;
  if (!inProtectedMode() || selector == 0) return protectionFault();
  const long = inLongMode();
  setFlags(getFlags() & ~<u64>(FLAG_VM | FLAG_IF));
  store<u64>(RSP, long ? load<u64>(MSR_SYSENTER_ESP) : load<u64>(MSR_SYSENTER_ESP) & 0xffff_ffff);
  spend(COST_SYSCALL);
  const target = load<u64>(MSR_SYSENTER_EIP);
  arrive(selector, selector + 8, 0, long ? RIGHTS_LONG : RIGHTS_BIG, long ? target : target & 0xffff_ffff);
  traceRecord(SYSCALL, load<u64>(RAX), target, 0, 0);
  arriveAtMonitor();
}

export function sysexit(op: usize): void {
  const base = <u32>load<u64>(MSR_SYSENTER_CS) & 0xfffc;
  if (!inProtectedMode() || base == 0) return protectionFault();
  if (!privileged()) return;
  const wide = opSize(op) == 8;
  const rip = wide ? load<u64>(RDX) : load<u64>(RDX) & 0xffff_ffff;
  const rsp = wide ? load<u64>(RCX) : load<u64>(RCX) & 0xffff_ffff;
  if (wide && (!canonical(rip) || !canonical(rsp))) return protectionFault();
  store<u64>(RSP, rsp);
  spend(COST_SYSCALL);
  const selector = base + (wide ? 32 : 16);
  arrive((selector & 0xffff) | 3, ((selector + 8) & 0xffff) | 3, 3, wide ? RIGHTS_LONG : RIGHTS_BIG, rip);
  traceRecord(SYSRET, 0, rip, 0, 0);
}
