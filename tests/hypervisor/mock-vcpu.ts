import type { CpuidRegisters, Injection, Registers, Vcpu } from "../../src/hypervisor/vcpu.js";

/** A virtual CPU of plain values: what a handler did to it can be looked at. */
export class MockVcpu implements Vcpu {
  readonly index = 0;
  exitReason = 0;
  advanced = 0;
  readonly injected: Injection[] = [];
  readonly fields = new Map<number, bigint>();
  readonly ports: string[] = [];
  portValue = 0;
  readonly virtualMsrs = new Map<number, bigint>();
  hostCpuid: (leaf: number, subleaf: number) => CpuidRegisters = () => ({ eax: 0, ebx: 0, ecx: 0, edx: 0 });
  readonly registers: Registers;

  constructor(values: Partial<Record<keyof Registers, bigint>> = {}) {
    const wide: Record<string, bigint> = {
      rax: 0n,
      rbx: 0n,
      rcx: 0n,
      rdx: 0n,
      rsi: 0n,
      rdi: 0n,
      rsp: 0n,
      ...values,
    };
    for (const name of ["eax", "ebx", "ecx", "edx"]) {
      const full = `r${name.slice(1)}`;
      Object.defineProperty(wide, name, {
        get: () => Number(wide[full] & 0xffff_ffffn),
        set: (value: number) => (wide[full] = BigInt(value >>> 0)),
      });
    }
    this.registers = wide as unknown as Registers;
  }

  vmread(field: number): bigint {
    return this.fields.get(field) ?? 0n;
  }
  vmwrite(field: number, value: bigint): void {
    this.fields.set(field, value);
  }
  advance(): void {
    this.advanced++;
  }
  inject(event: Injection): void {
    this.injected.push(event);
  }
  cpuid(leaf: number, subleaf: number): CpuidRegisters {
    return this.hostCpuid(leaf, subleaf);
  }
  rdmsr(): bigint | undefined {
    return undefined;
  }
  readVirtualMsr(index: number): bigint | undefined {
    return this.virtualMsrs.get(index);
  }
  writeVirtualMsr(index: number, value: bigint): boolean {
    if (!this.virtualMsrs.has(index)) return false;
    this.virtualMsrs.set(index, value);
    return true;
  }
  readPort(port: number, size: number): number {
    this.ports.push(`in ${port.toString(16)} ${size}`);
    return this.portValue;
  }
  writePort(port: number, size: number, value: number): void {
    this.ports.push(`out ${port.toString(16)} ${size} ${value.toString(16)}`);
  }
}
