/**
 * VM-instruction error numbers (SDM Vol. 3, 31.4, table 31-1).
 * @module
 */
export const VMCALL_IN_ROOT = 1;
export const VMCLEAR_INVALID_ADDRESS = 2;
export const VMCLEAR_VMXON_POINTER = 3;
export const VMLAUNCH_NON_CLEAR_VMCS = 4;
export const VMRESUME_NON_LAUNCHED_VMCS = 5;
export const VMRESUME_AFTER_VMXOFF = 6;
export const ENTRY_INVALID_CONTROL_FIELDS = 7;
export const ENTRY_INVALID_HOST_STATE = 8;
export const VMPTRLD_INVALID_ADDRESS = 9;
export const VMPTRLD_VMXON_POINTER = 10;
export const VMPTRLD_WRONG_REVISION = 11;
export const VMREAD_VMWRITE_UNSUPPORTED_FIELD = 12;
export const VMWRITE_READ_ONLY_FIELD = 13;
export const VMXON_IN_ROOT = 15;
export const ENTRY_EVENTS_BLOCKED_BY_MOV_SS = 26;
export const INVALID_OPERAND_TO_INVEPT_INVVPID = 28;
