import { PRIMARY_INTERRUPT_WINDOW_EXITING } from "../../../spec/vmx-controls.js";
import { PRIMARY_CONTROLS } from "../../../spec/vmcs-fields.js";
import type { VmExitHandler } from "../../vm-vcpu.js";

/** The guest can take interrupts now (SDM 26.2): the next VM entry injects the one that waits. */
export const interruptWindow: VmExitHandler = (vcpu) => {
  const controls = vcpu.vmread32(PRIMARY_CONTROLS);
  vcpu.vmwrite(PRIMARY_CONTROLS, BigInt((controls & ~PRIMARY_INTERRUPT_WINDOW_EXITING) >>> 0));
  return "resume";
};

/** MOV to CR8 lets an interrupt in that waits (SDM 30.1.2), and is done: the next VM entry injects it. */
export const priorityLowered: VmExitHandler = () => "resume";
