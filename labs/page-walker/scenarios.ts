import type { ScenarioSpec } from "../../src/grading/scenario.js";
import * as S from "../paging-scripts.js";

const scenario = (id: string, title: string, draft: (draft: S.Draft) => void): ScenarioSpec =>
  S.pagingScenario({ cpuMode: "native" }, id, title, draft);

export const SCENARIOS: readonly ScenarioSpec[] = [
  scenario("walk", "pages of 4 KiB", S.walk),
  scenario("large", "large pages", S.large),
  scenario("faults", "rights and page faults", S.faults),
  scenario("reserved", "reserved bits", S.reserved),
  scenario("flags", "accessed and dirty flags", S.flags),
  scenario("hits", "the same pages again", S.hits),
  scenario("invalidation", "entries that change", S.invalidation),
  scenario("spaces", "address spaces", S.spaces),
  scenario("random", "tables at random", S.random),
  scenario("hostile", "a hostile guest's tables", S.hostile),
];
