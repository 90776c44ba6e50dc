/**
 * RDMSR, WRMSR, RDTSC, RDTSCP, RDPMC.
 */
import { CR0, CR4, MSR_TSC_AUX } from '../../spec/cpu-state';
import { CR0_PE, CR4_TSD, CR4_PCE } from '../../spec/control-bits';
import * as reason from '../../spec/exit-reasons';
import { PRIMARY_RDTSC_EXITING, PRIMARY_RDPMC_EXITING, SECONDARY_ENABLE_RDTSCP } from '../../spec/vmx-controls';
import { refreshAttention } from '../events';
import { currentLevel, inNonRoot } from '../mode';
import { interceptsMsr, primaryControls, secondaryControls } from '../vmx/controls';
import { intercepted, privileged, protectionFault, register, undefinedOpcode } from './common';
import { msrValue, readMsr, timeStamp, writeMsr } from './msr-access';

const RAX: usize = register(0);
const RCX: usize = register(1);
const RDX: usize = register(2);

function returnPair(value: u64): void {
  store<u64>(RAX, value & 0xffff_ffff);
  store<u64>(RDX, value >> 32);
}

export function rdmsr(op: usize): void {
  if (!privileged()) return;
  const index = load<u32>(RCX);
  if (inNonRoot() && intercepted(op, interceptsMsr(index, false), reason.RDMSR)) return;
  if (readMsr(index)) returnPair(msrValue);
  else protectionFault();
}

export function wrmsr(op: usize): void {
  if (!privileged()) return;
  const index = load<u32>(RCX);
  if (inNonRoot() && intercepted(op, interceptsMsr(index, true), reason.WRMSR)) return;
  if (!writeMsr(index, <u64>load<u32>(RAX) | (<u64>load<u32>(RDX) << 32))) return protectionFault();
  refreshAttention();
}

/** CR4.TSD keeps it to ring 0. */
function timeStampAllowed(): bool {
  if (currentLevel() == 0 || (load<u64>(CR4) & CR4_TSD) == 0 || (load<u64>(CR0) & CR0_PE) == 0) return true;
  protectionFault();
  return false;
}

export function rdtsc(op: usize): void {
  if (!timeStampAllowed() || intercepted(op, (primaryControls & PRIMARY_RDTSC_EXITING) != 0, reason.RDTSC)) return;
  returnPair(timeStamp());
}

export function rdtscp(op: usize): void {
  if (inNonRoot() && (secondaryControls & SECONDARY_ENABLE_RDTSCP) == 0) return undefinedOpcode();
  if (!timeStampAllowed() || intercepted(op, (primaryControls & PRIMARY_RDTSC_EXITING) != 0, reason.RDTSCP)) return;
  returnPair(timeStamp());
  store<u64>(RCX, load<u32>(MSR_TSC_AUX));
}

/** There are no performance counters. */
export function rdpmc(op: usize): void {
  if (currentLevel() > 0 && (load<u64>(CR4) & CR4_PCE) == 0) return protectionFault();
  if (intercepted(op, (primaryControls & PRIMARY_RDPMC_EXITING) != 0, reason.RDPMC)) return;
  protectionFault();
}
