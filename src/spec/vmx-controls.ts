/**
 * Bits of the VM-execution, VM-exit and VM-entry controls (SDM Vol. 3, 25.6–25.8).
 * @module
 */
export const PIN_EXTERNAL_INTERRUPT_EXITING = 1 << 0;
export const PIN_NMI_EXITING = 1 << 3;
export const PIN_VIRTUAL_NMIS = 1 << 5;
export const PIN_PREEMPTION_TIMER = 1 << 6;

export const PRIMARY_INTERRUPT_WINDOW_EXITING = 1 << 2;
export const PRIMARY_USE_TSC_OFFSETTING = 1 << 3;
export const PRIMARY_HLT_EXITING = 1 << 7;
export const PRIMARY_INVLPG_EXITING = 1 << 9;
export const PRIMARY_MWAIT_EXITING = 1 << 10;
export const PRIMARY_RDPMC_EXITING = 1 << 11;
export const PRIMARY_RDTSC_EXITING = 1 << 12;
export const PRIMARY_CR3_LOAD_EXITING = 1 << 15;
export const PRIMARY_CR3_STORE_EXITING = 1 << 16;
export const PRIMARY_CR8_LOAD_EXITING = 1 << 19;
export const PRIMARY_CR8_STORE_EXITING = 1 << 20;
export const PRIMARY_USE_TPR_SHADOW = 1 << 21;
export const PRIMARY_NMI_WINDOW_EXITING = 1 << 22;
export const PRIMARY_MOV_DR_EXITING = 1 << 23;
export const PRIMARY_UNCONDITIONAL_IO_EXITING = 1 << 24;
export const PRIMARY_USE_IO_BITMAPS = 1 << 25;
export const PRIMARY_MONITOR_TRAP_FLAG = 1 << 27;
export const PRIMARY_USE_MSR_BITMAPS = 1 << 28;
export const PRIMARY_MONITOR_EXITING = 1 << 29;
export const PRIMARY_PAUSE_EXITING = 1 << 30;
export const PRIMARY_ACTIVATE_SECONDARY = 0x8000_0000;

export const SECONDARY_VIRTUALIZE_APIC_ACCESSES = 1 << 0;
export const SECONDARY_ENABLE_EPT = 1 << 1;
export const SECONDARY_DESCRIPTOR_TABLE_EXITING = 1 << 2;
export const SECONDARY_ENABLE_RDTSCP = 1 << 3;
export const SECONDARY_VIRTUALIZE_X2APIC = 1 << 4;
export const SECONDARY_ENABLE_VPID = 1 << 5;
export const SECONDARY_WBINVD_EXITING = 1 << 6;
export const SECONDARY_UNRESTRICTED_GUEST = 1 << 7;
export const SECONDARY_PAUSE_LOOP_EXITING = 1 << 10;
export const SECONDARY_ENABLE_INVPCID = 1 << 12;

export const EXIT_SAVE_DEBUG_CONTROLS = 1 << 2;
export const EXIT_HOST_ADDRESS_SPACE_SIZE = 1 << 9;
export const EXIT_ACKNOWLEDGE_INTERRUPT = 1 << 15;
export const EXIT_SAVE_PAT = 1 << 18;
export const EXIT_LOAD_PAT = 1 << 19;
export const EXIT_SAVE_EFER = 1 << 20;
export const EXIT_LOAD_EFER = 1 << 21;
export const EXIT_SAVE_PREEMPTION_TIMER = 1 << 22;

export const ENTRY_LOAD_DEBUG_CONTROLS = 1 << 2;
export const ENTRY_IA32E_MODE_GUEST = 1 << 9;
export const ENTRY_SMM = 1 << 10;
export const ENTRY_DEACTIVATE_DUAL_MONITOR = 1 << 11;
export const ENTRY_LOAD_PAT = 1 << 14;
export const ENTRY_LOAD_EFER = 1 << 15;

/** Interruption-information format (SDM 25.8.3, 25.9.2): bits 7:0 vector, 10:8 type. */
export const INTERRUPTION_TYPE_SHIFT = 8;
export const INTERRUPTION_EXTERNAL = 0;
export const INTERRUPTION_NMI = 2;
export const INTERRUPTION_HARDWARE_EXCEPTION = 3;
export const INTERRUPTION_SOFTWARE_INTERRUPT = 4;
export const INTERRUPTION_PRIVILEGED_SOFTWARE_EXCEPTION = 5;
export const INTERRUPTION_SOFTWARE_EXCEPTION = 6;
export const INTERRUPTION_ERROR_CODE_VALID = 1 << 11;
export const INTERRUPTION_NMI_UNBLOCKING = 1 << 12;
export const INTERRUPTION_VALID = 0x8000_0000;

/** Guest interruptibility state (SDM 25.4.2). */
export const BLOCKING_BY_STI = 1 << 0;
export const BLOCKING_BY_MOV_SS = 1 << 1;
export const BLOCKING_BY_SMI = 1 << 2;
export const BLOCKING_BY_NMI = 1 << 3;

/** Guest activity state (SDM 25.4.2). */
export const ACTIVITY_ACTIVE = 0;
export const ACTIVITY_HLT = 1;
export const ACTIVITY_SHUTDOWN = 2;
export const ACTIVITY_WAIT_FOR_SIPI = 3;

/** Bit 31 of the exit reason: the exit is a failed VM entry (SDM 25.9.1). */
export const EXIT_REASON_ENTRY_FAILURE = 0x8000_0000;
