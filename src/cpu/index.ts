/**
 * The wasm module: pins and instructions that the board and a monitor in TypeScript use.
 */
import { INTR_LINE, NMI_PENDING, RFLAGS, SIGNALS, STOP_REQUEST } from '../spec/cpu-state';
import { GIGABYTE_SLOT } from '../spec/memory-map';
import { invalidatePage } from './blocks';
import { installHandlers } from './build/tables';
import { refreshAttention } from './events';
import { setFlags } from './flags';
import { setRamBytes } from './physical';
import { resetState, stateReplaced } from './reset';

export { inspect } from './inspect';
export { emulateRedirected, invalidatePageAt, loadLocalTable, loadSelector, writeCr } from './monitor';
export { enterProcessor, leaveProcessor } from './processors';
export { run } from './run';
export { emulateInstruction } from './vmx/emulate';
export { flushPhysicalPage, flushTlb } from './tlb-contexts';
export { traceAppend } from './trace';
export {
  cpuid, invept, invvpid, rdmsr, vmclear, vmlaunch, vmptrld, vmptrst, vmread, vmresume, vmwrite, vmxoff, vmxon, wrmsr,
} from './vmx/port';

export function reset(): void {
  installHandlers();
  store<u64>(GIGABYTE_SLOT, 1 << 30);
  resetState();
  stateChanged();
}

/** The host has written the state window. */
export function stateChanged(): void {
  setFlags(load<u64>(RFLAGS));
  stateReplaced();
}

/** False when the host has not so much memory. */
export function setRam(bytes: u32): bool { return setRamBytes(bytes); }

export function setInterruptLine(level: u32): void {
  store<u32>(INTR_LINE, level);
  refreshAttention();
}

/** An edge on the NMI pin, or an NMI message. */
export function signalNmi(): void {
  store<u32>(NMI_PENDING, 1);
  refreshAttention();
}

/** INIT and start-up messages: bits of SIGNALS. */
export function signal(signals: u32): void {
  store<u32>(SIGNALS, load<u32>(SIGNALS) | signals);
  refreshAttention();
}

export function requestStop(): void {
  store<u32>(STOP_REQUEST, 1);
  refreshAttention();
}

/** Bytes of RAM were changed from outside. */
export function invalidateCode(pa: f64, bytes: u32): void {
  const first = <u64>pa & ~0xfff;
  const end = <u64>pa + bytes;
  for (let page = first; page < end; page += 0x1000) invalidatePage(page);
}
