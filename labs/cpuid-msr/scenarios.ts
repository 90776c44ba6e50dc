import type { GradingAssets } from "../../src/grading/assets.js";
import type { Scenario, ScenarioSpec } from "../../src/grading/scenario.js";
import type { Variant } from "../../src/grading/variant.js";
import * as Msr from "../../src/spec/msrs.js";
import { PROBE_RAM_BYTES, withTable, resultRange, type Probe, type ProbeKind } from "./probe.js";

export const LEAF_HYPERVISOR = 0x4000_0000;
export const LEAF_HYPERVISOR_LAST = 0x4fff_ffff;

/** A scenario with the signature that its variant gives. */
export interface BootScenario extends Scenario {
  signature: string;
}

/** A scenario of the probe guest, with what it executes. */
export interface ProbeScenario extends BootScenario {
  probes: readonly Probe[];
}

const SIGNATURE_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-. ";
/** MSRs of the VM that keep what is written to them. */
export const VARIABLE_MSRS = [Msr.IA32_MISC_ENABLE, Msr.IA32_BIOS_SIGN_ID];
/** MSRs of the VM that refuse every value. */
export const CONSTANT_MSRS = [Msr.IA32_FEATURE_CONTROL, Msr.IA32_MTRRCAP, Msr.IA32_APIC_BASE];
/** Registers of no VM here: of other vendors, of no bitmap's range, or not architectural. */
const UNKNOWN_MSRS = [
  0x15, 0xe1, 0x1ffe, 0x2000, 0x4000_0000, 0x8000_0001, 0xc000_0105, 0xc001_0015, 0xffff_ffff,
];

/** An instruction with random contents wherever it does not look: the upper halves, and registers that it only writes. */
function probe(variant: Variant, kind: ProbeKind, low: { eax?: number; ecx?: number; edx?: number }): Probe {
  const filled = (value: number | undefined): bigint =>
    (BigInt((variant.u32() | 1) >>> 0) << 32n) | BigInt((value ?? variant.u32()) >>> 0);
  return {
    kind,
    rax: filled(low.eax),
    rbx: filled(undefined),
    rcx: filled(low.ecx),
    rdx: filled(low.edx),
  };
}

const cpuid = (variant: Variant, eax: number, ecx = 0): Probe => probe(variant, "cpuid", { eax, ecx });
const rdmsr = (variant: Variant, ecx: number): Probe => probe(variant, "rdmsr", { ecx });
const wrmsr = (variant: Variant, ecx: number, value: bigint): Probe =>
  probe(variant, "wrmsr", { ecx, eax: Number(value & 0xffff_ffffn), edx: Number(value >> 32n) });

/** Every rule of the statement, once or twice; what a student does first comes first. */
function lessons(variant: Variant): Probe[] {
  const leaves: [number, number?][] = [
    [0],
    [1],
    [7, 0],
    [7, 1],
    [0x8000_0000],
    [0x8000_0001],
    [0x8000_0002 + variant.below(2)],
    [0x8000_0008],
    [LEAF_HYPERVISOR],
    [LEAF_HYPERVISOR + 1 + variant.below(0xff)],
  ];
  const [first, second] = variant.below(2) ? VARIABLE_MSRS : [...VARIABLE_MSRS].reverse();
  return [
    ...leaves.map(([leaf, subleaf]) => cpuid(variant, leaf, subleaf ?? 0)),
    rdmsr(variant, variant.pick(UNKNOWN_MSRS)),
    wrmsr(variant, variant.pick(UNKNOWN_MSRS), variant.u64()),
    rdmsr(variant, 0x3000 + variant.below(0x1000)),
    rdmsr(variant, Msr.IA32_FEATURE_CONTROL),
    wrmsr(variant, first, variant.u64()),
    wrmsr(variant, second, variant.u64()),
    rdmsr(variant, first),
    rdmsr(variant, second),
    wrmsr(variant, first, variant.u64()),
    rdmsr(variant, first),
  ];
}

/** Instructions in the shadow of STI and MOV SS, and refused values. */
function corners(variant: Variant): Probe[] {
  return [
    probe(variant, "sti cpuid", { eax: 0, ecx: 0 }),
    probe(variant, "mov ss cpuid", { eax: 7, ecx: 0 }),
    probe(variant, "sti cpuid", { eax: LEAF_HYPERVISOR, ecx: 0 }),
    ...CONSTANT_MSRS.flatMap((msr) => [wrmsr(variant, msr, variant.u64()), rdmsr(variant, msr)]),
    wrmsr(variant, Msr.IA32_DEBUGCTL, BigInt(1 + variant.below(3))),
    rdmsr(variant, Msr.IA32_DEBUGCTL),
    wrmsr(variant, Msr.IA32_DEBUGCTL, 0n),
  ];
}

/** A guest that tries everything: the ends of all ranges, and numbers at random. */
function attack(variant: Variant): Probe[] {
  const edges = [0, 1, 2, 7, 8, 0x7fff_ffff, 0x8000_0000, 0x8000_0008, 0x8000_0009, 0xffff_ffff];
  const own = [
    LEAF_HYPERVISOR - 1,
    LEAF_HYPERVISOR,
    LEAF_HYPERVISOR + 1,
    LEAF_HYPERVISOR_LAST,
    LEAF_HYPERVISOR_LAST + 1,
  ];
  const leaves = [...edges, ...own, ...Array.from({ length: 60 }, () => variant.u32())];
  const numbers = [...UNKNOWN_MSRS, ...VARIABLE_MSRS, ...CONSTANT_MSRS, Msr.IA32_MCG_CAP];
  const strange = Array.from({ length: 40 }, () => 0x1_0000 + variant.below(0xbfff_0000));
  return [
    ...leaves.map((leaf) => cpuid(variant, leaf, variant.u32())),
    ...[...numbers, ...strange].flatMap((msr) => [
      rdmsr(variant, msr),
      wrmsr(variant, msr, variant.u64()),
      rdmsr(variant, msr),
    ]),
  ];
}

/** The probe guest with a table that a variant fills, and a signature that the variant chooses. */
function probing(id: string, title: string, table: (variant: Variant) => Probe[]): ScenarioSpec {
  const build = async (variant: Variant, assets: GradingAssets): Promise<ProbeScenario> => {
    const signature = variant.letters(12, SIGNATURE_CHARACTERS);
    const probes = table(variant);
    return {
      image: withTable(await assets.guest("probe"), probes),
      name: `cpuid-msr-${id}`,
      ramBytes: PROBE_RAM_BYTES,
      maxInstructions: 100_000,
      given: { given: { HYPERVISOR_SIGNATURE: signature } },
      capture: resultRange(probes.length),
      probes,
      signature,
    };
  };
  return { id, title, build };
}

/** The notebook's small kernel, which prints the signature that it finds. */
async function boot(variant: Variant, assets: GradingAssets): Promise<BootScenario> {
  const signature = variant.letters(12, SIGNATURE_CHARACTERS.trim());
  return {
    image: await assets.guest("hello"),
    name: "hello",
    ramBytes: 16 << 20,
    maxInstructions: 50_000_000,
    given: { given: { HYPERVISOR_SIGNATURE: signature } },
    signature,
  };
}

export const SCENARIOS: readonly ScenarioSpec[] = [
  probing("lessons", "the probe guest", lessons),
  { id: "boot", title: "the small kernel", build: boot },
  probing("corners", "the probe guest at the corners", corners),
  probing("attack", "a hostile guest", attack),
];
