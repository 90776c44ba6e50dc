/**
 * The processor's operating mode, derived from CR0, EFER, RFLAGS and the CS descriptor (SDM Vol. 3, 2.2), and the
 * current privilege level.
 */
import {
  CPL, CODE_BITS, CR0, MSR_EFER, RFLAGS, SEGMENTS, SEGMENT_BYTES, SEGMENT_RIGHTS, CS, VMX_OPERATION, VMX_NON_ROOT,
} from '../spec/cpu-state';
import { CR0_AM, CR0_PE, EFER_LMA, FLAG_AC, FLAG_VM } from '../spec/control-bits';
import { contextChanged } from './context';
import { breakpointsChanged, dataWatched } from './debug';
import { selectTlb } from './tlb';

/** Access rights of a segment in the VMX format (SDM 25.4.1). */
export const RIGHTS_TYPE: u32 = 0xf;
export const RIGHTS_CODE: u32 = 1 << 3;
export const RIGHTS_CONFORMING: u32 = 1 << 2;
export const RIGHTS_EXPAND_DOWN: u32 = 1 << 2;
export const RIGHTS_READ_WRITE: u32 = 1 << 1;
export const RIGHTS_ACCESSED: u32 = 1;
export const RIGHTS_CODE_OR_DATA: u32 = 1 << 4;
export const RIGHTS_DPL_SHIFT: u32 = 5;
export const RIGHTS_PRESENT: u32 = 1 << 7;
export const RIGHTS_LONG: u32 = 1 << 13;
export const RIGHTS_BIG: u32 = 1 << 14;
export const RIGHTS_GRANULARITY: u32 = 1 << 15;
export const RIGHTS_UNUSABLE: u32 = 1 << 16;

@inline export function inLongMode(): bool { return (load<u64>(MSR_EFER) & EFER_LMA) != 0; }
@inline export function in64BitMode(): bool { return load<u32>(CODE_BITS) == 64; }
@inline export function inProtectedMode(): bool { return (load<u64>(CR0) & CR0_PE) != 0; }
@inline export function inVirtual8086(): bool { return (load<u64>(RFLAGS) & FLAG_VM) != 0; }
@inline export function inNonRoot(): bool { return load<u32>(VMX_OPERATION) == VMX_NON_ROOT; }
@inline export function currentLevel(): u32 { return load<u32>(CPL); }

@inline
export function segment(index: u32): usize { return SEGMENTS + index * SEGMENT_BYTES; }

/** #AC may be raised: CPL 3, CR0.AM and EFLAGS.AC (SDM 6.15, interrupt 17). */
export let alignmentChecked: bool = false;

/** To be called whenever CPL, CS, CR0, CR3, CR4, EFER, EFLAGS.AC, VM or DR7 have changed. */
export function modeChanged(): void {
  const rights = load<u32>(segment(CS), SEGMENT_RIGHTS);
  let bits: u32 = rights & RIGHTS_BIG ? 32 : 16;
  if (inLongMode() && (rights & RIGHTS_LONG) != 0) bits = 64;
  store<u32>(CODE_BITS, bits);
  alignmentChecked = load<u32>(CPL) == 3 && (load<u64>(CR0) & CR0_AM) != 0 && (load<u64>(RFLAGS) & FLAG_AC) != 0;
  breakpointsChanged();
  selectTlb(load<u32>(CPL) == 3, alignmentChecked || dataWatched);
  contextChanged();
}

export function setLevel(cpl: u32): void {
  store<u32>(CPL, cpl);
  modeChanged();
}
