import { GENERAL_PROTECTION } from "../../../spec/vectors.js";
import type { Outcome } from "../../outcome.js";
import type { ExitHandler, Vcpu } from "../../vcpu.js";

// #region exit-msr
/** RDMSR of a register that the MSR bitmap does not leave to the guest (SDM 26.1.3). */
export const rdmsr: ExitHandler = (vcpu) => {
  const { registers } = vcpu;
  const value = vcpu.readVirtualMsr(registers.ecx);
  if (value === undefined) return generalProtection(vcpu);
  registers.eax = Number(value & 0xffff_ffffn);
  registers.edx = Number(value >> 32n);
  vcpu.advance();
  return "resume";
};

/** WRMSR of such a register. */
export const wrmsr: ExitHandler = (vcpu) => {
  const { registers } = vcpu;
  const value = (BigInt(registers.edx) << 32n) | BigInt(registers.eax);
  if (!vcpu.writeVirtualMsr(registers.ecx, value)) return generalProtection(vcpu);
  vcpu.advance();
  return "resume";
};

/** #GP(0) at the instruction itself: RIP stays. */
function generalProtection(vcpu: Vcpu): Outcome {
  vcpu.inject({ vector: GENERAL_PROTECTION, type: "exception", errorCode: 0 });
  return "resume";
}
// #endregion
