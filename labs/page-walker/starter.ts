// ring1 lab: page-walker
import { FAULT_PRESENT, PAGE_PRESENT } from "../../src/spec/page-bits.js";
import type { Processor } from "./given.js";

const ADDRESS = 0x7f_ffff_f000n;

/** A translation: what a walk found, and what it permits. Hole 1: that is not all that a TLB has to know. */
interface Translation {
  frame: number;
  writable: boolean;
}

/** By linear page. */
const tlb = new Map<bigint, Translation>();

/** @param access - FAULT_WRITE, FAULT_USER, FAULT_FETCH as they are in an error code */
export function translate(cpu: Processor, linear: bigint, access: number): number {
  // Hole 2: look into the TLB first.
  return walk(cpu, linear, access);
}

/** From CR3 down to the entry that maps the page (SDM Vol. 3, 4.5). */
function walk(cpu: Processor, linear: bigint, access: number): number {
  const table = cpu.cr3 & ADDRESS;
  const index = (linear >> 39n) & 511n;
  const entry = cpu.readPhysical(Number(table + 8n * index));
  if ((entry & BigInt(PAGE_PRESENT)) === 0n) return cpu.pageFault(access);
  // Hole 3: three levels are missing, and large pages; rights, reserved bits, accessed and dirty flags.
  return cpu.pageFault(access | FAULT_PRESENT);
}

/** INVLPG. */
export function invalidatePage(cpu: Processor, linear: bigint): void {
  // Hole 4: which translations go? A large page has one entry, or one for each piece.
  if (cpu.cr4 !== 0) tlb.delete(linear >> 12n);
}

/** MOV to CR3; cpu.cr3 is the new one. Bit 63 of what was moved keeps the new address space's translations. */
export function loadCr3(cpu: Processor, value: bigint): void {
  // Hole 5: what stays? See global pages, and PCIDs.
  if (value !== cpu.cr3) flush();
}

/** Given: MOV to CR0 or CR4 that changes how addresses are translated. */
export function flush(): void {
  tlb.clear();
}
