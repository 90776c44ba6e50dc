/**
 * Machine-physical memory. RAM begins at physical address 0 and lies at RAM_BASE of the wasm memory; what is not RAM
 * belongs to the board.
 */
import { RAM_BASE, MAX_RAM_BYTES } from '../spec/memory-map';

/** No such address: the result of a translation that failed. */
export const NO_ADDRESS: u64 = u64.MAX_VALUE;

/** Bytes of RAM: a multiple of 4096. */
export let ramBytes: u64 = 0;

/** Grows the wasm memory to hold so much RAM; false when the host has not enough. */
export function setRamBytes(bytes: u32): bool {
  const wanted: u64 = min<u64>(bytes, MAX_RAM_BYTES) & ~0xfff;
  const pages = <i32>((<u64>RAM_BASE + wanted + 0xffff) >> 16);
  const missing = pages - memory.size();
  if (missing > 0 && memory.grow(missing) < 0) return false;
  ramBytes = wanted;
  return true;
}

/** Wasm address of a byte of RAM, 0 where there is none. Valid to the end of its 4 KiB page. */
@inline
export function hostOfPhysical(pa: u64): usize {
  return pa < ramBytes ? <usize>RAM_BASE + <usize>pa : <usize>0;
}

/** Paging structures, VMCS data and other structures in memory are read from RAM only: all ones elsewhere. */
export function readPhysical64(pa: u64): u64 {
  const host = hostOfPhysical(pa);
  return host != 0 && (pa & 0xfff) <= 0xff8 ? load<u64>(host) : u64.MAX_VALUE;
}

export function readPhysical32(pa: u64): u32 {
  const host = hostOfPhysical(pa);
  return host != 0 && (pa & 0xfff) <= 0xffc ? load<u32>(host) : u32.MAX_VALUE;
}

export function writePhysical64(pa: u64, value: u64): void {
  const host = hostOfPhysical(pa);
  if (host != 0 && (pa & 0xfff) <= 0xff8) store<u64>(host, value);
}

export function writePhysical32(pa: u64, value: u32): void {
  const host = hostOfPhysical(pa);
  if (host != 0 && (pa & 0xfff) <= 0xffc) store<u32>(host, value);
}
