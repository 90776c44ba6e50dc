// ring1 lab: cpuid-msr
import type { Outcome } from "../../src/hypervisor/outcome.js";
import type { CpuidRegisters, ExitHandler, Vcpu } from "../../src/hypervisor/vcpu.js";
import { GENERAL_PROTECTION } from "../../src/spec/vectors.js";
import { HYPERVISOR_SIGNATURE } from "./given.js";

const LEAF_HYPERVISOR = 0x4000_0000;

/** CPUID has exited. The guest expects its answer in EAX, EBX, ECX and EDX, and to go on behind the instruction. */
export const handleCpuid: ExitHandler = (vcpu) => {
  const { registers } = vcpu;
  const answer = virtualCpuid(vcpu, registers.eax, registers.ecx);
  registers.eax = answer.eax;
  // Hole 1: the other registers, and the way on.
  return "resume";
};

/** What the guest is to see of the processor: see "CPUID" in the statement. */
function virtualCpuid(vcpu: Vcpu, leaf: number, subleaf: number): CpuidRegisters {
  if (leaf === LEAF_HYPERVISOR) return signatureLeaf(HYPERVISOR_SIGNATURE);
  // Hole 2: the rest of the hypervisor's leaves, and leaf 1.
  return vcpu.cpuid(leaf, subleaf);
}

/** Leaf 0x4000_0000: the highest hypervisor leaf, and the signature. */
function signatureLeaf(signature: string): CpuidRegisters {
  if (signature.length !== 12) throw new RangeError(`a signature of ${signature.length} characters`);
  // Hole 3.
  return { eax: 0, ebx: 0, ecx: 0, edx: 0 };
}

/** RDMSR of the register that ECX names has exited. */
export const handleRdmsr: ExitHandler = (vcpu) => {
  const value = vcpu.readVirtualMsr(vcpu.registers.ecx);
  if (value === undefined) return generalProtection(vcpu);
  // Hole 4: the value to the guest, and the way on.
  return "resume";
};

/** WRMSR of the register that ECX names has exited. */
export const handleWrmsr: ExitHandler = (vcpu) => {
  // Hole 5: for now no register can be written.
  return generalProtection(vcpu);
};

/** Given: #GP(0) at the next VM entry. */
function generalProtection(vcpu: Vcpu): Outcome {
  vcpu.inject({ vector: GENERAL_PROTECTION, type: "exception", errorCode: 0 });
  return "resume";
}
