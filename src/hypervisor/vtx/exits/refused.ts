import { GENERAL_PROTECTION, INVALID_OPCODE } from "../../../spec/vectors.js";
import type { ExitHandler } from "../../vcpu.js";
import type { VmExitHandler } from "../../vm-vcpu.js";

/** An instruction that the guest's CPUID says it does not have: #UD, as on a processor without it. */
export const invalidOpcode: ExitHandler = (vcpu) => {
  vcpu.inject({ vector: INVALID_OPCODE, type: "exception" });
  return "resume";
};

/** An instruction whose operand the virtual processor refuses: #GP(0). */
export const generalProtection: ExitHandler = (vcpu) => {
  vcpu.inject({ vector: GENERAL_PROTECTION, type: "exception", errorCode: 0 });
  return "resume";
};

/** An instruction without effect in a VM (cache control with coherent write-back memory, PAUSE). */
export const noOperation: ExitHandler = (vcpu) => {
  vcpu.advance();
  return "resume";
};

/** The guest's processor shut down. */
export const tripleFault: VmExitHandler = (vcpu) =>
  vcpu.stop(
    "The guest's processor shut down: an exception could not be delivered, nor the double fault after it.",
  );

/**
 * An exit that the controls of this hypervisor never ask for.
 * @param name - the reason's name
 * @param control - what would have to be set for it to happen
 */
export function unexpected(name: string, control: string): VmExitHandler {
  return (vcpu) => vcpu.stop(`VM exit ${vcpu.exitReason} (${name}) happened, which needs ${control}.`);
}
