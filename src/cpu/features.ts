/**
 * What this processor says it can do: CPUID, and the bits of CR0, CR4 and EFER that it lets software set. Only what is
 * implemented is claimed.
 */
import {
  APIC_ID, CPUID_RESULT, CR4, CRYSTAL, MSR_APIC_BASE, MSR_MISC_ENABLE, PROCESSORS, TSC_DENOMINATOR, TSC_NUMERATOR, VMX_OPERATION, VMX_OFF,
} from '../spec/cpu-state';
import {
  CR0_PE, CR0_MP, CR0_EM, CR0_TS, CR0_ET, CR0_NE, CR0_WP, CR0_AM, CR0_NW, CR0_CD, CR0_PG, CR4_VME, CR4_PVI, CR4_TSD, CR4_DE, CR4_PSE, CR4_PAE,
  CR4_MCE, CR4_PGE, CR4_PCE, CR4_OSFXSR, CR4_OSXMMEXCPT, CR4_UMIP, CR4_VMXE, CR4_FSGSBASE, CR4_PCIDE, CR4_OSXSAVE,
  CR4_SMEP, CR4_SMAP, EFER_SCE, EFER_LME, EFER_LMA, EFER_NXE,
} from '../spec/control-bits';
import { XSAVE_AREA_BYTES, XSTATE_SUPPORTED } from '../spec/xstate';
import { PHYSICAL_ADDRESS_BITS } from '../spec/page-bits';

export const CR0_DEFINED: u64 = <u64>CR0_PG | CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD;
export const CR4_SUPPORTED: u64 = CR4_VME | CR4_PVI | CR4_TSD | CR4_DE | CR4_PSE | CR4_PAE | CR4_MCE | CR4_PGE | CR4_PCE | CR4_UMIP | CR4_VMXE
  | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_FSGSBASE | CR4_PCIDE | CR4_OSXSAVE | CR4_SMEP | CR4_SMAP;
export const EFER_SUPPORTED: u64 = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE;

/** Bits at and above MAXPHYADDR. */
export const ABOVE_PHYSICAL_ADDRESS: u64 = ~(((<u64>1) << PHYSICAL_ADDRESS_BITS) - 1);

/** Family 6, model 5EH, stepping 3. */
const SIGNATURE: u32 = 0x0005_06e3;
/** Shows only while IA32_MISC_ENABLE enables MONITOR and MWAIT. */
const ECX_MONITOR: u32 = 1 << 3;
const ECX_VMX: u32 = 1 << 5;
const ECX_CMPXCHG16B: u32 = 1 << 13;
const ECX_PCID: u32 = 1 << 17;
const ECX_X2APIC: u32 = 1 << 21;
const ECX_POPCNT: u32 = 1 << 23;
const ECX_TSC_DEADLINE: u32 = 1 << 24;
const ECX_XSAVE: u32 = 1 << 26;
/** CR4.OSXSAVE as it is now. */
const ECX_OSXSAVE: u32 = 1 << 27;
const EDX_FPU: u32 = 1 << 0;
/** CR4.VME, CR4.PVI and what they switch on. */
const EDX_VME: u32 = 1 << 1;
const EDX_DE: u32 = 1 << 2;
const EDX_PSE: u32 = 1 << 3;
const EDX_TSC: u32 = 1 << 4;
const EDX_MSR: u32 = 1 << 5;
const EDX_PAE: u32 = 1 << 6;
const EDX_CX8: u32 = 1 << 8;
/** Shows only while IA32_APIC_BASE enables the local APIC. */
const EDX_APIC: u32 = 1 << 9;
const EDX_SEP: u32 = 1 << 11;
const EDX_PGE: u32 = 1 << 13;
const EDX_CMOV: u32 = 1 << 15;
const EDX_PAT: u32 = 1 << 16;
const EDX_PSE36: u32 = 1 << 17;
const EDX_CLFSH: u32 = 1 << 19;
const EDX_MMX: u32 = 1 << 23;
const EDX_FXSR: u32 = 1 << 24;
const EDX_SSE: u32 = 1 << 25;
const EDX_SSE2: u32 = 1 << 26;
/** More than one logical processor in the package. */
const EDX_HTT: u32 = 1 << 28;
/** Leaf 6, EAX: the APIC timer always runs. */
const ARAT: u32 = 1 << 2;
/** Leaf 80000007H, EDX. */
const INVARIANT_TSC: u32 = 1 << 8;
/** Leaf 7: FSGSBASE, SMEP, INVPCID, FPU CS and DS deprecated, SMAP; UMIP. */
const LEAF_7_EBX: u32 = (1 << 0) | (1 << 7) | (1 << 10) | (1 << 13) | (1 << 20);
const LEAF_7_ECX: u32 = 1 << 2;
/** Leaf 80000001H: LAHF, PREFETCHW; SYSCALL, NX, 1-GByte pages, RDTSCP, Intel 64. */
const EXTENDED_ECX: u32 = (1 << 0) | (1 << 8);
const EXTENDED_EDX: u32 = (1 << 11) | (1 << 20) | (1 << 26) | (1 << 27) | (1 << 29);

const BASIC_LEAVES: u32 = 0x15;
const EXTENDED_LEAVES: u32 = 0x8000_0008;

function result(eax: u32, ebx: u32, ecx: u32, edx: u32): void {
  store<u32>(CPUID_RESULT, eax);
  store<u32>(CPUID_RESULT, ebx, 4);
  store<u32>(CPUID_RESULT, ecx, 8);
  store<u32>(CPUID_RESULT, edx, 12);
}

/** CPUID into CPUID_RESULT; a leaf beyond the last reads as the last basic leaf (SDM Vol. 2, CPUID). */
export function queryCpuid(leaf: u32, subleaf: u32): void {
  if (leaf >= 0x8000_0000) extendedLeaf(leaf, subleaf);
  else basicLeaf(leaf, subleaf);
}

function basicLeaf(leaf: u32, subleaf: u32): void {
  switch (leaf) {
    case 0: return result(BASIC_LEAVES, 0x756e_6547, 0x6c65_746e, 0x4965_6e69);
    case 1: return featureLeaf();
    case 2: return result(0x00ff_ff01, 0, 0, 0);
    case 5: return monitorEnabled() ? result(64, 64, 0, 0) : result(0, 0, 0, 0);
    case 6: return result(ARAT, 0, 0, 0);
    case 7:
      if (subleaf == 0) result(0, LEAF_7_EBX, LEAF_7_ECX, 0);
      else result(0, 0, 0, 0);
      return;
    case 0xb: return topologyLeaf(subleaf);
    case 0xd: return extendedStateLeaf(subleaf);
    case 3:
    case 4:
    case 8:
    case 9:
    case 0xa:
    case 0xc:
    case 0xe:
    case 0xf:
    case 0x10:
    case 0x11:
    case 0x12:
    case 0x13:
    case 0x14: return result(0, 0, 0, 0);
    default: return result(load<u32>(TSC_DENOMINATOR), load<u32>(TSC_NUMERATOR), load<u32>(CRYSTAL), 0);
  }
}

/** ENABLE MONITOR FSM of IA32_MISC_ENABLE: firmware leaves it clear, so that idle systems use HLT and time passes. */
const MISC_ENABLE_MONITOR: u64 = 1 << 18;
export function monitorEnabled(): bool { return (load<u64>(MSR_MISC_ENABLE) & MISC_ENABLE_MONITOR) != 0; }

function featureLeaf(): void {
  const processors = load<u32>(PROCESSORS);
  const osxsave: u32 = load<u64>(CR4) & CR4_OSXSAVE ? ECX_OSXSAVE : 0;
  const apic: u32 = load<u64>(MSR_APIC_BASE) & (1 << 11) ? EDX_APIC : 0;
  result(SIGNATURE, (load<u32>(APIC_ID) << 24) | ((<u32>1 << coreBits()) << 16) | (8 << 8),
    (monitorEnabled() ? ECX_MONITOR : 0) | ECX_VMX | ECX_CMPXCHG16B | ECX_PCID | ECX_X2APIC | ECX_POPCNT | ECX_TSC_DEADLINE | ECX_XSAVE | osxsave,
    EDX_FPU | EDX_VME | EDX_DE | EDX_PSE | EDX_TSC | EDX_MSR | EDX_PAE | EDX_CX8 | EDX_SEP | EDX_PGE | EDX_CMOV | EDX_PAT
    | EDX_PSE36 | EDX_CLFSH | EDX_MMX | EDX_FXSR | EDX_SSE | EDX_SSE2 | apic | (processors > 1 ? EDX_HTT : 0));
}

/** Bits of the APIC ID that number the processors of the package. */
function coreBits(): u32 {
  const processors = load<u32>(PROCESSORS);
  return processors > 1 ? 32 - clz<u32>(processors - 1) : 0;
}

/** Level types of leaf 0BH. */
const LEVEL_SMT: u32 = 1 << 8;
const LEVEL_CORE: u32 = 2 << 8;

/** One thread a core, all cores in one package. */
function topologyLeaf(subleaf: u32): void {
  const id = load<u32>(APIC_ID);
  if (subleaf == 0) result(0, 1, LEVEL_SMT, id);
  else if (subleaf == 1) result(coreBits(), load<u32>(PROCESSORS), LEVEL_CORE | 1, id);
  else result(0, 0, subleaf & 0xff, id);
}

/** Leaf 0DH: components and size of the XSAVE area; XSAVEOPT. */
function extendedStateLeaf(subleaf: u32): void {
  if (subleaf == 0) result(XSTATE_SUPPORTED, XSAVE_AREA_BYTES, XSAVE_AREA_BYTES, 0);
  else result(subleaf == 1 ? 1 : 0, 0, 0, 0);
}

function extendedLeaf(leaf: u32, subleaf: u32): void {
  switch (leaf) {
    case 0x8000_0000: return result(EXTENDED_LEAVES, 0, 0, 0);
    case 0x8000_0001: return result(0, 0, EXTENDED_ECX, EXTENDED_EDX);
    case 0x8000_0002: return result(0x676e_6952, 0x7320_312d, 0x6c75_6d69, 0x6465_7461); // "Ring-1 simulated"
    case 0x8000_0003: return result(0x3638_7820, 0x0034_362d, 0, 0); // " x86-64"
    case 0x8000_0004:
    case 0x8000_0005:
    case 0x8000_0006: return result(0, 0, 0, 0);
    case 0x8000_0007: return result(0, 0, 0, INVARIANT_TSC);
    case 0x8000_0008: return result((48 << 8) | PHYSICAL_ADDRESS_BITS, 0, 0, 0);
    default: return basicLeaf(BASIC_LEAVES, subleaf);
  }
}

/** Bits of CR0 and CR4 fixed by VMX operation (SDM A.7, A.8): the FIXED0 MSRs; FIXED1 allows what is supported. */
export const VMX_CR0_FIXED: u64 = <u64>CR0_PG | CR0_PE | CR0_NE;
export const VMX_CR4_FIXED: u64 = CR4_VMXE;
@inline export function inVmxOperation(): bool { return load<u32>(VMX_OPERATION) != VMX_OFF; }
