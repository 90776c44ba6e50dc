import { describe, expect, it } from "vitest";
import type { VmVcpu } from "../../src/hypervisor/vm-vcpu.js";
import { cpuid, HYPERVISOR_SIGNATURE } from "../../src/hypervisor/vtx/exits/cpuid.js";
import { hlt } from "../../src/hypervisor/vtx/exits/hlt.js";
import { ioInstruction } from "../../src/hypervisor/vtx/exits/io.js";
import { ioQualification } from "../../src/hypervisor/vtx/exits/io-qualification.js";
import { rdmsr, wrmsr } from "../../src/hypervisor/vtx/exits/msr.js";
import { EXIT_QUALIFICATION } from "../../src/spec/vmcs-fields.js";
import { MockVcpu } from "./mock-vcpu.js";

describe("CPUID", () => {
  it("shows the host's leaf 1 without VMX and with a hypervisor", () => {
    const vcpu = new MockVcpu({ rax: 0xffff_ffff_0000_0001n, rcx: 0n });
    vcpu.hostCpuid = () => ({ eax: 0x506e3, ebx: 1, ecx: 0x20, edx: 3 });
    expect(cpuid(vcpu)).toBe("resume");
    expect(vcpu.registers).toMatchObject({ rax: 0x506e3n, rbx: 1n, rcx: 0x8000_0000n, rdx: 3n });
    expect(vcpu.advanced).toBe(1);
  });

  it("signs leaf 0x40000000 with twelve bytes, the highest hypervisor leaf", () => {
    const vcpu = new MockVcpu({ rax: 0x4000_0000n });
    cpuid(vcpu);
    const bytes = [vcpu.registers.ebx, vcpu.registers.ecx, vcpu.registers.edx].flatMap((word) =>
      [0, 8, 16, 24].map((shift) => (word >>> shift) & 0xff),
    );
    expect(String.fromCharCode(...bytes)).toBe("Ring-1Ring-1");
    expect(HYPERVISOR_SIGNATURE).toHaveLength(12);
    expect(vcpu.registers.eax).toBe(0x4000_0000);
  });

  it("passes the other leaves through, subleaf included", () => {
    const vcpu = new MockVcpu({ rax: 4n, rcx: 2n });
    vcpu.hostCpuid = (leaf, subleaf) => ({ eax: leaf, ebx: subleaf, ecx: 0x20, edx: 0 });
    cpuid(vcpu);
    expect(vcpu.registers).toMatchObject({ rax: 4n, rbx: 2n, rcx: 0x20n });
  });
});

describe("HLT", () => {
  it("ends the instruction and halts", () => {
    const vcpu = new MockVcpu();
    expect(hlt(vcpu)).toBe("halt");
    expect(vcpu.advanced).toBe(1);
  });
});

describe("I/O", () => {
  const io = (qualification: bigint, rax = 0n): MockVcpu => {
    const vcpu = new MockVcpu({ rax });
    vcpu.fields.set(EXIT_QUALIFICATION, qualification);
    return vcpu;
  };
  const handle = (vcpu: MockVcpu): unknown => ioInstruction(vcpu as unknown as VmVcpu);

  it("decodes the qualification (SDM table 28-5)", () => {
    expect(ioQualification(0x03f8_0000)).toEqual({
      port: 0x3f8,
      size: 1,
      input: false,
      string: false,
      rep: false,
    });
    expect(ioQualification(0xffff_003b | 0)).toEqual({
      port: 0xffff,
      size: 4,
      input: true,
      string: true,
      rep: true,
    });
  });

  it("writes the bytes that the instruction has", () => {
    for (const [qualification, expected] of [
      [0x00f4_0000n, "out f4 1 88"],
      [0x00f4_0001n, "out f4 2 7788"],
      [0x00f4_0003n, "out f4 4 f5667788"],
    ] as const) {
      const vcpu = io(qualification, 0x1122_3344_f566_7788n);
      expect(handle(vcpu)).toBe("resume");
      expect(vcpu.ports).toEqual([expected]);
      expect(vcpu.advanced).toBe(1);
    }
  });

  it("reads into AL, AX or EAX, keeping or clearing the rest as a register write does", () => {
    for (const [qualification, expected] of [
      [0x0060_0008n, 0x1122_3344_f566_77aan],
      [0x0060_0009n, 0x1122_3344_f566_bbaan],
      [0x0060_000bn, 0xddcc_bbaan],
    ] as const) {
      const vcpu = io(qualification, 0x1122_3344_f566_7788n);
      vcpu.portValue = 0xddcc_bbaa;
      handle(vcpu);
      expect(vcpu.registers.rax).toBe(expected);
    }
  });
});

describe("MSRs", () => {
  it("reads one that the VM has into EDX:EAX", () => {
    const vcpu = new MockVcpu({ rcx: 0x1a0n, rax: ~0n & 0xffff_ffff_ffff_ffffn });
    vcpu.virtualMsrs.set(0x1a0, 0x1_8000_0002n);
    expect(rdmsr(vcpu)).toBe("resume");
    expect(vcpu.registers).toMatchObject({ rax: 0x8000_0002n, rdx: 1n });
    expect(vcpu.advanced).toBe(1);
  });

  it("writes EDX:EAX", () => {
    const vcpu = new MockVcpu({ rcx: 0x1a0n, rax: 0xffff_ffff_8000_0002n, rdx: 0xffff_ffff_0000_0001n });
    vcpu.virtualMsrs.set(0x1a0, 0n);
    wrmsr(vcpu);
    expect(vcpu.virtualMsrs.get(0x1a0)).toBe(0x1_8000_0002n);
    expect(vcpu.advanced).toBe(1);
  });

  it("raises #GP(0) at the instruction for one that the VM lacks", () => {
    for (const handler of [rdmsr, wrmsr]) {
      const vcpu = new MockVcpu({ rcx: 0x1234n });
      expect(handler(vcpu)).toBe("resume");
      expect(vcpu.injected).toEqual([{ vector: 13, type: "exception", errorCode: 0 }]);
      expect(vcpu.advanced).toBe(0);
    }
  });
});
