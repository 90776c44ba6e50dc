import { describe, expect, it } from "vitest";
import { grade } from "../../src/grading/grade.js";
import type { Check } from "../../src/grading/lab.js";
import type { GradeReport } from "../../src/grading/report.js";
import { jsonText } from "../../src/grading/submission.js";
import { fails, fakeCheck, fakeLab, passes } from "./fake-lab.js";

const PART = "export const handleCpuid = () => 'resume';";

function run(
  checks: readonly Check[],
  scope: GradeReport["scope"] = "all",
  source = PART,
): Promise<GradeReport> {
  const assets = {
    core: new WebAssembly.Module(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0)),
    guest: () => Promise.reject(),
  };
  return grade({ lab: fakeLab(checks), source, seed: "s", scope, assets });
}

const states = (report: GradeReport): string[] =>
  report.checks.map(({ id, state, score }) => `${id} ${state} ${score}`);

describe("grading", () => {
  it("gives the points of the checks that passed", async () => {
    const report = await run([
      fakeCheck("a", passes),
      fakeCheck("b", fails),
      fakeCheck("c", passes, { points: 3 }),
    ]);
    expect(states(report)).toEqual(["a passed 2", "b failed 0", "c passed 3"]);
    expect([report.score, report.maxScore, report.state]).toEqual([5, 7, "graded"]);
    expect(report.checks[1]).toMatchObject({
      message: "It went wrong.",
      expected: "right",
      actual: "wrong",
      look: { exits: 3 },
    });
    expect(report.summary).toBe("2 of 3 checks passed: 5 of 7 points.");
  });

  it("blocks a check until those that it depends on have passed", async () => {
    const report = await run([
      fakeCheck("a", fails),
      fakeCheck("b", passes, { dependsOn: ["a"] }),
      fakeCheck("c", passes, { dependsOn: ["b", "d"] }),
      fakeCheck("d", passes),
    ]);
    expect(states(report)).toEqual(["a failed 0", "b blocked 0", "c blocked 0", "d passed 2"]);
    expect(report.checks[2]).toMatchObject({ blockedBy: ["b", "d"], message: "Blocked by b, d." });
  });

  it("gives no score when a check could not be graded", async () => {
    const report = await run([
      fakeCheck("a", passes),
      fakeCheck("b", () => {
        throw new Error("a bug of the check");
      }),
      fakeCheck("c", () => ({ state: "could-not-be-graded", message: "no guest" })),
    ]);
    expect(states(report)).toEqual([
      "a passed 2",
      "b could-not-be-graded null",
      "c could-not-be-graded null",
    ]);
    expect([report.score, report.maxScore, report.state]).toEqual([null, 6, "could-not-be-graded"]);
    expect(report.checks[1].message).toBe("The check itself failed: Error: a bug of the check");
    expect(report.summary).toBe("Could not be graded: 2 checks of 3 gave no result.");
  });

  it("leaves hidden checks out of the public scope, and says so", async () => {
    const checks = [fakeCheck("a", passes), fakeCheck("b", fails, { visibility: "hidden" })];
    const report = await run(checks, "public");
    expect(states(report)).toEqual(["a passed 2"]);
    expect(report.notRun).toEqual({ checks: 1, points: 2 });
    expect(report.summary).toBe(
      "Your public checks passed: 2 of 2 points. 1 hidden check (2 points) remain.",
    );
    expect((await run(checks)).summary).toBe("1 of 2 checks passed: 2 of 4 points.");
    expect((await run(checks.slice(0, 1))).summary).toBe("All 1 checks passed: 2 of 2 points.");
  });

  it("blocks everything when the part cannot be loaded, and scores zero", async () => {
    const report = await run([fakeCheck("a", passes)], "all", "export const handleCpuid = ;");
    expect(states(report)).toEqual(["a blocked 0"]);
    expect(report).toMatchObject({
      state: "graded",
      score: 0,
      problem: { kind: "syntax", location: { line: 1, column: 28 } },
    });
    expect(report.summary).toBe("The part could not be loaded: part.ts:1:28: syntax error: Unexpected token");
  });

  it("gives the same bytes every time", async () => {
    const checks = [fakeCheck("a", passes), fakeCheck("b", fails)];
    expect(jsonText(await run(checks))).toBe(jsonText(await run(checks)));
  });

  it("reports progress before each check", async () => {
    const seen: string[] = [];
    const lab = fakeLab([fakeCheck("a", passes), fakeCheck("b", passes)]);
    const assets = {
      core: new WebAssembly.Module(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0)),
      guest: () => Promise.reject(),
    };
    await grade({
      lab,
      source: PART,
      seed: "",
      scope: "all",
      assets,
      onProgress: (p) => seen.push(`${p.done}/${p.of} ${p.title}`),
    });
    expect(seen).toEqual(["0/2 Check a", "1/2 Check b"]);
  });
});
