import { EXIT_QUALIFICATION, GUEST_PHYSICAL_ADDRESS } from "../../../spec/vmcs-fields.js";
import type { VmExitHandler } from "../../vm-vcpu.js";
import { restoreNmiBlocking } from "./nmi-blocking.js";

// #region exit-ept-violation
/** EPT had no translation for a guest-physical address, or not with these rights (SDM 29.3.3.2): a device, or nothing. */
export const eptViolation: VmExitHandler = (vcpu) => {
  const address = vcpu.vmread(GUEST_PHYSICAL_ADDRESS);
  const qualification = vcpu.vmread32(EXIT_QUALIFICATION);
  const outcome = vcpu.memory.violation(address, qualification);
  if (outcome.kind === "refused") return vcpu.stop(outcome.why);
  restoreNmiBlocking(vcpu, qualification);
  if (outcome.kind === "emulate") vcpu.emulateInstruction();
  return "resume";
};
// #endregion

/** An EPT entry that the processor refuses (SDM 29.3.3.1): always the hypervisor's own mistake. */
export const eptMisconfiguration: VmExitHandler = (vcpu) => {
  const address = vcpu.vmread(GUEST_PHYSICAL_ADDRESS).toString(16);
  return vcpu.stop(
    `EPT misconfiguration at guest-physical 0x${address}: an EPT entry on the way there has a reserved bit, a reserved memory type, or write without read (SDM 29.3.3.1).`,
  );
};
