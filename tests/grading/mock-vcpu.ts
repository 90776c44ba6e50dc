import { REGISTER_NAMES, type Injection, type Registers, type Vcpu } from "../../src/hypervisor/vcpu.js";

/** A vCPU with no machine behind it. */
export interface MockVcpu extends Vcpu {
  readonly fields: Map<number, bigint>;
  readonly virtualMsrs: Map<number, bigint>;
  readonly injected: Injection[];
  readonly written: string[];
  advances: number;
}

/** Registers whose 32-bit names behave as instructions do. */
function mockRegisters(): Registers {
  const values = Object.fromEntries(REGISTER_NAMES.map((name) => [name, 0n])) as unknown as Registers;
  for (const [short, long] of [
    ["eax", "rax"],
    ["ebx", "rbx"],
    ["ecx", "rcx"],
    ["edx", "rdx"],
  ] as const) {
    Object.defineProperty(values, short, {
      get: () => Number(values[long] & 0xffff_ffffn),
      set: (value: number) => {
        values[long] = BigInt(value >>> 0);
      },
    });
  }
  return values;
}

export function mockVcpu(exitReason: number): MockVcpu {
  const fields = new Map<number, bigint>();
  const virtualMsrs = new Map<number, bigint>([[0x10, 7n]]);
  const injected: Injection[] = [];
  const written: string[] = [];
  const mock: MockVcpu = {
    index: 0,
    exitReason,
    registers: mockRegisters(),
    fields,
    virtualMsrs,
    injected,
    written,
    advances: 0,
    vmread(field) {
      if (field > 0xffff) throw new RangeError(`VMREAD of field ${field}: no such field`);
      return fields.get(field) ?? 0n;
    },
    vmwrite: (field, value) => void fields.set(field, value),
    advance() {
      mock.advances++;
    },
    inject: (event) => void injected.push(event),
    cpuid: (leaf, subleaf) => ({ eax: leaf, ebx: subleaf, ecx: 0xffff_ffff, edx: 0x8000_0001 }),
    rdmsr: (index) => (index === 0x10 ? 1n : undefined),
    readVirtualMsr: (index) => virtualMsrs.get(index),
    writeVirtualMsr(index, value) {
      if (!virtualMsrs.has(index)) return false;
      virtualMsrs.set(index, value);
      return true;
    },
    readPort: (port, size) => port + size,
    writePort: (port, size, value) => void written.push(`${port} ${size} ${value}`),
  };
  return mock;
}
