/**
 * Model-specific registers (SDM Vol. 4, chapter 2).
 * @module
 */
export const IA32_TIME_STAMP_COUNTER = 0x10;
export const IA32_APIC_BASE = 0x1b;
export const IA32_FEATURE_CONTROL = 0x3a;
export const IA32_BIOS_SIGN_ID = 0x8b;
export const IA32_MTRRCAP = 0xfe;
export const IA32_SYSENTER_CS = 0x174;
export const IA32_SYSENTER_ESP = 0x175;
export const IA32_SYSENTER_EIP = 0x176;
export const IA32_MCG_CAP = 0x179;
export const IA32_MISC_ENABLE = 0x1a0;
export const IA32_DEBUGCTL = 0x1d9;
export const IA32_PAT = 0x277;
/** Time-stamp counter at which the local APIC's timer fires (SDM Vol. 3, 11.5.4.1). */
export const IA32_TSC_DEADLINE = 0x6e0;
/** Registers of the local APIC in x2APIC mode (SDM Vol. 3, 11.12.1.2). */
export const IA32_X2APIC_FIRST = 0x800;
export const IA32_X2APIC_LAST = 0x8ff;
export const IA32_VMX_BASIC = 0x480;
export const IA32_VMX_PINBASED_CTLS = 0x481;
export const IA32_VMX_PROCBASED_CTLS = 0x482;
export const IA32_VMX_EXIT_CTLS = 0x483;
export const IA32_VMX_ENTRY_CTLS = 0x484;
export const IA32_VMX_MISC = 0x485;
export const IA32_VMX_CR0_FIXED0 = 0x486;
export const IA32_VMX_CR0_FIXED1 = 0x487;
export const IA32_VMX_CR4_FIXED0 = 0x488;
export const IA32_VMX_CR4_FIXED1 = 0x489;
export const IA32_VMX_VMCS_ENUM = 0x48a;
export const IA32_VMX_PROCBASED_CTLS2 = 0x48b;
export const IA32_VMX_EPT_VPID_CAP = 0x48c;
export const IA32_VMX_TRUE_PINBASED_CTLS = 0x48d;
export const IA32_VMX_TRUE_PROCBASED_CTLS = 0x48e;
export const IA32_VMX_TRUE_EXIT_CTLS = 0x48f;
export const IA32_VMX_TRUE_ENTRY_CTLS = 0x490;
export const IA32_EFER = 0xc000_0080;
export const IA32_STAR = 0xc000_0081;
export const IA32_LSTAR = 0xc000_0082;
export const IA32_CSTAR = 0xc000_0083;
export const IA32_FMASK = 0xc000_0084;
export const IA32_FS_BASE = 0xc000_0100;
export const IA32_GS_BASE = 0xc000_0101;
export const IA32_KERNEL_GS_BASE = 0xc000_0102;
export const IA32_TSC_AUX = 0xc000_0103;
