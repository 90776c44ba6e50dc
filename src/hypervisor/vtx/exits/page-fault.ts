import { DOUBLE_FAULT, PAGE_FAULT } from "../../../spec/vectors.js";
import {
  EXIT_INTERRUPTION_ERROR_CODE,
  EXIT_INTERRUPTION_INFORMATION,
  EXIT_QUALIFICATION,
  IDT_VECTORING_INFORMATION,
} from "../../../spec/vmcs-fields.js";
import {
  INTERRUPTION_HARDWARE_EXCEPTION,
  INTERRUPTION_TYPE_SHIFT,
  INTERRUPTION_VALID,
} from "../../../spec/vmx-controls.js";
import type { Outcome } from "../../outcome.js";
import type { VmExitHandler, VmVcpu } from "../../vm-vcpu.js";
import { restoreNmiBlocking } from "./nmi-blocking.js";

/**
 * An exception of the guest that the exception bitmap names: under shadow paging a page fault. Most of them the guest never
 * hears of.
 */
export const exceptionOrNmi: VmExitHandler = (vcpu) => {
  const information = vcpu.vmread32(EXIT_INTERRUPTION_INFORMATION);
  const { paging } = vcpu;
  if (paging === null || (information & 0xff) !== PAGE_FAULT)
    return vcpu.stop(`Exception or NMI ${information & 0xff} caused a VM exit that nobody asked for.`);
  const linear = vcpu.vmread(EXIT_QUALIFICATION);
  const outcome = paging.fault(linear, vcpu.vmread32(EXIT_INTERRUPTION_ERROR_CODE));
  if (outcome.kind === "refused") return vcpu.stop(outcome.why);
  if (outcome.kind === "reflect") return reflect(vcpu, linear, outcome.errorCode);
  restoreNmiBlocking(vcpu, information);
  if (outcome.kind !== "hidden") vcpu.emulateInstruction();
  return "resume";
};

/** The guest's own: in the delivery of another exception it may amount to a double fault or a shutdown (SDM table 6-5). */
function reflect(vcpu: VmVcpu, linear: bigint, errorCode: number): Outcome {
  vcpu.cr2 = linear;
  const first = exceptionInDelivery(vcpu);
  if (first === DOUBLE_FAULT) return vcpu.tripleFault();
  if (first === PAGE_FAULT) vcpu.inject({ vector: DOUBLE_FAULT, type: "exception", errorCode: 0 });
  else vcpu.inject({ vector: PAGE_FAULT, type: "exception", errorCode });
  return "resume";
}

function exceptionInDelivery(vcpu: VmVcpu): number | null {
  const information = vcpu.vmread32(IDT_VECTORING_INFORMATION);
  const type = (information >> INTERRUPTION_TYPE_SHIFT) & 7;
  const exception = (information & INTERRUPTION_VALID) !== 0 && type === INTERRUPTION_HARDWARE_EXCEPTION;
  return exception ? information & 0xff : null;
}
