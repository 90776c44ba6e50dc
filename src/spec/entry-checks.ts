/**
 * The checks of a VM entry, numbered: state window ENTRY_CHECK names the one that failed (SDM Vol. 3, 27.1–27.4). Order
 * within a group is that of the manual. {@link entry-check-rules} has the same table as text.
 * @module
 */
export const ENTRY_CHECK_PASSED = 0;

// 27.1 basic checks: VMfail
/** current-VMCS pointer: is not valid: VMPTRLD has loaded no VMCS. */
export const NO_CURRENT_VMCS = 101;
/** interruptibility of the host: VM entry right after MOV SS or POP SS. */
export const BLOCKED_BY_MOV_SS = 102;
/** launch state: VMLAUNCH needs a VMCS that is clear. */
export const VMLAUNCH_NOT_CLEAR = 103;
/** launch state: VMRESUME needs a VMCS that was launched. */
export const VMRESUME_NOT_LAUNCHED = 104;

// 27.2.1.1 VM-execution controls: error 7
/** PIN_BASED_CONTROLS: reserved bits must be as IA32_VMX_TRUE_PINBASED_CTLS says. */
export const PIN_RESERVED = 201;
/** PRIMARY_CONTROLS: reserved bits must be as IA32_VMX_TRUE_PROCBASED_CTLS says. */
export const PRIMARY_RESERVED = 202;
/** SECONDARY_CONTROLS: reserved bits must be as IA32_VMX_PROCBASED_CTLS2 says. */
export const SECONDARY_RESERVED = 203;
/** CR3_TARGET_COUNT: at most 4 CR3-target values. */
export const CR3_TARGETS = 204;
/** IO_BITMAP_A, IO_BITMAP_B: page-aligned and within the physical-address width when I/O bitmaps are used. */
export const IO_BITMAPS = 205;
/** MSR_BITMAP: page-aligned and within the physical-address width when MSR bitmaps are used. */
export const MSR_BITMAP_ADDRESS = 206;
/** PIN_BASED_CONTROLS: virtual NMIs need NMI exiting. */
export const VIRTUAL_NMIS = 207;
/** PRIMARY_CONTROLS: NMI-window exiting needs virtual NMIs. */
export const NMI_WINDOW = 208;
/** VPID: is not 0000H when VPIDs are enabled. */
export const VPID_ZERO = 209;
/** EPT_POINTER: memory type is uncacheable or write-back. */
export const EPTP_TYPE = 210;
/** EPT_POINTER: bits 5:3 are 3: a page-walk length of 4. */
export const EPTP_LENGTH = 211;
/** EPT_POINTER: bits 11:7 and those beyond the physical-address width are 0. */
export const EPTP_RESERVED = 212;
/** SECONDARY_CONTROLS: unrestricted guest needs EPT. */
export const UNRESTRICTED_WITHOUT_EPT = 213;

/** VIRTUAL_APIC_ADDRESS: page-aligned and within the physical-address width when the TPR shadow is used. */
export const VIRTUAL_APIC_ADDRESS = 214;
/** TPR_THRESHOLD: bits 31:4 are 0 when the TPR shadow is used. */
export const TPR_THRESHOLD_RESERVED = 215;
/** TPR_THRESHOLD: not above bits 7:4 of VTPR, unless APIC accesses are virtualized. */
export const TPR_THRESHOLD_ABOVE = 216;
/** APIC_ACCESS_ADDRESS: page-aligned and within the physical-address width when APIC accesses are virtualized. */
export const APIC_ACCESS_ADDRESS = 217;

// 27.2.1.2 VM-exit controls: error 7
/** EXIT_CONTROLS: reserved bits must be as IA32_VMX_TRUE_EXIT_CTLS says. */
export const EXIT_RESERVED = 221;
/** EXIT_MSR_STORE_ADDRESS: 16-byte aligned and, with the last entry, within the physical-address width. */
export const EXIT_MSR_STORE = 222;
/** EXIT_MSR_LOAD_ADDRESS: 16-byte aligned and, with the last entry, within the physical-address width. */
export const EXIT_MSR_LOAD = 223;
/** EXIT_CONTROLS: saving the VMX-preemption timer needs the timer to be active. */
export const EXIT_SAVE_TIMER = 224;

// 27.2.1.3 VM-entry controls: error 7
/** ENTRY_CONTROLS: reserved bits must be as IA32_VMX_TRUE_ENTRY_CTLS says. */
export const ENTRY_RESERVED = 231;
/** ENTRY_INTERRUPTION_INFORMATION: type 1 is reserved; type 7 needs the monitor trap flag. */
export const INJECTION_TYPE = 232;
/** ENTRY_INTERRUPTION_INFORMATION: an NMI has vector 2, a hardware exception at most 31, another event 0. */
export const INJECTION_VECTOR = 233;
/** ENTRY_INTERRUPTION_INFORMATION: an error code is delivered exactly for #DF, #TS, #NP, #SS, #GP, #PF and #AC in protected mode. */
export const INJECTION_ERROR_CODE = 234;
/** ENTRY_INTERRUPTION_INFORMATION: bits 30:12 are 0. */
export const INJECTION_RESERVED = 235;
/** ENTRY_EXCEPTION_ERROR_CODE: bits 31:16 are 0. */
export const INJECTION_ERROR_CODE_RESERVED = 236;
/** ENTRY_INSTRUCTION_LENGTH: is 1 to 15 for software interrupts and exceptions. */
export const INJECTION_LENGTH = 237;
/** ENTRY_MSR_LOAD_ADDRESS: 16-byte aligned and, with the last entry, within the physical-address width. */
export const ENTRY_MSR_LOAD = 238;
/** ENTRY_CONTROLS: entry to SMM and deactivation of dual-monitor treatment only in SMM. */
export const ENTRY_SMM = 239;

// 27.2.2 host control registers and MSRs: error 8
/** HOST_CR0: bits fixed in VMX operation. */
export const HOST_CR0 = 301;
/** HOST_CR4: bits fixed in VMX operation. */
export const HOST_CR4 = 302;
/** HOST_CR3: within the physical-address width. */
export const HOST_CR3 = 303;
/** HOST_IA32_SYSENTER_ESP, HOST_IA32_SYSENTER_EIP: canonical. */
export const HOST_SYSENTER = 304;
/** HOST_IA32_PAT: each byte is 0, 1, 4, 5, 6 or 7. */
export const HOST_PAT = 305;
/** HOST_IA32_EFER: reserved bits are 0; LMA and LME equal the host address-space size. */
export const HOST_EFER = 306;

// 27.2.3 host segment and descriptor-table registers: error 8
/** HOST_*_SELECTOR: RPL and TI are 0. */
export const HOST_SELECTORS = 311;
/** HOST_CS_SELECTOR: is not 0000H. */
export const HOST_CS_NULL = 312;
/** HOST_TR_SELECTOR: is not 0000H. */
export const HOST_TR_NULL = 313;
/** HOST_SS_SELECTOR: is not 0000H for a 32-bit host. */
export const HOST_SS_NULL = 314;
/** HOST_FS_BASE, HOST_GS_BASE, HOST_GDTR_BASE, HOST_IDTR_BASE, HOST_TR_BASE: canonical. */
export const HOST_BASES = 315;

// 27.2.4 address-space size: error 8
/** EXIT_CONTROLS: host address-space size equals EFER.LMA at VM entry. */
export const HOST_SIZE = 321;
/** ENTRY_CONTROLS: an IA-32e mode guest needs a 64-bit host. */
export const GUEST_SIZE = 322;
/** HOST_RIP: bits 63:32 are 0 for a 32-bit host. */
export const HOST_RIP_32 = 323;
/** HOST_CR4, HOST_RIP: PAE is set and RIP canonical for a 64-bit host. */
export const HOST_RIP_64 = 324;

// 27.3.1.1 guest control registers, debug registers, MSRs: exit reason 33
/** GUEST_CR0: bits fixed in VMX operation; PE and PG are free in an unrestricted guest. */
export const GUEST_CR0_FIXED = 401;
/** GUEST_CR0: PG needs PE. */
export const GUEST_CR0_PAGING = 402;
/** GUEST_CR4: bits fixed in VMX operation. */
export const GUEST_CR4_FIXED = 403;
/** GUEST_IA32_DEBUGCTL: reserved bits are 0. */
export const GUEST_DEBUGCTL = 404;
/** GUEST_CR0, GUEST_CR4: an IA-32e mode guest has PG and PAE set. */
export const GUEST_IA32E_PAGING = 405;
/** GUEST_CR4: PCIDE is 0 outside IA-32e mode. */
export const GUEST_PCIDE = 406;
/** GUEST_CR3: within the physical-address width. */
export const GUEST_CR3_RESERVED = 407;
/** GUEST_DR7: bits 63:32 are 0. */
export const GUEST_DR7_HIGH = 408;
/** GUEST_IA32_SYSENTER_ESP, GUEST_IA32_SYSENTER_EIP: canonical. */
export const GUEST_SYSENTER = 409;
/** GUEST_IA32_PAT: each byte is 0, 1, 4, 5, 6 or 7. */
export const GUEST_PAT = 410;
/** GUEST_IA32_EFER: reserved bits are 0. */
export const GUEST_EFER_RESERVED = 411;
/** GUEST_IA32_EFER: LMA equals the IA-32e mode guest control, and LME with paging. */
export const GUEST_EFER_LMA = 412;

// 27.3.1.2 guest segment registers: exit reason 33
/** GUEST_TR_SELECTOR: TI is 0. */
export const GUEST_TR_SELECTOR_TI = 420;
/** GUEST_LDTR_SELECTOR: TI is 0 when usable. */
export const GUEST_LDTR_SELECTOR_TI = 421;
/** GUEST_SS_SELECTOR: RPL equals that of CS, unless the guest is unrestricted. */
export const GUEST_SS_RPL = 422;
/** GUEST_*_BASE: selector × 16 in virtual-8086 mode. */
export const GUEST_V86_BASE = 423;
/** GUEST_TR_BASE, GUEST_FS_BASE, GUEST_GS_BASE, GUEST_LDTR_BASE: canonical. */
export const GUEST_BASES_CANONICAL = 424;
/** GUEST_CS_BASE, GUEST_SS_BASE, GUEST_DS_BASE, GUEST_ES_BASE: bits 63:32 are 0. */
export const GUEST_BASES_32 = 425;
/** GUEST_*_LIMIT: FFFFH in virtual-8086 mode. */
export const GUEST_V86_LIMIT = 426;
/** GUEST_*_ACCESS_RIGHTS: F3H in virtual-8086 mode. */
export const GUEST_V86_RIGHTS = 427;
/** GUEST_CS_ACCESS_RIGHTS: accessed code; 3 only for an unrestricted guest. */
export const GUEST_CS_TYPE = 430;
/** GUEST_SS_ACCESS_RIGHTS: accessed, writable data. */
export const GUEST_SS_TYPE = 431;
/** GUEST_{DS,ES,FS,GS}_ACCESS_RIGHTS: accessed; code is readable. */
export const GUEST_DATA_TYPE = 432;
/** GUEST_*_ACCESS_RIGHTS: S is 1. */
export const GUEST_SEGMENT_S = 433;
/** GUEST_CS_ACCESS_RIGHTS: DPL against that of SS, by type. */
export const GUEST_CS_DPL = 434;
/** GUEST_SS_ACCESS_RIGHTS: DPL equals RPL, unless unrestricted; 0 with CS of type 3 or PE clear. */
export const GUEST_SS_DPL = 435;
/** GUEST_{DS,ES,FS,GS}_ACCESS_RIGHTS: DPL is not below RPL, unless unrestricted or conforming. */
export const GUEST_DATA_DPL = 436;
/** GUEST_*_ACCESS_RIGHTS: P is 1. */
export const GUEST_SEGMENT_P = 437;
/** GUEST_*_ACCESS_RIGHTS: bits 11:8 and 31:17 are 0. */
export const GUEST_SEGMENT_RESERVED = 438;
/** GUEST_CS_ACCESS_RIGHTS: D is 0 when L is 1 in IA-32e mode. */
export const GUEST_CS_L_D = 439;
/** GUEST_*_LIMIT: granularity matches the limit. */
export const GUEST_SEGMENT_G = 440;
/** GUEST_TR_ACCESS_RIGHTS: 11 (busy 32-bit or 64-bit TSS); 3 only outside IA-32e mode. */
export const GUEST_TR_TYPE = 441;
/** GUEST_TR_ACCESS_RIGHTS, GUEST_TR_LIMIT: S is 0, P is 1, usable, granularity and reserved bits right. */
export const GUEST_TR_RIGHTS = 442;
/** GUEST_LDTR_ACCESS_RIGHTS, GUEST_LDTR_LIMIT: type 2, S is 0, P is 1, granularity and reserved bits right when usable. */
export const GUEST_LDTR_RIGHTS = 443;

// 27.3.1.3 guest descriptor-table registers: exit reason 33
/** GUEST_GDTR_BASE, GUEST_IDTR_BASE: canonical. */
export const GUEST_TABLE_BASES = 450;
/** GUEST_GDTR_LIMIT, GUEST_IDTR_LIMIT: bits 31:16 are 0. */
export const GUEST_TABLE_LIMITS = 451;

// 27.3.1.4 guest RIP and RFLAGS: exit reason 33
/** GUEST_RIP: bits 63:32 are 0 outside 64-bit mode; canonical in it. */
export const GUEST_RIP_HIGH = 460;
/** GUEST_RFLAGS: reserved bits are 0, bit 1 is 1. */
export const GUEST_RFLAGS_RESERVED = 461;
/** GUEST_RFLAGS: VM is 0 in IA-32e mode and where PE is 0. */
export const GUEST_RFLAGS_VM = 462;
/** GUEST_RFLAGS: IF is 1 when an external interrupt is injected. */
export const GUEST_RFLAGS_IF = 463;

// 27.3.1.5 guest non-register state: exit reason 33
/** GUEST_ACTIVITY_STATE: is active or HLT: the states that this processor supports. */
export const GUEST_ACTIVITY = 470;
/** GUEST_ACTIVITY_STATE: HLT only where DPL of SS is 0. */
export const GUEST_ACTIVITY_HLT = 471;
/** GUEST_ACTIVITY_STATE: active when blocking by STI or MOV SS. */
export const GUEST_ACTIVITY_BLOCKING = 472;
/** GUEST_ACTIVITY_STATE: the event injected can wake the state. */
export const GUEST_ACTIVITY_INJECTION = 473;
/** GUEST_INTERRUPTIBILITY_STATE: bits 31:5 are 0. */
export const GUEST_BLOCKING_RESERVED = 474;
/** GUEST_INTERRUPTIBILITY_STATE: not both STI and MOV SS. */
export const GUEST_BLOCKING_BOTH = 475;
/** GUEST_INTERRUPTIBILITY_STATE: no blocking by STI where IF is 0. */
export const GUEST_BLOCKING_IF = 476;
/** GUEST_INTERRUPTIBILITY_STATE: no blocking by STI or MOV SS when an external interrupt is injected. */
export const GUEST_BLOCKING_INJECTION = 477;
/** GUEST_INTERRUPTIBILITY_STATE: no blocking by MOV SS or STI when an NMI is injected. */
export const GUEST_BLOCKING_NMI = 478;
/** GUEST_INTERRUPTIBILITY_STATE: no blocking by SMI outside SMM; no enclave interruption. */
export const GUEST_BLOCKING_SMI = 479;
/** GUEST_PENDING_DEBUG_EXCEPTIONS: reserved bits are 0. */
export const GUEST_PENDING_DEBUG = 480;
/** GUEST_PENDING_DEBUG_EXCEPTIONS: BS agrees with RFLAGS.TF and DEBUGCTL.BTF when events are blocked. */
export const GUEST_PENDING_STEP = 481;
/** VMCS_LINK_POINTER: all ones, or a page-aligned VMCS with the right revision. */
export const VMCS_LINK = 482;
/** GUEST_INTERRUPTIBILITY_STATE: no blocking by NMI when an NMI is injected with virtual NMIs. */
export const GUEST_BLOCKING_VIRTUAL_NMI = 483;

// 27.3.1.6 guest page-directory-pointer-table entries: exit reason 33
/** GUEST_PDPTE0 to GUEST_PDPTE3, or what GUEST_CR3 points to: reserved bits are 0 where present. */
export const GUEST_PDPTES = 490;

// 27.4 loading MSRs: exit reason 34
/** entry MSR-load area: an entry has reserved bits, an MSR that may not be loaded, or a value that WRMSR refuses. */
export const MSR_LOAD = 501;
