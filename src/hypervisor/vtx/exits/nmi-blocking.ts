import { GUEST_INTERRUPTIBILITY_STATE } from "../../../spec/vmcs-fields.js";
import { BLOCKING_BY_NMI, INTERRUPTION_NMI_UNBLOCKING } from "../../../spec/vmx-controls.js";
import type { VmVcpu } from "../../vm-vcpu.js";

/**
 * Bit 12 of what an exit tells (interruption information, qualification of an EPT violation): it came in an IRET that had ended
 * blocking by NMI, and which is to be executed again (SDM 28.2.1, 28.2.3).
 */
export function restoreNmiBlocking(vcpu: VmVcpu, told: number): void {
  if ((told & INTERRUPTION_NMI_UNBLOCKING) === 0) return;
  const state = vcpu.vmread32(GUEST_INTERRUPTIBILITY_STATE);
  vcpu.vmwrite(GUEST_INTERRUPTIBILITY_STATE, BigInt(state | BLOCKING_BY_NMI));
}
