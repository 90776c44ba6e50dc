import { INTERRUPTION_VALID } from "../../../spec/vmx-controls.js";
import { EXIT_INTERRUPTION_INFORMATION } from "../../../spec/vmcs-fields.js";
import type { VmExitHandler } from "../../vm-vcpu.js";

// #region exit-external-interrupt
/**
 * An interrupt of the physical machine arrived while the guest ran (SDM 26.2). With "acknowledge interrupt on exit" the
 * processor has already taken its vector from the interrupt controller (SDM 28.2.2).
 */
export const externalInterrupt: VmExitHandler = (vcpu) => {
  const information = vcpu.vmread32(EXIT_INTERRUPTION_INFORMATION);
  if ((information & INTERRUPTION_VALID) !== 0) vcpu.physicalInterrupt(information & 0xff);
  return "resume";
};
// #endregion
