import { IA32_TIME_STAMP_COUNTER, IA32_TSC_AUX } from "../../../spec/msrs.js";
import type { ExitHandler } from "../../vcpu.js";

/** RDTSC, when a part has switched "RDTSC exiting" on (SDM 26.1.3): the time-stamp counter of the VM. */
export const rdtsc: ExitHandler = (vcpu) => {
  const tsc = vcpu.readVirtualMsr(IA32_TIME_STAMP_COUNTER) ?? 0n;
  vcpu.registers.eax = Number(tsc & 0xffff_ffffn);
  vcpu.registers.edx = Number(tsc >> 32n);
  vcpu.advance();
  return "resume";
};

/** RDTSCP: the same, with IA32_TSC_AUX in ECX. */
export const rdtscp: ExitHandler = (vcpu) => {
  vcpu.registers.ecx = Number((vcpu.rdmsr(IA32_TSC_AUX) ?? 0n) & 0xffff_ffffn);
  return rdtsc(vcpu);
};
