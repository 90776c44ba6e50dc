import { describe, expect, it } from "vitest";
import { HYPERVISOR_SIGNATURE } from "../../labs/cpuid-msr/given.js";
import { HYPERVISOR_SIGNATURE as SHIPPED } from "../../src/hypervisor/vtx/exits/cpuid.js";
import { Session } from "../../src/experiments/session.js";
import { scenarioGuest } from "../../src/grading/browser.js";
import { nodeAssets } from "../../src/grading/node/assets.js";
import { jsonText } from "../../src/grading/submission.js";
import { cpuidMsr } from "../../labs/cpuid-msr/lab.js";
import { gradedLab, provesItself, type Mutant } from "./graded.js";

const lab = gradedLab(cpuidMsr);
const { gradePart, labFile, mutant, SOLUTION } = lab;

describe("the CPUID and MSR lab", () => {
  it("gives the hypervisor's own signature as an example", () => {
    expect(HYPERVISOR_SIGNATURE).toBe(SHIPPED);
  });

  it("tells the starter what it lacks", async () => {
    const report = await gradePart(labFile("starter.ts"));
    expect(report.checks[0]).toMatchObject({
      message:
        "The guest did not get past CPUID with EAX = 0x0, ECX = 0x0. " +
        "The guest re-executed the same CPUID 1000 times: does the handler call advance()?",
      look: { scenario: "lessons", exits: expect.any(Number), instructions: expect.any(Number) },
    });
  });

  it("gives the same bytes for the same part", async () => {
    const part = mutant("vcpu.cpuid(leaf, subleaf)", "vcpu.cpuid(leaf, 0)");
    expect(jsonText(await gradePart(part))).toBe(jsonText(await gradePart(part)));
  });

  it("says where to look: the exit that went wrong waits there for its handler", async () => {
    const report = await gradePart(mutant("vcpu.cpuid(leaf, subleaf)", "vcpu.cpuid(leaf, 0)"));
    const { look } = report.checks.find(({ id }) => id === "cpuid-pass-through")!;
    const guest = await scenarioGuest("cpuid-msr", look!.scenario, nodeAssets(), "test");
    const session = Session.create({ ...guest, core: nodeAssets().core, cpuMode: "vtx" });
    session.seek(look!);
    const { phase, exit, registers } = session.view();
    expect([phase, exit?.name]).toEqual(["hypervisor", "CPUID"]);
    const low = (name: string): bigint =>
      registers.find((register) => register.name === name)!.value & 0xffff_ffffn;
    expect([low("RAX"), low("RCX")]).toEqual([7n, 1n]);
  });

  it("runs public checks alone when asked", async () => {
    const report = await gradePart(SOLUTION, "test", "public");
    expect(report.summary).toBe(
      "Your public checks passed: 16 of 16 points. 4 hidden checks (4 points) remain.",
    );
  });
});

const LAST_REGISTER = "registers.edx = answer.edx;\n  vcpu.advance();";
const WRMSR_END = 'return generalProtection(vcpu);\n  vcpu.advance();\n  return "resume";';
const REFUSAL = 'vcpu.inject({ vector: GENERAL_PROTECTION, type: "exception", errorCode: 0 });';
const VALUE = "(BigInt(registers.edx) << 32n) | BigInt(registers.eax)";
const FIELDS = 'import * as F from "ring1/spec/vmcs-fields";\n';

const MUTANTS: Mutant[] = [
  ["CPUID is not advanced", mutant(LAST_REGISTER, "registers.edx = answer.edx;"), ["cpuid-advance", "boots"]],
  [
    "CPUID is advanced twice",
    mutant(LAST_REGISTER, `${LAST_REGISTER}\n  vcpu.advance();`),
    ["cpuid-advance", "boots"],
  ],
  [
    "the sub-leaf is ignored",
    mutant("vcpu.cpuid(leaf, subleaf)", "vcpu.cpuid(leaf, 0)"),
    ["cpuid-pass-through"],
  ],
  [
    "EBX and EDX are exchanged",
    mutant(LAST_REGISTER, "registers.edx = answer.ebx;\n  registers.ebx = answer.edx;\n  vcpu.advance();"),
    ["cpuid-pass-through", "cpuid-signature", "boots", "interrupt-shadow"],
  ],
  ["VMX is offered", mutant("hardware.ecx & ~ECX_VMX", "hardware.ecx"), ["cpuid-features"]],
  ["the hypervisor is hidden", mutant(" | ECX_HYPERVISOR_PRESENT", ""), ["cpuid-features", "boots"]],
  [
    "leaf 1 loses its other features",
    mutant("hardware.ecx & ~ECX_VMX", "hardware.ecx & 0"),
    ["cpuid-features"],
  ],
  [
    "the signature is backwards",
    mutant("[3, 2, 1, 0]", "[0, 1, 2, 3]"),
    ["cpuid-signature", "boots", "interrupt-shadow"],
  ],
  [
    "the highest leaf is missing",
    mutant("eax: LEAF_HYPERVISOR,", "eax: 0,"),
    ["cpuid-signature", "interrupt-shadow"],
  ],
  [
    "other hypervisor leaves come from the hardware",
    mutant(
      "if (leaf > LEAF_HYPERVISOR && leaf <= LEAF_HYPERVISOR_LAST) return { eax: 0, ebx: 0, ecx: 0, edx: 0 };",
      "",
    ),
    ["cpuid-signature"],
  ],
  [
    "the upper half of RBX stays",
    mutant(
      "registers.ebx = answer.ebx;",
      "registers.rbx = (registers.rbx & ~0xffff_ffffn) | BigInt(answer.ebx);",
    ),
    ["upper-halves"],
  ],
  [
    "R8 is used as scratch",
    mutant(LAST_REGISTER, `registers.r13 ^= 1n;\n  ${LAST_REGISTER}`),
    ["upper-halves"],
  ],
  [
    "the exception bitmap is written",
    FIELDS + mutant(LAST_REGISTER, `vcpu.vmwrite(F.EXCEPTION_BITMAP, 1n << 13n);\n  ${LAST_REGISTER}`),
    ["upper-halves"],
  ],
  ["WRMSR drops EDX", mutant(VALUE, "BigInt(registers.eax)"), ["msr-round-trip"]],
  [
    "WRMSR is signed",
    mutant(VALUE, "BigInt(registers.edx << 32) | BigInt(registers.eax)"),
    ["msr-round-trip"],
  ],
  [
    "RDMSR returns the halves exchanged",
    mutant(
      "registers.eax = Number(value & 0xffff_ffffn);\n  registers.edx = Number(value >> 32n);",
      "registers.edx = Number(value & 0xffff_ffffn);\n  registers.eax = Number(value >> 32n);",
    ),
    ["msr-round-trip"],
  ],
  [
    "WRMSR is not advanced",
    mutant(WRMSR_END, 'return generalProtection(vcpu);\n  return "resume";'),
    ["msr-round-trip"],
  ],
  [
    "an unknown MSR reads as zero",
    mutant(
      "const value = vcpu.readVirtualMsr(registers.ecx);",
      "const value = vcpu.readVirtualMsr(registers.ecx) ?? 0n;",
    ),
    ["msr-unknown"],
  ],
  ["#GP comes behind the instruction", mutant(REFUSAL, `${REFUSAL}\n  vcpu.advance();`), ["msr-unknown"]],
  ["#GP has an error code", mutant("errorCode: 0", "errorCode: 8"), ["msr-unknown"]],
  [
    "the refused RDMSR clears RAX",
    mutant(REFUSAL, `${REFUSAL}\n  vcpu.registers.rax = 0n;`),
    ["msr-unknown", "upper-halves"],
  ],
  [
    "a refused value is ignored",
    mutant(
      "if (!vcpu.writeVirtualMsr(registers.ecx, value)) return generalProtection(vcpu);",
      "if (vcpu.readVirtualMsr(registers.ecx) === undefined) return generalProtection(vcpu);\n  vcpu.writeVirtualMsr(registers.ecx, value);",
    ),
    ["msr-refused", "hostile-guest"],
  ],
  [
    "the interrupt shadow stays",
    FIELDS +
      mutant(
        LAST_REGISTER,
        "registers.edx = answer.edx;\n  vcpu.vmwrite(F.GUEST_RIP, vcpu.vmread(F.GUEST_RIP) + vcpu.vmread(F.EXIT_INSTRUCTION_LENGTH));",
      ),
    ["interrupt-shadow"],
  ],
  [
    "leaf 0xffffffff throws",
    mutant(
      "const hardware =",
      "if (leaf > 0x9000_0000) throw new RangeError(`leaf ${leaf}`);\n  const hardware =",
    ),
    ["hostile-guest"],
  ],
  [
    "every exit is slow",
    mutant(
      "const { registers } = vcpu;\n  const answer",
      "const { registers } = vcpu;\n  for (let i = 0; i < 40; i++) void registers.r8;\n  const answer",
    ),
    ["cost"],
  ],
  [
    "every exit is busy",
    mutant(
      "const { registers } = vcpu;\n  const answer",
      "const { registers } = vcpu;\n  for (let i = 0; i < 50_000; i++);\n  const answer",
    ),
    ["cost"],
  ],
];

provesItself(lab, {
  seeds: ["test", "ring1", "", "another seed"],
  starter: ["cpuid-advance", "boots"],
  mutants: MUTANTS,
});
