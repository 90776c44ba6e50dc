import * as E from "../spec/vm-instruction-errors.js";

/** Words of the VM-instruction errors (SDM Vol. 3, 31.4, table 31-1). */
const WORDS: Readonly<Record<number, string>> = {
  [E.VMCALL_IN_ROOT]: "VMCALL executed in VMX root operation",
  [E.VMCLEAR_INVALID_ADDRESS]: "VMCLEAR with invalid physical address",
  [E.VMCLEAR_VMXON_POINTER]: "VMCLEAR with VMXON pointer",
  [E.VMLAUNCH_NON_CLEAR_VMCS]: "VMLAUNCH with non-clear VMCS",
  [E.VMRESUME_NON_LAUNCHED_VMCS]: "VMRESUME with non-launched VMCS",
  [E.VMRESUME_AFTER_VMXOFF]: "VMRESUME after VMXOFF",
  [E.ENTRY_INVALID_CONTROL_FIELDS]: "VM entry with invalid control field(s)",
  [E.ENTRY_INVALID_HOST_STATE]: "VM entry with invalid host-state field(s)",
  [E.VMPTRLD_INVALID_ADDRESS]: "VMPTRLD with invalid physical address",
  [E.VMPTRLD_VMXON_POINTER]: "VMPTRLD with VMXON pointer",
  [E.VMPTRLD_WRONG_REVISION]: "VMPTRLD with incorrect VMCS revision identifier",
  [E.VMREAD_VMWRITE_UNSUPPORTED_FIELD]: "VMREAD/VMWRITE from/to unsupported VMCS component",
  [E.VMWRITE_READ_ONLY_FIELD]: "VMWRITE to read-only VMCS component",
  [E.VMXON_IN_ROOT]: "VMXON executed in VMX root operation",
  [E.ENTRY_EVENTS_BLOCKED_BY_MOV_SS]: "VM entry with events blocked by MOV SS",
  [E.INVALID_OPERAND_TO_INVEPT_INVVPID]: "Invalid operand to INVEPT/INVVPID",
};

/** Words for a VM-instruction error number. */
export function vmInstructionErrorWords(number: number): string {
  return WORDS[number] ?? `VM-instruction error ${number}`;
}

/** A VMX instruction failed: VMfailValid with an error number, VMfailInvalid (number 0), or an exception. */
export class VmxError extends Error {
  override readonly name = "VmxError";

  /**
   * @param instruction - mnemonic with its operand, e.g. "VMPTRLD 0x1000"
   * @param number - VM-instruction error, 0 for VMfailInvalid or an exception
   * @param why - what happened, in words
   */
  constructor(
    readonly instruction: string,
    readonly number: number,
    why: string,
  ) {
    super(`${instruction} failed: ${why}`);
  }
}
