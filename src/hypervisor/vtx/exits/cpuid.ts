import type { CpuidRegisters, ExitHandler, Vcpu } from "../../vcpu.js";

const LEAF_FEATURES = 1;
const LEAF_HYPERVISOR = 0x4000_0000;
const LEAF_HYPERVISOR_LAST = 0x4fff_ffff;

const ECX_VMX = 1 << 5;
const ECX_HYPERVISOR_PRESENT = 0x8000_0000;

/** Twelve characters, as CPU vendors sign their own leaf 0. */
export const HYPERVISOR_SIGNATURE = "Ring-1Ring-1";

// #region exit-cpuid
/** CPUID exits unconditionally (SDM 26.1.2): the guest sees the processor that the hypervisor wants it to see. */
export const cpuid: ExitHandler = (vcpu) => {
  const { registers } = vcpu;
  const answer = virtualCpuid(vcpu, registers.eax, registers.ecx);
  registers.eax = answer.eax;
  registers.ebx = answer.ebx;
  registers.ecx = answer.ecx;
  registers.edx = answer.edx;
  vcpu.advance();
  return "resume";
};
// #endregion

// #region cpuid-policy
/** The host's values with three changes: no VMX, a hypervisor is present, and it signs leaf 0x40000000. */
export function virtualCpuid(vcpu: Pick<Vcpu, "cpuid">, leaf: number, subleaf: number): CpuidRegisters {
  if (leaf >= LEAF_HYPERVISOR && leaf <= LEAF_HYPERVISOR_LAST) return hypervisorLeaf(leaf);
  const host = vcpu.cpuid(leaf, subleaf);
  if (leaf === LEAF_FEATURES) {
    host.ecx = ((host.ecx & ~ECX_VMX) | ECX_HYPERVISOR_PRESENT) >>> 0;
  }
  return host;
}

/** Leaf 0x40000000: the highest hypervisor leaf in EAX, the signature in EBX, ECX, EDX. */
function hypervisorLeaf(leaf: number): CpuidRegisters {
  if (leaf !== LEAF_HYPERVISOR) return { eax: 0, ebx: 0, ecx: 0, edx: 0 };
  const word = (at: number): number =>
    [3, 2, 1, 0].reduce((value, i) => value * 256 + HYPERVISOR_SIGNATURE.charCodeAt(at + i), 0);
  return { eax: LEAF_HYPERVISOR, ebx: word(0), ecx: word(4), edx: word(8) };
}
// #endregion
