/**
 * What decoded code depends on besides its bytes: the mode, which segments are flat, and the code segment. Recomputed
 * at the next instruction boundary after {@link contextChanged}.
 */
import {
  CODE_BITS, CS, SEGMENTS, SEGMENT_BYTES, SEGMENT_BASE, SEGMENT_LIMIT, SEGMENT_RIGHTS, SS, RIP, CR0, INSTRUCTIONS, RFLAGS, UNFINISHED,
} from '../spec/cpu-state';
import { CR0_PE, FLAG_VM } from '../spec/control-bits';
import { flushBlocks } from './blocks';

/** Bits of {@link modeKey}. */
export const KEY_CODE_32: u32 = 1;
export const KEY_CODE_64: u32 = 2;
/** Protected mode, not virtual-8086. */
export const KEY_PROTECTED: u32 = 1 << 2;
export const KEY_CS_LIMITED: u32 = 1 << 3;
/** Stack pointer of 32 bits. */
export const KEY_STACK_32: u32 = 1 << 4;
/** Shifted left by the number of a segment: base 0, limit 4 GiB, readable and writable. */
export const KEY_FLAT: u32 = 1 << 8;

export let modeKey: u32 = 0;
/** For decoding outside execution; {@link contextChanged} must follow. */
export function setModeKey(key: u32): void { modeKey = key; }
/** Added to RIP for the linear address: 0 in 64-bit mode. */
export let codeBase: u64 = 0;
/** Bits of RIP and of linear addresses in this mode. */
export let ripMask: u64 = u64.MAX_VALUE;
export let addressMask: u64 = u64.MAX_VALUE;
/** Last offset in the code segment. */
export let codeLimit: u64 = u64.MAX_VALUE;
/** The limit that blocks of a limited code segment were decoded for. */
let decodedLimit: u64 = u64.MAX_VALUE;

/** Page of the instruction executed last, linear and machine-physical; all ones: the fetch TLB is to be asked. */
export let currentPage: u64 = u64.MAX_VALUE;
export let currentPhysical: u64 = 0;
export function setCurrentPage(linear: u64, physical: u64): void {
  currentPage = linear;
  currentPhysical = physical;
}

export let contextDirty: bool = true;

/** To be called when CPL, mode, CS, paging or VMX operation have changed. */
export function contextChanged(): void {
  contextDirty = true;
  currentPage = u64.MAX_VALUE;
}

/** The handler of a system instruction has set RIP. */
export let jumped: bool = false;
export function clearJumped(): void { jumped = false; }
/** A string instruction has repetitions to come: an event before them returns to it, with RF set (SDM 18.3.1.1). */
export function repeatLater(): void {
  store<u64>(UNFINISHED, load<u64>(INSTRUCTIONS) + 1);
  jumpTo(load<u64>(RIP));
}
export function repetitionsToCome(): bool { return load<u64>(UNFINISHED) == load<u64>(INSTRUCTIONS) && load<u64>(UNFINISHED) != 0; }

export function jumpTo(rip: u64): void {
  store<u64>(RIP, rip);
  jumped = true;
}

const UNUSABLE: u32 = 1 << 16;
const BIG: u32 = 1 << 14;
/** Data, expand-up, writable; or code, readable: what an access through it is allowed anyway. */
function flat(index: u32): bool {
  const at: usize = SEGMENTS + index * SEGMENT_BYTES;
  const rights = load<u32>(at, SEGMENT_RIGHTS);
  if (load<u64>(at, SEGMENT_BASE) != 0 || load<u32>(at, SEGMENT_LIMIT) != u32.MAX_VALUE || (rights & UNUSABLE) != 0) return false;
  return (rights & 0x1e) == 0x12;
}

export function refreshContext(): void {
  contextDirty = false;
  const code: usize = SEGMENTS + CS * SEGMENT_BYTES;
  if (load<u32>(CODE_BITS) == 64) {
    modeKey = KEY_CODE_64 | KEY_PROTECTED;
    codeBase = 0;
    codeLimit = u64.MAX_VALUE;
    ripMask = u64.MAX_VALUE;
    addressMask = u64.MAX_VALUE;
    return;
  }
  let key: u32 = load<u32>(CODE_BITS) == 32 ? KEY_CODE_32 : 0;
  if ((load<u64>(CR0) & CR0_PE) != 0 && (load<u64>(RFLAGS) & FLAG_VM) == 0) key |= KEY_PROTECTED;
  if (load<u32>(SEGMENTS + SS * SEGMENT_BYTES, SEGMENT_RIGHTS) & BIG) key |= KEY_STACK_32;
  for (let i: u32 = 0; i < 6; i++) if (flat(i)) key |= KEY_FLAT << i;
  codeBase = load<u64>(code, SEGMENT_BASE) & 0xffff_ffff;
  codeLimit = load<u32>(code, SEGMENT_LIMIT);
  if (codeLimit != 0xffff_ffff) {
    key |= KEY_CS_LIMITED;
    if (decodedLimit != codeLimit) flushBlocks();
    decodedLimit = codeLimit;
  }
  ripMask = 0xffff_ffff;
  addressMask = 0xffff_ffff;
  modeKey = key;
}
