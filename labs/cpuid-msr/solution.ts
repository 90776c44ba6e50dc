// ring1 lab: cpuid-msr
import type { Outcome } from "../../src/hypervisor/outcome.js";
import type { CpuidRegisters, ExitHandler, Vcpu } from "../../src/hypervisor/vcpu.js";
import { GENERAL_PROTECTION } from "../../src/spec/vectors.js";
import { HYPERVISOR_SIGNATURE } from "./given.js";

const LEAF_FEATURES = 1;
const LEAF_HYPERVISOR = 0x4000_0000;
const LEAF_HYPERVISOR_LAST = 0x4fff_ffff;

const ECX_VMX = 1 << 5;
const ECX_HYPERVISOR_PRESENT = 0x8000_0000;

/** CPUID exits unconditionally (SDM Vol. 3, 26.1.2): the guest sees the processor that it is to see. */
export const handleCpuid: ExitHandler = (vcpu) => {
  const { registers } = vcpu;
  const answer = virtualCpuid(vcpu, registers.eax, registers.ecx);
  registers.eax = answer.eax;
  registers.ebx = answer.ebx;
  registers.ecx = answer.ecx;
  registers.edx = answer.edx;
  vcpu.advance();
  return "resume";
};

/** The hardware's answer with three changes: no VMX, a hypervisor is present, and it has leaves of its own. */
function virtualCpuid(vcpu: Vcpu, leaf: number, subleaf: number): CpuidRegisters {
  if (leaf === LEAF_HYPERVISOR) return signatureLeaf(HYPERVISOR_SIGNATURE);
  if (leaf > LEAF_HYPERVISOR && leaf <= LEAF_HYPERVISOR_LAST) return { eax: 0, ebx: 0, ecx: 0, edx: 0 };
  const hardware = vcpu.cpuid(leaf, subleaf);
  if (leaf === LEAF_FEATURES) hardware.ecx = ((hardware.ecx & ~ECX_VMX) | ECX_HYPERVISOR_PRESENT) >>> 0;
  return hardware;
}

/** Leaf 0x4000_0000: the highest hypervisor leaf, and the signature, its first character in the lowest byte of EBX. */
function signatureLeaf(signature: string): CpuidRegisters {
  const word = (at: number): number =>
    [3, 2, 1, 0].reduce((value, i) => value * 256 + signature.charCodeAt(at + i), 0);
  return { eax: LEAF_HYPERVISOR, ebx: word(0), ecx: word(4), edx: word(8) };
}

/** RDMSR of a register that the MSR bitmap does not leave to the guest (SDM Vol. 3, 26.1.3). */
export const handleRdmsr: ExitHandler = (vcpu) => {
  const { registers } = vcpu;
  const value = vcpu.readVirtualMsr(registers.ecx);
  if (value === undefined) return generalProtection(vcpu);
  registers.eax = Number(value & 0xffff_ffffn);
  registers.edx = Number(value >> 32n);
  vcpu.advance();
  return "resume";
};

/** WRMSR of such a register. */
export const handleWrmsr: ExitHandler = (vcpu) => {
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
