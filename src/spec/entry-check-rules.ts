/**
 * The checks of a VM entry as text, by the numbers of `entry-checks.ts`.
 * @module
 */
export interface EntryCheckRule {
  /** Section of the SDM, Vol. 3. */
  readonly section: string;
  /** VMCS field or fields, by the names of `vmcs-fields.ts`. */
  readonly field: string;
  readonly rule: string;
}

export const ENTRY_CHECK_RULES: Readonly<Record<number, EntryCheckRule>> = {
  // 27.1 basic checks: VMfail
  101: { section: "27.1", field: "current-VMCS pointer", rule: "is not valid: VMPTRLD has loaded no VMCS" },
  102: {
    section: "27.1",
    field: "interruptibility of the host",
    rule: "VM entry right after MOV SS or POP SS",
  },
  103: { section: "27.1", field: "launch state", rule: "VMLAUNCH needs a VMCS that is clear" },
  104: { section: "27.1", field: "launch state", rule: "VMRESUME needs a VMCS that was launched" },
  // 27.2.1.1 VM-execution controls: error 7
  201: {
    section: "27.2.1.1",
    field: "PIN_BASED_CONTROLS",
    rule: "reserved bits must be as IA32_VMX_TRUE_PINBASED_CTLS says",
  },
  202: {
    section: "27.2.1.1",
    field: "PRIMARY_CONTROLS",
    rule: "reserved bits must be as IA32_VMX_TRUE_PROCBASED_CTLS says",
  },
  203: {
    section: "27.2.1.1",
    field: "SECONDARY_CONTROLS",
    rule: "reserved bits must be as IA32_VMX_PROCBASED_CTLS2 says",
  },
  204: { section: "27.2.1.1", field: "CR3_TARGET_COUNT", rule: "at most 4 CR3-target values" },
  205: {
    section: "27.2.1.1",
    field: "IO_BITMAP_A, IO_BITMAP_B",
    rule: "page-aligned and within the physical-address width when I/O bitmaps are used",
  },
  206: {
    section: "27.2.1.1",
    field: "MSR_BITMAP",
    rule: "page-aligned and within the physical-address width when MSR bitmaps are used",
  },
  207: { section: "27.2.1.1", field: "PIN_BASED_CONTROLS", rule: "virtual NMIs need NMI exiting" },
  208: { section: "27.2.1.1", field: "PRIMARY_CONTROLS", rule: "NMI-window exiting needs virtual NMIs" },
  209: { section: "27.2.1.1", field: "VPID", rule: "is not 0000H when VPIDs are enabled" },
  210: { section: "27.2.1.1", field: "EPT_POINTER", rule: "memory type is uncacheable or write-back" },
  211: { section: "27.2.1.1", field: "EPT_POINTER", rule: "bits 5:3 are 3: a page-walk length of 4" },
  212: {
    section: "27.2.1.1",
    field: "EPT_POINTER",
    rule: "bits 11:7 and those beyond the physical-address width are 0",
  },
  213: { section: "27.2.1.1", field: "SECONDARY_CONTROLS", rule: "unrestricted guest needs EPT" },
  214: {
    section: "27.2.1.1",
    field: "VIRTUAL_APIC_ADDRESS",
    rule: "page-aligned and within the physical-address width when the TPR shadow is used",
  },
  215: {
    section: "27.2.1.1",
    field: "TPR_THRESHOLD",
    rule: "bits 31:4 are 0 when the TPR shadow is used",
  },
  216: {
    section: "27.2.1.1",
    field: "TPR_THRESHOLD",
    rule: "not above bits 7:4 of VTPR, unless APIC accesses are virtualized",
  },
  217: {
    section: "27.2.1.1",
    field: "APIC_ACCESS_ADDRESS",
    rule: "page-aligned and within the physical-address width when APIC accesses are virtualized",
  },
  // 27.2.1.2 VM-exit controls: error 7
  221: {
    section: "27.2.1.2",
    field: "EXIT_CONTROLS",
    rule: "reserved bits must be as IA32_VMX_TRUE_EXIT_CTLS says",
  },
  222: {
    section: "27.2.1.2",
    field: "EXIT_MSR_STORE_ADDRESS",
    rule: "16-byte aligned and, with the last entry, within the physical-address width",
  },
  223: {
    section: "27.2.1.2",
    field: "EXIT_MSR_LOAD_ADDRESS",
    rule: "16-byte aligned and, with the last entry, within the physical-address width",
  },
  224: {
    section: "27.2.1.2",
    field: "EXIT_CONTROLS",
    rule: "saving the VMX-preemption timer needs the timer to be active",
  },
  // 27.2.1.3 VM-entry controls: error 7
  231: {
    section: "27.2.1.3",
    field: "ENTRY_CONTROLS",
    rule: "reserved bits must be as IA32_VMX_TRUE_ENTRY_CTLS says",
  },
  232: {
    section: "27.2.1.3",
    field: "ENTRY_INTERRUPTION_INFORMATION",
    rule: "type 1 is reserved; type 7 needs the monitor trap flag",
  },
  233: {
    section: "27.2.1.3",
    field: "ENTRY_INTERRUPTION_INFORMATION",
    rule: "an NMI has vector 2, a hardware exception at most 31, another event 0",
  },
  234: {
    section: "27.2.1.3",
    field: "ENTRY_INTERRUPTION_INFORMATION",
    rule: "an error code is delivered exactly for #DF, #TS, #NP, #SS, #GP, #PF and #AC in protected mode",
  },
  235: { section: "27.2.1.3", field: "ENTRY_INTERRUPTION_INFORMATION", rule: "bits 30:12 are 0" },
  236: { section: "27.2.1.3", field: "ENTRY_EXCEPTION_ERROR_CODE", rule: "bits 31:16 are 0" },
  237: {
    section: "27.2.1.3",
    field: "ENTRY_INSTRUCTION_LENGTH",
    rule: "is 1 to 15 for software interrupts and exceptions",
  },
  238: {
    section: "27.2.1.3",
    field: "ENTRY_MSR_LOAD_ADDRESS",
    rule: "16-byte aligned and, with the last entry, within the physical-address width",
  },
  239: {
    section: "27.2.1.3",
    field: "ENTRY_CONTROLS",
    rule: "entry to SMM and deactivation of dual-monitor treatment only in SMM",
  },
  // 27.2.2 host control registers and MSRs: error 8
  301: { section: "27.2.2", field: "HOST_CR0", rule: "bits fixed in VMX operation" },
  302: { section: "27.2.2", field: "HOST_CR4", rule: "bits fixed in VMX operation" },
  303: { section: "27.2.2", field: "HOST_CR3", rule: "within the physical-address width" },
  304: { section: "27.2.2", field: "HOST_IA32_SYSENTER_ESP, HOST_IA32_SYSENTER_EIP", rule: "canonical" },
  305: { section: "27.2.2", field: "HOST_IA32_PAT", rule: "each byte is 0, 1, 4, 5, 6 or 7" },
  306: {
    section: "27.2.2",
    field: "HOST_IA32_EFER",
    rule: "reserved bits are 0; LMA and LME equal the host address-space size",
  },
  // 27.2.3 host segment and descriptor-table registers: error 8
  311: { section: "27.2.3", field: "HOST_*_SELECTOR", rule: "RPL and TI are 0" },
  312: { section: "27.2.3", field: "HOST_CS_SELECTOR", rule: "is not 0000H" },
  313: { section: "27.2.3", field: "HOST_TR_SELECTOR", rule: "is not 0000H" },
  314: { section: "27.2.3", field: "HOST_SS_SELECTOR", rule: "is not 0000H for a 32-bit host" },
  315: {
    section: "27.2.3",
    field: "HOST_FS_BASE, HOST_GS_BASE, HOST_GDTR_BASE, HOST_IDTR_BASE, HOST_TR_BASE",
    rule: "canonical",
  },
  // 27.2.4 address-space size: error 8
  321: {
    section: "27.2.4",
    field: "EXIT_CONTROLS",
    rule: "host address-space size equals EFER.LMA at VM entry",
  },
  322: { section: "27.2.4", field: "ENTRY_CONTROLS", rule: "an IA-32e mode guest needs a 64-bit host" },
  323: { section: "27.2.4", field: "HOST_RIP", rule: "bits 63:32 are 0 for a 32-bit host" },
  324: {
    section: "27.2.4",
    field: "HOST_CR4, HOST_RIP",
    rule: "PAE is set and RIP canonical for a 64-bit host",
  },
  // 27.3.1.1 guest control registers, debug registers, MSRs: exit reason 33
  401: {
    section: "27.3.1.1",
    field: "GUEST_CR0",
    rule: "bits fixed in VMX operation; PE and PG are free in an unrestricted guest",
  },
  402: { section: "27.3.1.1", field: "GUEST_CR0", rule: "PG needs PE" },
  403: { section: "27.3.1.1", field: "GUEST_CR4", rule: "bits fixed in VMX operation" },
  404: { section: "27.3.1.1", field: "GUEST_IA32_DEBUGCTL", rule: "reserved bits are 0" },
  405: {
    section: "27.3.1.1",
    field: "GUEST_CR0, GUEST_CR4",
    rule: "an IA-32e mode guest has PG and PAE set",
  },
  406: { section: "27.3.1.1", field: "GUEST_CR4", rule: "PCIDE is 0 outside IA-32e mode" },
  407: { section: "27.3.1.1", field: "GUEST_CR3", rule: "within the physical-address width" },
  408: { section: "27.3.1.1", field: "GUEST_DR7", rule: "bits 63:32 are 0" },
  409: { section: "27.3.1.1", field: "GUEST_IA32_SYSENTER_ESP, GUEST_IA32_SYSENTER_EIP", rule: "canonical" },
  410: { section: "27.3.1.1", field: "GUEST_IA32_PAT", rule: "each byte is 0, 1, 4, 5, 6 or 7" },
  411: { section: "27.3.1.1", field: "GUEST_IA32_EFER", rule: "reserved bits are 0" },
  412: {
    section: "27.3.1.1",
    field: "GUEST_IA32_EFER",
    rule: "LMA equals the IA-32e mode guest control, and LME with paging",
  },
  // 27.3.1.2 guest segment registers: exit reason 33
  420: { section: "27.3.1.2", field: "GUEST_TR_SELECTOR", rule: "TI is 0" },
  421: { section: "27.3.1.2", field: "GUEST_LDTR_SELECTOR", rule: "TI is 0 when usable" },
  422: {
    section: "27.3.1.2",
    field: "GUEST_SS_SELECTOR",
    rule: "RPL equals that of CS, unless the guest is unrestricted",
  },
  423: { section: "27.3.1.2", field: "GUEST_*_BASE", rule: "selector × 16 in virtual-8086 mode" },
  424: {
    section: "27.3.1.2",
    field: "GUEST_TR_BASE, GUEST_FS_BASE, GUEST_GS_BASE, GUEST_LDTR_BASE",
    rule: "canonical",
  },
  425: {
    section: "27.3.1.2",
    field: "GUEST_CS_BASE, GUEST_SS_BASE, GUEST_DS_BASE, GUEST_ES_BASE",
    rule: "bits 63:32 are 0",
  },
  426: { section: "27.3.1.2", field: "GUEST_*_LIMIT", rule: "FFFFH in virtual-8086 mode" },
  427: { section: "27.3.1.2", field: "GUEST_*_ACCESS_RIGHTS", rule: "F3H in virtual-8086 mode" },
  430: {
    section: "27.3.1.2",
    field: "GUEST_CS_ACCESS_RIGHTS",
    rule: "accessed code; 3 only for an unrestricted guest",
  },
  431: { section: "27.3.1.2", field: "GUEST_SS_ACCESS_RIGHTS", rule: "accessed, writable data" },
  432: {
    section: "27.3.1.2",
    field: "GUEST_{DS,ES,FS,GS}_ACCESS_RIGHTS",
    rule: "accessed; code is readable",
  },
  433: { section: "27.3.1.2", field: "GUEST_*_ACCESS_RIGHTS", rule: "S is 1" },
  434: { section: "27.3.1.2", field: "GUEST_CS_ACCESS_RIGHTS", rule: "DPL against that of SS, by type" },
  435: {
    section: "27.3.1.2",
    field: "GUEST_SS_ACCESS_RIGHTS",
    rule: "DPL equals RPL, unless unrestricted; 0 with CS of type 3 or PE clear",
  },
  436: {
    section: "27.3.1.2",
    field: "GUEST_{DS,ES,FS,GS}_ACCESS_RIGHTS",
    rule: "DPL is not below RPL, unless unrestricted or conforming",
  },
  437: { section: "27.3.1.2", field: "GUEST_*_ACCESS_RIGHTS", rule: "P is 1" },
  438: { section: "27.3.1.2", field: "GUEST_*_ACCESS_RIGHTS", rule: "bits 11:8 and 31:17 are 0" },
  439: { section: "27.3.1.2", field: "GUEST_CS_ACCESS_RIGHTS", rule: "D is 0 when L is 1 in IA-32e mode" },
  440: { section: "27.3.1.2", field: "GUEST_*_LIMIT", rule: "granularity matches the limit" },
  441: {
    section: "27.3.1.2",
    field: "GUEST_TR_ACCESS_RIGHTS",
    rule: "11 (busy 32-bit or 64-bit TSS); 3 only outside IA-32e mode",
  },
  442: {
    section: "27.3.1.2",
    field: "GUEST_TR_ACCESS_RIGHTS, GUEST_TR_LIMIT",
    rule: "S is 0, P is 1, usable, granularity and reserved bits right",
  },
  443: {
    section: "27.3.1.2",
    field: "GUEST_LDTR_ACCESS_RIGHTS, GUEST_LDTR_LIMIT",
    rule: "type 2, S is 0, P is 1, granularity and reserved bits right when usable",
  },
  // 27.3.1.3 guest descriptor-table registers: exit reason 33
  450: { section: "27.3.1.3", field: "GUEST_GDTR_BASE, GUEST_IDTR_BASE", rule: "canonical" },
  451: { section: "27.3.1.3", field: "GUEST_GDTR_LIMIT, GUEST_IDTR_LIMIT", rule: "bits 31:16 are 0" },
  // 27.3.1.4 guest RIP and RFLAGS: exit reason 33
  460: {
    section: "27.3.1.4",
    field: "GUEST_RIP",
    rule: "bits 63:32 are 0 outside 64-bit mode; canonical in it",
  },
  461: { section: "27.3.1.4", field: "GUEST_RFLAGS", rule: "reserved bits are 0, bit 1 is 1" },
  462: { section: "27.3.1.4", field: "GUEST_RFLAGS", rule: "VM is 0 in IA-32e mode and where PE is 0" },
  463: { section: "27.3.1.4", field: "GUEST_RFLAGS", rule: "IF is 1 when an external interrupt is injected" },
  // 27.3.1.5 guest non-register state: exit reason 33
  470: {
    section: "27.3.1.5",
    field: "GUEST_ACTIVITY_STATE",
    rule: "is active, HLT or wait-for-SIPI: the states that this processor supports",
  },
  471: { section: "27.3.1.5", field: "GUEST_ACTIVITY_STATE", rule: "HLT only where DPL of SS is 0" },
  472: { section: "27.3.1.5", field: "GUEST_ACTIVITY_STATE", rule: "active when blocking by STI or MOV SS" },
  473: { section: "27.3.1.5", field: "GUEST_ACTIVITY_STATE", rule: "the event injected can wake the state" },
  474: { section: "27.3.1.5", field: "GUEST_INTERRUPTIBILITY_STATE", rule: "bits 31:5 are 0" },
  475: { section: "27.3.1.5", field: "GUEST_INTERRUPTIBILITY_STATE", rule: "not both STI and MOV SS" },
  476: {
    section: "27.3.1.5",
    field: "GUEST_INTERRUPTIBILITY_STATE",
    rule: "no blocking by STI where IF is 0",
  },
  477: {
    section: "27.3.1.5",
    field: "GUEST_INTERRUPTIBILITY_STATE",
    rule: "no blocking by STI or MOV SS when an external interrupt is injected",
  },
  478: {
    section: "27.3.1.5",
    field: "GUEST_INTERRUPTIBILITY_STATE",
    rule: "no blocking by MOV SS or STI when an NMI is injected",
  },
  479: {
    section: "27.3.1.5",
    field: "GUEST_INTERRUPTIBILITY_STATE",
    rule: "no blocking by SMI outside SMM; no enclave interruption",
  },
  480: { section: "27.3.1.5", field: "GUEST_PENDING_DEBUG_EXCEPTIONS", rule: "reserved bits are 0" },
  481: {
    section: "27.3.1.5",
    field: "GUEST_PENDING_DEBUG_EXCEPTIONS",
    rule: "BS agrees with RFLAGS.TF and DEBUGCTL.BTF when events are blocked",
  },
  482: {
    section: "27.3.1.5",
    field: "VMCS_LINK_POINTER",
    rule: "all ones, or a page-aligned VMCS with the right revision",
  },
  483: {
    section: "27.3.1.5",
    field: "GUEST_INTERRUPTIBILITY_STATE",
    rule: "no blocking by NMI when an NMI is injected with virtual NMIs",
  },
  // 27.3.1.6 guest page-directory-pointer-table entries: exit reason 33
  490: {
    section: "27.3.1.6",
    field: "GUEST_PDPTE0 to GUEST_PDPTE3, or what GUEST_CR3 points to",
    rule: "reserved bits are 0 where present",
  },
  // 27.4 loading MSRs: exit reason 34
  501: {
    section: "27.4",
    field: "entry MSR-load area",
    rule: "an entry has reserved bits, an MSR that may not be loaded, or a value that WRMSR refuses",
  },
};
