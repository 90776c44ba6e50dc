import { failed, PASSED, type Check, type CheckResult } from "../../src/grading/lab.js";
import type { AuditedExit } from "../../src/grading/audit.js";
import { HYPERVISOR_SIGNATURE } from "../../src/hypervisor/vtx/exits/cpuid.js";
import * as Msr from "../../src/spec/msrs.js";
import { cheap, leftAlone, shadowEnded } from "./exit-rules.js";
import { all, boots, lookAt, type Violation } from "../judging.js";
import { judge, leafOf, msrOf, type Desk } from "./observe.js";
import type { Probe } from "./probe.js";
import * as rules from "./rules.js";
import { isCpuid, isOwnLeaf } from "./rules.js";
import { CONSTANT_MSRS, VARIABLE_MSRS, type BootScenario } from "./scenarios.js";

const LEAF_FEATURES = 1;

const EXISTING = new Set<number>([...VARIABLE_MSRS, ...CONSTANT_MSRS, Msr.IA32_DEBUGCTL]);
const isForeignLeaf = (probe: Probe): boolean =>
  isCpuid(probe) && !isOwnLeaf(probe) && leafOf(probe) !== LEAF_FEATURES;
const isFeatures = (probe: Probe): boolean => isCpuid(probe) && leafOf(probe) === LEAF_FEATURES;
const isServed = (probe: Probe): boolean => !isCpuid(probe) && EXISTING.has(msrOf(probe));
const isUnknown = (probe: Probe): boolean => !isCpuid(probe) && !EXISTING.has(msrOf(probe));
const any = (): boolean => true;

/** The checks, in the order in which a student meets them. */
export const CHECKS: readonly Check<readonly AuditedExit[]>[] = [
  {
    id: "cpuid-advance",
    title: "After CPUID the guest goes on with the next instruction",
    points: 2,
    visibility: "public",
    hints: [
      "Where does RIP point when the guest is entered again?",
      "A VM exit leaves RIP at the instruction that exited (SDM Vol. 3, 28.3.3). Who moves it on?",
      "vcpu.advance(), once, on every path that answers.",
    ],
    run: (bench) => judge(bench, "lessons", isCpuid, rules.continued),
  },
  {
    id: "cpuid-pass-through",
    title: "Leaves of the hardware pass through, with their sub-leaves",
    points: 2,
    visibility: "public",
    dependsOn: ["cpuid-advance"],
    hints: [
      "CPUID has two inputs. Which register holds the second?",
      "All four registers are answers, EBX between them.",
      "vcpu.cpuid(registers.eax, registers.ecx), then its four fields into the four registers.",
    ],
    run: (bench) => judge(bench, "lessons", isForeignLeaf, rules.answered),
  },
  {
    id: "cpuid-features",
    title: "Leaf 1 shows a hypervisor and hides VMX",
    points: 2,
    visibility: "public",
    dependsOn: ["cpuid-pass-through"],
    hints: [
      "Two bits of ECX differ from the hardware's; all others stay.",
      "ECX[31] says that a hypervisor is present, ECX[5] that VMX can be used.",
      "In JavaScript 1 << 31 is negative, and so is every | with it: >>> 0 makes it 0 … 2^32 − 1 again.",
    ],
    run: (bench) => judge(bench, "lessons", isFeatures, rules.featuresAnswered),
  },
  {
    id: "cpuid-signature",
    title: "Leaf 0x40000000 has the signature; other hypervisor leaves are zero",
    points: 2,
    visibility: "public",
    dependsOn: ["cpuid-advance"],
    hints: [
      "Twelve characters in three registers: how many in each?",
      "Unlike leaf 0, the order is EBX, ECX, EDX; the first character is in bits 7:0.",
      "EAX is the highest leaf of the range that means something: 0x40000000 itself.",
    ],
    run: (bench) => judge(bench, "lessons", isOwnLeaf, rules.signed),
  },
  {
    id: "msr-unknown",
    title: "An MSR that the VM lacks raises #GP(0) at the instruction",
    points: 2,
    visibility: "public",
    dependsOn: ["cpuid-advance"],
    hints: [
      "What do readVirtualMsr and writeVirtualMsr return for such a register?",
      "#GP is a fault: the RIP that the guest's handler finds is the instruction's own.",
    ],
    run: (bench) => judge(bench, "lessons", isUnknown, rules.refused),
  },
  {
    id: "msr-round-trip",
    title: "RDMSR returns the 64 bits that WRMSR stored",
    points: 3,
    visibility: "public",
    dependsOn: ["cpuid-advance"],
    hints: [
      "The value is EDX:EAX: EDX has bits 63:32.",
      "A number of JavaScript holds 53 bits exactly, and << works on 32: put the halves together as bigints.",
      "(BigInt(registers.edx) << 32n) | BigInt(registers.eax)",
    ],
    run: (bench) => judge(bench, "lessons", isServed, rules.msrServed),
  },
  {
    id: "upper-halves",
    title: "Answers clear the upper halves of their registers and change nothing else",
    points: 1,
    visibility: "public",
    dependsOn: ["cpuid-advance", "msr-round-trip"],
    hints: [
      "In 64-bit mode CPUID clears bits 63:32 of RAX, RBX, RCX and RDX; RDMSR those of RAX and RDX.",
      "What does writing registers.eax do to registers.rax?",
    ],
    run: (bench) =>
      all(
        judge(
          bench,
          "lessons",
          (probe) => isCpuid(probe) || isReadOfExisting(probe),
          rules.upperHalvesCleared,
        ),
        everyExit(bench, "lessons", leftAlone),
      ),
  },
  {
    id: "boots",
    title: "The small kernel boots, finds your hypervisor and powers off",
    points: 2,
    visibility: "public",
    hints: ["The kernel prints what CPUID tells it. Compare its console with chapter 1's."],
    run: bootsAndFinds,
  },
  {
    id: "msr-refused",
    title: "A value that an MSR refuses raises #GP(0) and is not stored",
    points: 1,
    visibility: "hidden",
    dependsOn: ["msr-round-trip", "msr-unknown"],
    hints: ["writeVirtualMsr has a result."],
    run: (bench) => judge(bench, "corners", (probe) => !isCpuid(probe), rules.asReference),
  },
  {
    id: "interrupt-shadow",
    title: "An answered instruction ends the shadow of STI and MOV SS",
    points: 1,
    visibility: "hidden",
    dependsOn: ["cpuid-advance"],
    hints: [
      "The guest's interruptibility state is part of what an instruction changes (SDM Vol. 3, 25.4.2).",
    ],
    run: (bench) =>
      all(judge(bench, "corners", isCpuid, rules.asReference), everyExit(bench, "corners", shadowEnded)),
  },
  {
    id: "hostile-guest",
    title: "A guest that tries every kind of leaf and MSR gets the right answers and cannot stop the VM",
    points: 1,
    visibility: "hidden",
    dependsOn: ["cpuid-pass-through", "cpuid-features", "cpuid-signature", "msr-round-trip", "msr-unknown"],
    hints: ["Leaves and MSR numbers are 32 bits wide; every one of them can come."],
    run: (bench) => judge(bench, "attack", any, rules.asReference),
  },
  {
    id: "cost",
    title: "No exit costs more than it has to",
    points: 1,
    visibility: "hidden",
    dependsOn: ["cpuid-pass-through", "msr-round-trip"],
    hints: ["Each vmread, vmwrite and register access takes time on real hardware too."],
    run: (bench) => all(everyExit(bench, "lessons", cheap), everyExit(bench, "attack", cheap)),
  },
];

function isReadOfExisting(probe: Probe): boolean {
  return probe.kind === "rdmsr" && isServed(probe);
}

async function everyExit(
  bench: Desk,
  scenario: string,
  rule: (exit: AuditedExit) => Violation | null,
): Promise<CheckResult> {
  const run = await bench.run(scenario);
  for (const exit of run.observed) {
    const found = rule(exit);
    if (found) return failed(found.message, { ...found, look: lookAt(scenario, exit.moment) });
  }
  return PASSED;
}

async function bootsAndFinds(bench: Desk): Promise<CheckResult> {
  const { signature } = (await bench.scenario("boot")) as BootScenario;
  return boots(bench, (console) => console.replace(HYPERVISOR_SIGNATURE, signature));
}
