import type { ExitHandler } from "../../vcpu.js";

// #region exit-hlt
/** HLT with "HLT exiting" (SDM 26.1.3): the guest has nothing to do until an interrupt; the hypervisor waits for it. */
export const hlt: ExitHandler = (vcpu) => {
  vcpu.advance();
  return "halt";
};
// #endregion
