import {
  CR0_AM,
  CR0_CD,
  CR0_EM,
  CR0_ET,
  CR0_MP,
  CR0_NE,
  CR0_NW,
  CR0_PE,
  CR0_PG,
  CR0_TS,
  CR0_WP,
  CR4_PAE,
  CR4_VMXE,
  EFER_LMA,
  EFER_LME,
} from "../../../spec/control-bits.js";
import {
  CR0_READ_SHADOW,
  ENTRY_CONTROLS,
  EXIT_QUALIFICATION,
  GUEST_CR0,
  GUEST_CR3,
  GUEST_CR4,
  GUEST_CS_ACCESS_RIGHTS,
  GUEST_IA32_EFER,
  GUEST_PDPTE0,
} from "../../../spec/vmcs-fields.js";
import { IA32_VMX_CR4_FIXED1 } from "../../../spec/msrs.js";
import { ENTRY_IA32E_MODE_GUEST } from "../../../spec/vmx-controls.js";
import type { Outcome } from "../../outcome.js";
import { REGISTER_NAMES, type RegisterName } from "../../vcpu.js";
import type { VmExitHandler, VmVcpu } from "../../vm-vcpu.js";
import type { ShadowRegisters } from "../shadow-registers.js";
import { generalProtection } from "./refused.js";

/**
 * Bits of CR0 that the hypervisor keeps: VMX operation needs NE set (SDM A.7), and caching is not the guest's to
 * switch off. The guest reads its own idea of them from the read shadow (SDM 26.3).
 */
export const CR0_OWNED = (CR0_NE | CR0_NW | CR0_CD) >>> 0;
/** The bits that CR0 has (SDM 2.5); the rest of its lower half reads as 0. */
const CR0_DEFINED =
  CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD | CR0_PG;
const CS_LONG = 1 << 13;

const MOV_TO_CR = 0;
const MOV_FROM_CR = 1;
const CLTS = 2;
const LMSW = 3;

// #region exit-control-register
/** CR8, or a write of CR0 or CR4 that changes a bit the hypervisor owns (SDM 26.1.3; qualification: table 28-3). */
export const controlRegisterAccess: VmExitHandler = (vcpu) => {
  if (vcpu.paging !== null) return shadowedRegisterAccess(vcpu, vcpu.paging);
  const qualification = vcpu.vmread32(EXIT_QUALIFICATION);
  const number = qualification & 15;
  const access = (qualification >> 4) & 3;
  const register = REGISTER_NAMES[(qualification >> 8) & 15];
  if (number === 8) return taskPriority(vcpu, register, access === MOV_FROM_CR);
  const shadow = vcpu.vmread(CR0_READ_SHADOW);
  let value: bigint;
  if (access === CLTS) value = shadow & ~BigInt(CR0_TS);
  else if (access === LMSW) value = (shadow & ~0xen) | BigInt((qualification >>> 16) & 15);
  else if (access === MOV_TO_CR && number === 0) value = vcpu.registers[register];
  else return generalProtection(vcpu);
  if (!writeCr0(vcpu, value)) return generalProtection(vcpu);
  vcpu.flushTranslations();
  vcpu.advance();
  return "resume";
};
// #endregion

/**
 * Under shadow paging the hypervisor keeps every bit that decides about paging, and CR3: both directions exit (SDM 26.1.3,
 * 25.6.6).
 */
function shadowedRegisterAccess(vcpu: VmVcpu, paging: ShadowRegisters): Outcome {
  const qualification = vcpu.vmread32(EXIT_QUALIFICATION);
  const number = qualification & 15;
  const access = (qualification >> 4) & 3;
  const register = REGISTER_NAMES[(qualification >> 8) & 15];
  if (number === 8) return taskPriority(vcpu, register, access === MOV_FROM_CR);
  if (access === MOV_FROM_CR) vcpu.registers[register] = paging.cr3;
  else if (!writeShadowed(vcpu, paging, number, writtenValue(vcpu, paging, access, register, qualification)))
    return generalProtection(vcpu);
  vcpu.advance();
  return "resume";
}

function writeShadowed(vcpu: VmVcpu, paging: ShadowRegisters, number: number, value: bigint): boolean {
  if (number === 0) return paging.setCr0(value);
  if (number === 3) return paging.setCr3(value);
  const supported = Number(vcpu.rdmsr(IA32_VMX_CR4_FIXED1) ?? 0n) & ~CR4_VMXE;
  return paging.setCr4(value, supported);
}

/** LMSW cannot clear PE. Outside 64-bit mode MOV has 32 bits. */
function writtenValue(
  vcpu: VmVcpu,
  paging: ShadowRegisters,
  access: number,
  register: RegisterName,
  qualification: number,
): bigint {
  const { cr0, efer } = paging;
  if (access === CLTS) return BigInt((cr0 & ~CR0_TS) >>> 0);
  if (access === LMSW) return BigInt(((cr0 & ~0xe) | ((qualification >>> 16) & 15) | (cr0 & CR0_PE)) >>> 0);
  const wide = (efer & EFER_LMA) !== 0 && (vcpu.vmread32(GUEST_CS_ACCESS_RIGHTS) & CS_LONG) !== 0;
  const value = vcpu.registers[register];
  return wide ? value : value & 0xffff_ffffn;
}

/** MOV from and to CR8 (SDM 11.8.6): the task priority belongs to the virtual local APIC. */
function taskPriority(vcpu: VmVcpu, register: RegisterName, read: boolean): Outcome {
  const value = vcpu.registers[register];
  if (read) vcpu.registers[register] = BigInt(vcpu.taskPriority);
  else if (value >> 4n !== 0n) return generalProtection(vcpu);
  else vcpu.taskPriority = Number(value);
  vcpu.advance();
  return "resume";
}

/** What MOV to CR0 does (SDM 4.1.2, 9.8.5); false where it raises #GP(0). CR4 exits only for VMXE, which is refused. */
function writeCr0(vcpu: VmVcpu, value: bigint): boolean {
  if (value >> 32n !== 0n) return false;
  const cr0 = (Number(value) & CR0_DEFINED) | CR0_ET;
  if ((cr0 & CR0_PG) !== 0 && (cr0 & CR0_PE) === 0) return false;
  if ((cr0 & CR0_NW) !== 0 && (cr0 & CR0_CD) === 0) return false;
  const paging = (cr0 & CR0_PG) !== 0;
  if (paging !== ((vcpu.vmread32(GUEST_CR0) & CR0_PG) !== 0) && !switchPaging(vcpu, paging)) return false;
  vcpu.vmwrite(GUEST_CR0, BigInt(((cr0 & ~CR0_OWNED) | CR0_NE) >>> 0));
  vcpu.vmwrite(CR0_READ_SHADOW, BigInt(cr0 >>> 0));
  return true;
}

/** Turns paging on or off: IA-32e mode follows from IA32_EFER.LME; 32-bit PAE paging loads its four PDPTEs. */
function switchPaging(vcpu: VmVcpu, on: boolean): boolean {
  const efer = vcpu.vmread32(GUEST_IA32_EFER);
  const pae = (vcpu.vmread32(GUEST_CR4) & CR4_PAE) !== 0;
  const longMode = on && (efer & EFER_LME) !== 0;
  const cs64 = (vcpu.vmread32(GUEST_CS_ACCESS_RIGHTS) & CS_LONG) !== 0;
  if (longMode && !pae) return false;
  if (cs64 && (longMode || (efer & EFER_LMA) !== 0)) return false;
  if (on && pae && !longMode && !loadPdptes(vcpu)) return false;
  const entry = vcpu.vmread32(ENTRY_CONTROLS);
  vcpu.vmwrite(GUEST_IA32_EFER, BigInt(longMode ? efer | EFER_LMA : efer & ~EFER_LMA));
  vcpu.vmwrite(
    ENTRY_CONTROLS,
    BigInt((longMode ? entry | ENTRY_IA32E_MODE_GUEST : entry & ~ENTRY_IA32E_MODE_GUEST) >>> 0),
  );
  return true;
}

/** The page-directory-pointer-table entries at CR3 (SDM 4.4.1); false where a present one has reserved bits. */
function loadPdptes(vcpu: VmVcpu): boolean {
  const table = Number(vcpu.vmread(GUEST_CR3) & 0xffff_ffe0n);
  for (let i = 0; i < 4; i++) {
    const entry = vcpu.guestMemory.contains(table + 8 * i, 8) ? vcpu.guestMemory.read64(table + 8 * i) : ~0n;
    const reserved = 0xfff0_0000_0000_01e6n;
    if ((entry & 1n) !== 0n && (entry & reserved) !== 0n) return false;
    vcpu.vmwrite(GUEST_PDPTE0 + 2 * i, entry);
  }
  return true;
}
