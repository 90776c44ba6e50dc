import { EXIT_QUALIFICATION } from "../../../spec/vmcs-fields.js";
import type { VmExitHandler } from "../../vm-vcpu.js";

/**
 * INVLPG (SDM 26.1.3): the shadow is in step with the guest's tables already; what the processor has cached goes. Of a large page
 * of the guest that the hypervisor had to split, one address stands for all of its pieces.
 */
export const invlpg: VmExitHandler = (vcpu) => {
  const linear = vcpu.vmread(EXIT_QUALIFICATION);
  const canonical = BigInt.asIntN(48, linear) === BigInt.asIntN(64, linear);
  if (vcpu.paging?.splitPageChanged() === true) vcpu.flushTranslations();
  else if (canonical) vcpu.flushTranslations(linear);
  vcpu.advance();
  return "resume";
};

/** INVPCID: the emulator checks its operands; the processor's tables know no PCIDs, so everything goes. */
export const invpcid: VmExitHandler = (vcpu) => {
  vcpu.emulateInstruction();
  vcpu.flushTranslations();
  return "resume";
};
