import type { CpuidRegisters } from "../vcpu.js";

const LEAF_FEATURES = 1;
const LEAF_TOPOLOGY = 0xb;
const EDX_HTT = 1 << 28;
const LEVEL_SMT = 1 << 8;
const LEVEL_CORE = 2 << 8;

/** Which processor a virtual CPU is: one thread a core, all cores in one package. */
export interface Place {
  /** Initial APIC ID. */
  id: number;
  /** Virtual CPUs of the VM. */
  processors: number;
}

/** Bits of an APIC ID that number the processors of the package. */
function coreBits(processors: number): number {
  return processors > 1 ? 32 - Math.clz32(processors - 1) : 0;
}

/** The hardware's answer to CPUID with the virtual CPU's place in it (SDM Vol. 2, CPUID, leaves 01H and 0BH). */
export function virtualTopology(
  answer: CpuidRegisters,
  leaf: number,
  subleaf: number,
  { id, processors }: Place,
): CpuidRegisters {
  if (leaf === LEAF_FEATURES) {
    const ebx = ((id << 24) | ((1 << coreBits(processors)) << 16) | (answer.ebx & 0xffff)) >>> 0;
    const edx = ((answer.edx & ~EDX_HTT) | (processors > 1 ? EDX_HTT : 0)) >>> 0;
    return { ...answer, ebx, edx };
  }
  if (leaf !== LEAF_TOPOLOGY) return answer;
  if (subleaf === 0) return { eax: 0, ebx: 1, ecx: LEVEL_SMT, edx: id };
  if (subleaf === 1) return { eax: coreBits(processors), ebx: processors, ecx: LEVEL_CORE | 1, edx: id };
  return { eax: 0, ebx: 0, ecx: subleaf & 0xff, edx: id };
}
