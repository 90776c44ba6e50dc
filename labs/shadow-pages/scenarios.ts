import type { GradingAssets } from "../../src/grading/assets.js";
import type { Scenario, ScenarioSpec } from "../../src/grading/scenario.js";
import type { Variant } from "../../src/grading/variant.js";
import * as S from "../paging-scripts.js";

type Write = (draft: S.Draft) => void;
const scenario = (id: string, title: string, ...drafts: Write[]): ScenarioSpec =>
  S.pagingScenario({ cpuMode: "vtx", memoryMode: "shadow" }, id, title, ...drafts);

/** The notebook's small kernel. */
async function boot(_variant: Variant, assets: GradingAssets): Promise<Scenario> {
  return {
    image: await assets.guest("hello"),
    name: "hello",
    ramBytes: 16 << 20,
    cpuMode: "vtx",
    memoryMode: "shadow",
    maxInstructions: 50_000_000,
    given: {},
  };
}

export const SCENARIOS: readonly ScenarioSpec[] = [
  scenario("fills", "pages of all sizes", S.walk, S.large),
  scenario("faults", "rights and page faults", S.faults),
  scenario("flags", "accessed and dirty flags", S.flags),
  scenario("sync", "entries that change", S.invalidation),
  { id: "boot", title: "the small kernel", build: boot },
  scenario("random", "tables at random", S.random),
  scenario("hostile", "a hostile guest's tables", S.reserved, S.hostile),
];
