/**
 * Privileged instructions of a monitor that owns ring 0 and is outside simulated memory: each export stands for one that it
 * executes at CPL 0. 64-bit operands go through OPERAND. The rest of what it does — IRET, arrivals through the IDT — the
 * processor does by itself.
 */
import { MONITOR, OPERAND, RFLAGS, VMX_OFF, VMX_OPERATION } from '../spec/cpu-state';
import { FLAG_TF } from '../spec/control-bits';
import { STOP_MONITOR } from '../spec/stops';
import { armStep } from './debug';
import { EMULATED } from './ept';
import { clearStop, deliverPending, refreshAttention, stopReason } from './events';
import { clearFault, faultPending, NONE, setRunningAlone } from './fault';
import { getFlags } from './flags';
import { modeChanged } from './mode';
import { redirect } from './paging';
import { runOne } from './run';
import { loadDataSegment } from './segments';
import { moveToControlRegister } from './system/control-registers';
import { loadLdt } from './system/descriptor-tables';
import { flushTlbPage } from './tlb-contexts';

/** MOV to CRn of the value in OPERAND; false where it raises #GP. */
export function writeCr(number: u32): bool {
  const taken = moveToControlRegister(number, load<u64>(OPERAND));
  clearFault();
  return taken;
}

/** INVLPG of the address in OPERAND. */
export function invalidatePageAt(): void { flushTlbPage(load<u64>(OPERAND)); }

/** MOV to ES, DS, FS or GS; false where it faults. */
export function loadSelector(index: u32, selector: u32): bool {
  setRunningAlone(true);
  const loaded = loadDataSegment(index, selector);
  setRunningAlone(false);
  clearFault();
  modeChanged();
  return loaded;
}

/** LLDT of a descriptor that the monitor has written; false where it faults. */
export function loadLocalTable(selector: u32): bool {
  setRunningAlone(true);
  const loaded = loadLdt(selector);
  setRunningAlone(false);
  clearFault();
  return loaded;
}

/**
 * Executes the instruction at which the processor is in software, with the processor's own decoder and instruction table. Data
 * accesses to the page of the linear address in OPERAND go to `target`, a page of machine-physical RAM or, for a `device`, of
 * the VM's devices by guest-physical address (board.ts, emulatedRead and emulatedWrite). False: it has left to the monitor.
 */
export function emulateRedirected(target: f64, device: bool): bool {
  if (load<u32>(MONITOR) == 0 || load<u32>(VMX_OPERATION) != VMX_OFF) return false;
  clearStop();
  refreshAttention();
  if ((load<u64>(RFLAGS) & FLAG_TF) != 0) armStep(1);
  redirect(load<u64>(OPERAND) & ~0xfff, device ? EMULATED | <u64>target : <u64>target);
  runOne();
  redirect(1, 0);
  if (faultPending != NONE) deliverPending();
  getFlags();
  return stopReason != STOP_MONITOR;
}
