import { ENTRY_CHECK_RULES } from "../../spec/entry-check-rules.js";
import * as R from "../../spec/exit-reasons.js";
import * as F from "../../spec/vmcs-fields.js";
import type { VmxPort } from "./vmx-port.js";
import { VmxError } from "../vmx-error.js";

const FIELDS: Readonly<Record<string, number>> = F;

/** A VM entry that the processor refused, in words: the rule, the field, its value, the manual's section. */
export function explainRefusedEntry(port: VmxPort, error: VmxError): string {
  return `${error.message}.${explainCheck(port)}`;
}

/** A VM entry that failed after the host-state checks, with a VM exit (SDM 27.8). */
export function explainFailedEntry(port: VmxPort): string {
  const reason = port.vmread32(F.EXIT_REASON) & 0xffff;
  const what =
    reason === R.ENTRY_FAILURE_GUEST_STATE
      ? "the guest state is invalid"
      : reason === R.ENTRY_FAILURE_MSR_LOADING
        ? `entry ${port.vmread(F.EXIT_QUALIFICATION)} of the MSR-load area is invalid`
        : "a machine check occurred";
  return `VM entry failed with VM exit ${reason}: ${what}.${explainCheck(port)}`;
}

/** " GUEST_RFLAGS = 0x0: bit 1 is 1 (SDM Vol. 3, 27.3.1.4, check 341)." */
function explainCheck(port: VmxPort): string {
  const number = port.entryCheck;
  const check = ENTRY_CHECK_RULES[number];
  if (check === undefined) return "";
  const fields = check.field.split(", ").map((name) => withValue(port, name));
  return ` ${fields.join(", ")}: ${check.rule} (SDM Vol. 3, ${check.section}; check ${number}).`;
}

/** A field that the current VMCS has is shown with its value. */
function withValue(port: VmxPort, name: string): string {
  if (!Object.hasOwn(FIELDS, name)) return name;
  try {
    return `${name} = 0x${port.vmread(FIELDS[name]).toString(16)}`;
  } catch (error) {
    if (error instanceof VmxError) return name;
    throw error;
  }
}
