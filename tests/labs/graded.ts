import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { grade } from "../../src/grading/grade.js";
import type { Lab } from "../../src/grading/lab.js";
import { nodeAssets } from "../../src/grading/node/assets.js";
import type { CheckReport, GradeReport } from "../../src/grading/report.js";

const assets = nodeAssets();

/** A lab with its files, and ways to grade parts of it. */
export interface GradedLab {
  lab: Lab;
  labFile(name: string): string;
  readonly SOLUTION: string;
  gradePart(source: string, seed?: string, scope?: GradeReport["scope"]): Promise<GradeReport>;
  /** The solution with one place changed; the place has to exist, once or as often as said. */
  mutant(from: string, to: string, times?: number): string;
}

export function gradedLab<Observed>(one: Lab<Observed>): GradedLab {
  const lab = one as Lab;
  const labFile = (name: string): string =>
    readFileSync(new URL(`../../labs/${lab.id}/${name}`, import.meta.url), "utf8");
  const SOLUTION = labFile(lab.files.solution);
  return {
    lab,
    labFile,
    SOLUTION,
    gradePart: (source, seed = "test", scope = "all") => grade({ lab, source, seed, scope, assets }),
    mutant: (from, to, times = 1) => {
      const found = SOLUTION.split(from).length - 1;
      if (found !== times) throw new Error(`"${from}" occurs ${found} times in the solution`);
      return SOLUTION.replaceAll(from, to);
    },
  };
}

export function named(report: GradeReport, state: CheckReport["state"]): string[] {
  return report.checks.filter((check) => check.state === state).map((check) => check.id);
}

/** What is wrong with the part, the part, and the checks that fail for it (not those that are blocked). */
export type Mutant = [what: string, part: string, checks: string[]];

/** What every lab has to show: its solution passes, its starter gets nothing, and each check catches a mutant. */
export function provesItself(
  { lab, labFile, SOLUTION, gradePart }: GradedLab,
  { seeds, starter, mutants }: { seeds: string[]; starter: string[]; mutants: Mutant[] },
): void {
  const sum = lab.checks.reduce((points, check) => points + check.points, 0);

  describe("the lab's own parts", () => {
    it("has 20 points in at most 12 checks, some of them hidden", () => {
      expect(sum).toBe(20);
      expect(lab.checks.length).toBeLessThanOrEqual(12);
      expect(lab.checks.some((check) => check.visibility === "hidden")).toBe(true);
    });

    it.each(seeds)("the solution passes everything, seed %j", async (seed) => {
      const report = await gradePart(SOLUTION, seed);
      expect(report.checks.filter((check) => check.state !== "passed")).toEqual([]);
      expect([report.score, report.maxScore, report.printed]).toEqual([sum, sum, ""]);
    });

    it("the starter loads and gets nothing", async () => {
      const report = await gradePart(labFile(lab.files.starter));
      expect(report).toMatchObject({ state: "graded", score: 0, maxScore: sum, problem: null });
      expect(named(report, "failed")).toEqual(starter);
    });
  });

  describe("every check can fail", () => {
    it.each(mutants)("%s", async (_what, part, checks) => {
      const report = await gradePart(part);
      expect(named(report, "failed")).toEqual(checks);
      expect(named(report, "could-not-be-graded")).toEqual([]);
      for (const check of report.checks.filter(({ state }) => state === "failed")) {
        expect(check.message).not.toBe("");
        expect(check.look, check.id).not.toBeNull();
      }
    });

    it("and each one has", () => {
      const failing = new Set(mutants.flatMap(([, , checks]) => checks));
      expect(lab.checks.map(({ id }) => id).filter((id) => !failing.has(id))).toEqual([]);
    });
  });
}
