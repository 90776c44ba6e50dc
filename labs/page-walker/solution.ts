// ring1 lab: page-walker
import { CR0_WP, CR4_PCIDE, CR4_PGE } from "../../src/spec/control-bits.js";
import {
  FAULT_FETCH,
  FAULT_PRESENT,
  FAULT_RESERVED,
  FAULT_USER,
  FAULT_WRITE,
  PAGE_ACCESSED,
  PAGE_DIRTY,
  PAGE_GLOBAL,
  PAGE_LARGE,
  PAGE_PRESENT,
  PAGE_USER,
  PAGE_WRITABLE,
} from "../../src/spec/page-bits.js";
import type { Processor } from "./given.js";

const ADDRESS = 0x7f_ffff_f000n;
/** Bits 51:39, above MAXPHYADDR. */
const ABOVE_PHYSICAL = 0x000f_ff80_0000_0000n;
const NO_EXECUTE = 1n << 63n;
const KEEP = 1n << 63n;
/** Low bits of an address within a page that an entry of this level maps; a PML4 entry maps none. */
const OFFSET_BITS = [0n, 12n, 21n, 30n];

/** A translation: what a walk found, and what it permits. */
interface Translation {
  frame: number;
  writable: boolean;
  user: boolean;
  noExecute: boolean;
  dirty: boolean;
}

/** By whose it is, its size and its page: {@link keyOf}. */
const tlb = new Map<string, Translation>();

/** @param access - FAULT_WRITE, FAULT_USER, FAULT_FETCH as they are in an error code */
export function translate(cpu: Processor, linear: bigint, access: number): number {
  for (const bits of OFFSET_BITS.slice(1)) {
    const known = tlb.get(keyOf(true, cpu, bits, linear)) ?? tlb.get(keyOf(false, cpu, bits, linear));
    if (known === undefined || !permits(cpu, known, access)) continue;
    if ((access & FAULT_WRITE) !== 0 && !known.dirty) continue;
    return known.frame + Number(linear & ((1n << bits) - 1n));
  }
  return walk(cpu, linear, access);
}

/** From CR3 down to the entry that maps the page (SDM Vol. 3, 4.5). */
function walk(cpu: Processor, linear: bigint, access: number): number {
  const used: { address: number; entry: bigint }[] = [];
  const found = { frame: 0, writable: true, user: true, noExecute: false, dirty: false };
  let table = cpu.cr3 & ADDRESS;
  for (let level = 4; ; level--) {
    const index = (linear >> (12n + 9n * BigInt(level - 1))) & 511n;
    const address = Number(table + 8n * index);
    const entry = cpu.readPhysical(address);
    if (!has(entry, PAGE_PRESENT)) return cpu.pageFault(access);
    if (isReserved(entry, level)) return cpu.pageFault(access | FAULT_PRESENT | FAULT_RESERVED);
    used.push({ address, entry });
    found.writable &&= has(entry, PAGE_WRITABLE);
    found.user &&= has(entry, PAGE_USER);
    found.noExecute ||= (entry & NO_EXECUTE) !== 0n;
    table = entry & ADDRESS;
    if (level > 1 && !has(entry, PAGE_LARGE)) continue;
    if (!permits(cpu, found, access)) return cpu.pageFault(access | FAULT_PRESENT);
    const offset = (1n << OFFSET_BITS[level]) - 1n;
    found.frame = Number(table & ~offset);
    found.dirty = setFlags(cpu, used, (access & FAULT_WRITE) !== 0);
    const global = has(entry, PAGE_GLOBAL) && (cpu.cr4 & CR4_PGE) !== 0;
    tlb.set(keyOf(global, cpu, OFFSET_BITS[level], linear), found);
    return found.frame + Number(linear & offset);
  }
}

/** Accessed in all entries used; dirty in the last, for a write (SDM Vol. 3, 4.8). @returns whether it is dirty */
function setFlags(cpu: Processor, used: { address: number; entry: bigint }[], write: boolean): boolean {
  const last = used.length - 1;
  used.forEach(({ address, entry }, i) => {
    const flags = BigInt(write && i === last ? PAGE_ACCESSED | PAGE_DIRTY : PAGE_ACCESSED);
    if ((entry & flags) !== flags) cpu.writePhysical(address, entry | flags);
  });
  return write || has(used[last].entry, PAGE_DIRTY);
}

/** SDM Vol. 3, 4.6.1, without SMEP and SMAP. */
function permits(cpu: Processor, { writable, user, noExecute }: Translation, access: number): boolean {
  if ((access & FAULT_FETCH) !== 0 && noExecute) return false;
  if ((access & FAULT_USER) !== 0) return user && (writable || (access & FAULT_WRITE) === 0);
  return writable || (access & FAULT_WRITE) === 0 || (cpu.cr0 & CR0_WP) === 0;
}

/** SDM Vol. 3, 4.5.4: bits above MAXPHYADDR, PS in a PML4 entry, address bits below the size of a large page. */
function isReserved(entry: bigint, level: number): boolean {
  if ((entry & ABOVE_PHYSICAL) !== 0n) return true;
  if (level === 1 || !has(entry, PAGE_LARGE)) return false;
  return level === 4 || (entry & ((1n << OFFSET_BITS[level]) - 1n) & ~0x1fffn) !== 0n;
}

/** INVLPG: the page's translations go, of this address space and global ones (SDM Vol. 3, 4.10.4.1). */
export function invalidatePage(cpu: Processor, linear: bigint): void {
  for (const bits of OFFSET_BITS.slice(1)) {
    tlb.delete(keyOf(true, cpu, bits, linear));
    tlb.delete(keyOf(false, cpu, bits, linear));
  }
}

/** MOV to CR3; cpu.cr3 is the new one. Bit 63 of what was moved keeps the new address space's translations. */
export function loadCr3(cpu: Processor, value: bigint): void {
  if ((cpu.cr4 & CR4_PCIDE) !== 0 && (value & KEEP) !== 0n) return;
  const own = `${spaceOf(cpu)}/`;
  for (const key of tlb.keys()) if (key.startsWith(own)) tlb.delete(key);
}

/** MOV to CR0 or CR4 that changes how addresses are translated. */
export function flush(): void {
  tlb.clear();
}

function keyOf(global: boolean, cpu: Processor, bits: bigint, linear: bigint): string {
  return `${global ? "global" : spaceOf(cpu)}/${bits}/${linear >> bits}`;
}

function spaceOf(cpu: Processor): bigint {
  return (cpu.cr4 & CR4_PCIDE) !== 0 ? cpu.cr3 & 0xfffn : 0n;
}

function has(entry: bigint, bit: number): boolean {
  return (entry & BigInt(bit)) !== 0n;
}
