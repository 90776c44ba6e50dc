import type { GradingAssets } from "../../src/grading/assets.js";
import type { Scenario, ScenarioSpec } from "../../src/grading/scenario.js";
import type { Variant } from "../../src/grading/variant.js";
import { PAGE_LARGE, PAGE_PRESENT, PAGE_WRITABLE } from "../../src/spec/page-bits.js";
import {
  FREE_MEMORY,
  freePages,
  line,
  MARK_LEAF,
  PROBE_RAM_BYTES,
  resultRange,
  withScript,
  type Contents,
  type Line,
} from "../memory-probe.js";

/** A scenario of the memory probe, with its script. */
export interface ScriptScenario extends Scenario {
  script: readonly Line[];
}

const PAGE_BYTES = 4096;
/** Page tables of the guest that map all that a guest-physical address can name: 512 pages of 1 GiB. */
const EVERYWHERE = 0x2f_0000;
const LOCAL_APIC_VERSION = 0xfee0_0030;
const MARK = line("mark", MARK_LEAF);

function everywhere(): Contents[] {
  const flags = BigInt(PAGE_PRESENT | PAGE_WRITABLE);
  const pointers = EVERYWHERE + PAGE_BYTES;
  return [
    { address: EVERYWHERE, words: [BigInt(pointers) | flags] },
    {
      address: pointers,
      words: Array.from({ length: 512 }, (_, i) => (BigInt(i) << 30n) | flags | BigInt(PAGE_LARGE)),
    },
  ];
}

/** Somewhere in a page, eight bytes. */
const within = (variant: Variant, page: number): number => page + 8 * variant.below(512);

/** Three rounds of reads and writes, one in which nothing is written; then a look around outside RAM. */
function lessons(variant: Variant): Line[] {
  const [a, b, c, d, e] = freePages(variant, 5);
  const write = (page: number): Line => line("write", within(variant, page), variant.u64());
  const read = (page: number): Line => line("read", within(variant, page));
  return [
    ...[write(a), write(b), read(c), write(a), MARK],
    ...[read(a), write(d), read(b), MARK],
    ...[write(b), write(c), read(e), write(e), MARK],
    ...[read(b), MARK],
    line("load cr3", EVERYWHERE),
    line("read", PROBE_RAM_BYTES + 8 * variant.below(1 << 20)),
    line("write", PROBE_RAM_BYTES + PAGE_BYTES * (1 + variant.below(1 << 10)), variant.u64()),
    line("read", LOCAL_APIC_VERSION),
    write(a),
  ];
}

/** Many rounds over the same pages: what a migration sees. */
function rounds(variant: Variant): Line[] {
  const pages = freePages(variant, 24);
  return Array.from({ length: 12 }, () => [
    ...Array.from({ length: 8 }, () => {
      const at = within(variant, variant.pick(pages));
      return variant.below(2) ? line("write", at, variant.u64()) : line("read", at);
    }),
    MARK,
  ]).flat();
}

/** A guest that reaches for all that is not its own: the edges of its RAM, devices, the ends of physical memory. */
function attack(variant: Variant): Line[] {
  const outside = [
    ...[0, PAGE_BYTES, 1 << 20, 4 << 20].map((beyond) => PROBE_RAM_BYTES + beyond),
    ...[0xfec0_0000, LOCAL_APIC_VERSION, 0xffff_f000, 2 ** 32, 2 ** 33, 2 ** 38, 2 ** 39 - PAGE_BYTES],
    ...Array.from({ length: 12 }, () => 2 ** 25 + PAGE_BYTES * variant.below(2 ** 26)),
  ];
  const last = PROBE_RAM_BYTES - 8;
  return [
    line("load cr3", EVERYWHERE),
    line("write", last, variant.u64()),
    line("write", PROBE_RAM_BYTES - 4, variant.u64()),
    line("read", last),
    ...outside.filter((at) => at < 0xfe00_0000 || at > 2 ** 32).map((at) => line("write", at, variant.u64())),
    ...outside.map((at) => line("read", at)),
    ...freePages(variant, 4).map((page) => line("write", within(variant, page), variant.u64())),
    MARK,
    line("fetch", PROBE_RAM_BYTES + PAGE_BYTES * variant.below(256)),
  ];
}

function probing(id: string, title: string, write: (variant: Variant) => Line[]): ScenarioSpec {
  const build = async (variant: Variant, assets: GradingAssets): Promise<ScriptScenario> => {
    const script = write(variant);
    return {
      image: withScript(await assets.guest("memory-probe"), script, everywhere()),
      name: `ept-violations-${id}`,
      ramBytes: PROBE_RAM_BYTES,
      maxInstructions: 100_000,
      given: {},
      capture: resultRange(script),
      script,
    };
  };
  return { id, title, build };
}

/** The notebook's small kernel. */
async function boot(_variant: Variant, assets: GradingAssets): Promise<Scenario> {
  return {
    image: await assets.guest("hello"),
    name: "hello",
    ramBytes: 16 << 20,
    maxInstructions: 50_000_000,
    given: {},
  };
}

/** Pages below hold the guest's own code, stack, tables and results: written more often than its script says. */
export const SCRIPT_MEMORY = FREE_MEMORY;

export const SCENARIOS: readonly ScenarioSpec[] = [
  probing("lessons", "the memory probe", lessons),
  { id: "boot", title: "the small kernel", build: boot },
  probing("rounds", "the memory probe, twelve rounds", rounds),
  probing("attack", "a hostile guest", attack),
];
