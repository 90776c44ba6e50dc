/** XCR0 under the hypervisor, which VM exits and entries do not switch: the guest sees what the bare machine shows. */
import { describe, expect, it } from "vitest";
import { Session } from "../../src/experiments/session.js";
import type { CpuMode } from "../../src/experiments/view.js";
import { core, decoder, guest } from "./guest.js";

const XGETBV = ".byte 0x0f, 0x01, 0xd0";
const XSETBV = ".byte 0x0f, 0x01, 0xd1";

/** @returns what the guest wrote to the debug-exit port */
function run(cpuMode: CpuMode, body: string): number {
  const image = guest(`main:\n${body}\nout 0xf4, al`);
  const session = Session.create({ core, decoder, image, name: "xcr0", cpuMode, ramBytes: 16 << 20 });
  session.run();
  return ((session.ending?.status ?? 0) - 1) / 2;
}

const ENABLE = "mov rax, cr4\nor eax, 1 << 18\nmov cr4, rax\nxor ecx, ecx\nxor edx, edx";
const OSXSAVE = "mov eax, 1\ncpuid\nbt ecx, 27\nsetc al";

describe.each(["native", "vtx", "bt"] as const)("XCR0, %s", (cpuMode) => {
  it("is told by CPUID once CR4.OSXSAVE is set, not before", () => {
    expect(run(cpuMode, OSXSAVE)).toBe(0);
    expect(run(cpuMode, `${ENABLE}\n${OSXSAVE}`)).toBe(1);
  });

  it("holds what XSETBV wrote", () => {
    expect(run(cpuMode, `${ENABLE}\nmov eax, 3\n${XSETBV}\nxor eax, eax\n${XGETBV}`)).toBe(3);
  });
});

describe("XSETBV of what the processor lacks", () => {
  it.each([0, 2, 7, 0x8000_0000])("0x%x cannot be delivered as #GP without an IDT: triple fault", (value) => {
    const image = guest(`main:\n${ENABLE}\nmov eax, ${value}\n${XSETBV}\nout 0xf4, al`);
    const session = Session.create({
      core,
      decoder,
      image,
      name: "xcr0",
      cpuMode: "vtx",
      ramBytes: 16 << 20,
    });
    session.run();
    expect(session.ending?.kind).toBe("triple-fault");
  });
});
