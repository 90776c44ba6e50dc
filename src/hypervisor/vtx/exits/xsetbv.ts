import { XSTATE_X87 } from "../../../spec/xstate.js";
import type { VmExitHandler } from "../../vm-vcpu.js";
import { generalProtection } from "./refused.js";

const LEAF_EXTENDED_STATE = 0xd;

// #region exit-xsetbv
/**
 * XSETBV exits unconditionally (SDM 26.1.2): XCR0 is neither saved nor loaded by VM exits and entries, and the hypervisor
 * decides which components of the extended state a guest may enable (SDM Vol. 1, 13.3).
 */
export const xsetbv: VmExitHandler = (vcpu) => {
  const { eax, ecx, edx } = vcpu.registers;
  const supported = vcpu.cpuid(LEAF_EXTENDED_STATE, 0);
  const beyond = (eax & ~supported.eax) | (edx & ~supported.edx);
  if (ecx !== 0 || beyond !== 0 || (eax & XSTATE_X87) === 0) return generalProtection(vcpu);
  vcpu.enableExtendedState((BigInt(edx) << 32n) | BigInt(eax));
  vcpu.advance();
  return "resume";
};
// #endregion
