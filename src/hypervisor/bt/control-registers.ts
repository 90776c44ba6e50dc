import * as C from "../../spec/control-bits.js";
import type { BtCpu } from "./virtual-cpu.js";
import { generalProtection, type Fault } from "./fault.js";
import { RIGHTS_LONG } from "./processor-state.js";

/** The bits that CR0 has (SDM 2.5); the rest of its lower half reads as 0. */
const CR0_DEFINED =
  C.CR0_PE |
  C.CR0_MP |
  C.CR0_EM |
  C.CR0_TS |
  C.CR0_ET |
  C.CR0_NE |
  C.CR0_WP |
  C.CR0_AM |
  C.CR0_NW |
  C.CR0_CD |
  C.CR0_PG;
/** Bits of CR4 that the virtual processor has: what the hypervisor hides from CPUID is not among them. */
const CR4_DEFINED =
  C.CR4_TSD |
  C.CR4_DE |
  C.CR4_PSE |
  C.CR4_PAE |
  C.CR4_MCE |
  C.CR4_PGE |
  C.CR4_PCE |
  C.CR4_OSFXSR |
  C.CR4_OSXMMEXCPT |
  C.CR4_UMIP |
  C.CR4_FSGSBASE |
  C.CR4_OSXSAVE |
  C.CR4_SMEP |
  C.CR4_SMAP;
const EFER_DEFINED = BigInt(C.EFER_SCE | C.EFER_LME | C.EFER_LMA | C.EFER_NXE);
/** SDM 4.4.1, table 4-8; MAXPHYADDR is 39. */
const PDPTE_RESERVED = 0xffff_ff80_0000_01e6n;
const ABOVE_PHYSICAL = ~0x7f_ffff_ffffn;
/** Changes of CR4 after which translations mean something else (SDM 4.10.4.1). */
const CR4_TRANSLATION = C.CR4_PAE | C.CR4_PGE | C.CR4_PSE | C.CR4_SMEP | C.CR4_SMAP;
const GLOBAL_TOO = true;

/** MOV to CR0 (SDM 4.1.2, 10.8.5). */
export function writeCr0(cpu: BtCpu, value: bigint): Fault | null {
  const { state } = cpu;
  if (value >> 32n !== 0n) return generalProtection();
  const cr0 = ((Number(value) & CR0_DEFINED) | C.CR0_ET) >>> 0;
  if ((cr0 & C.CR0_PG) !== 0 && (cr0 & C.CR0_PE) === 0) return generalProtection();
  if ((cr0 & C.CR0_NW) !== 0 && (cr0 & C.CR0_CD) === 0) return generalProtection();
  if ((cr0 & C.CR0_PE) === 0) return cpu.refuse("real-address mode");
  const on = (cr0 & C.CR0_PG) !== 0;
  const was = (state.cr0 & C.CR0_PG) !== 0;
  const longMode = on && (state.efer & C.EFER_LME) !== 0;
  if (on !== was) {
    const cs64 = (state.cs.rights & RIGHTS_LONG) !== 0;
    if (longMode && (state.cr4 & C.CR4_PAE) === 0) return generalProtection();
    if (cs64 && (longMode || state.longMode)) return generalProtection();
    if (on && !longMode && !loadPdptes(cpu, state.cr3, state.cr4)) return generalProtection();
    state.efer = longMode ? state.efer | C.EFER_LMA : state.efer & ~C.EFER_LMA;
  }
  const translation = (cr0 ^ state.cr0) & (C.CR0_PG | C.CR0_WP);
  state.cr0 = cr0;
  cpu.controlsChanged();
  if (translation !== 0) cpu.pagingChanged(GLOBAL_TOO);
  return null;
}

export function writeCr3(cpu: BtCpu, value: bigint): Fault | null {
  const { state } = cpu;
  if (state.longMode && (value & ABOVE_PHYSICAL) !== 0n) return generalProtection();
  if (!state.longMode && (state.cr0 & C.CR0_PG) !== 0 && !loadPdptes(cpu, value, state.cr4))
    return generalProtection();
  state.cr3 = value;
  cpu.controlsChanged();
  cpu.pagingChanged(!GLOBAL_TOO);
  return null;
}

export function writeCr4(cpu: BtCpu, value: bigint): Fault | null {
  const { state } = cpu;
  if ((value & ~BigInt(CR4_DEFINED)) !== 0n) return generalProtection();
  const cr4 = Number(value);
  if (state.longMode && (cr4 & C.CR4_PAE) === 0) return generalProtection();
  const translation = ((cr4 ^ state.cr4) & CR4_TRANSLATION) !== 0;
  const paged = (state.cr0 & C.CR0_PG) !== 0 && !state.longMode;
  if (translation && paged && !loadPdptes(cpu, state.cr3, cr4)) return generalProtection();
  state.cr4 = cr4;
  cpu.controlsChanged();
  if (translation) cpu.pagingChanged(GLOBAL_TOO);
  return null;
}

/** WRMSR of IA32_EFER: LMA follows CR0.PG, LME is fixed while paging is on. */
export function writeEfer(cpu: BtCpu, value: bigint): boolean {
  const { state } = cpu;
  if ((value & ~EFER_DEFINED) !== 0n) return false;
  const efer = Number(value);
  if (((efer ^ state.efer) & C.EFER_LME) !== 0 && (state.cr0 & C.CR0_PG) !== 0) return false;
  const translation = (efer ^ state.efer) & C.EFER_NXE;
  state.efer = (efer & ~C.EFER_LMA) | (state.efer & C.EFER_LMA);
  if (translation !== 0) cpu.pagingChanged(GLOBAL_TOO);
  return true;
}

/** The PDPTE registers of PAE paging (SDM 4.4.1); false where a present one has reserved bits. */
function loadPdptes(cpu: BtCpu, cr3: bigint, cr4: number): boolean {
  if ((cr4 & C.CR4_PAE) === 0) return true;
  const table = Number(cr3 & 0xffff_ffe0n);
  const entries = [0, 1, 2, 3].map((i) => cpu.readPhysical64(table + 8 * i));
  if (entries.some((entry) => (entry & 1n) !== 0n && (entry & PDPTE_RESERVED) !== 0n)) return false;
  cpu.state.pdptes = entries;
  return true;
}
