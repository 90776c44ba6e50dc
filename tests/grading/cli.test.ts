import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { grade as gradeInPage } from "../../src/grading/browser.js";
import { GRADE_STATUS, gradeCommandBody, type GradeCliOptions } from "../../src/grading/cli.js";
import { nodeAssets } from "../../src/grading/node/assets.js";
import { gradeFiles } from "../../src/grading/node/grade-files.js";
import { jsonText, type Grades } from "../../src/grading/submission.js";
import { violations } from "./schema.js";

const SOLUTION = readFileSync("labs/cpuid-msr/solution.ts", "utf8");
const SCHEMA = JSON.parse(readFileSync("src/grading/grade-report.schema.json", "utf8"));

let folder: string;
const at = (name: string): string => path.join(folder, name);
function put(name: string, content: string): void {
  mkdirSync(path.dirname(at(name)), { recursive: true });
  writeFileSync(at(name), content);
}

beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), "ring1-class-"));
  put("class/ada.ts", SOLUTION);
  put("class/bob/part.ts", readFileSync("labs/cpuid-msr/starter.ts", "utf8"));
  put("class/eve.ts", "");
  put("class/no-lab.ts", SOLUTION.replace("// ring1 lab: cpuid-msr", ""));
  put("class/syntax.ts", `${SOLUTION}\nexport const = 5;`);
});
afterAll(() => rmSync(folder, { recursive: true }));

async function run(paths: string[], options: GradeCliOptions): Promise<{ status: number; out: string }> {
  let out = "";
  const status = await gradeCommandBody(paths, options, { out: (text) => (out += text), err: () => {} });
  return { status, out };
}

describe("ring1 grade", () => {
  it("grades a class into JSON and a gradebook", async () => {
    const { status, out } = await run([at("class")], { json: at("out.json"), csv: at("out.csv"), jobs: 2 });
    const grades = JSON.parse(readFileSync(at("out.json"), "utf8")) as Grades;
    expect(violations(SCHEMA, grades)).toEqual([]);
    expect(
      grades.submissions.map(({ submission, report }) => [submission, report.state, report.score]),
    ).toEqual([
      ["ada", "graded", 20],
      ["bob", "graded", 0],
      ["eve", "could-not-be-graded", null],
      ["no-lab", "could-not-be-graded", null],
      ["syntax", "graded", 0],
    ]);
    expect(status).toBe(GRADE_STATUS.someUngraded);
    expect(out).toContain("ada: CPUID and MSR exit handlers\n  passed   2/2  After CPUID the guest goes on");
    expect(out).toContain("  All 12 checks passed: 20 of 20 points.\n");
    expect(out).toContain("eve: Unknown lab\n  Could not be graded: the file is empty.\n");
    expect(out).toContain(
      'Could not be graded: it is for lab "class", which does not exist; a comment in the first lines',
    );
    expect(readFileSync(at("out.csv"), "utf8").split("\r\n")[1]).toBe("cpuid-msr,,,ada,,,,20,0,20,20");
  });

  it("says by its status whether everything passed", async () => {
    expect((await run([at("class/ada.ts")], {})).status).toBe(GRADE_STATUS.allPassed);
    expect((await run([at("class/bob")], { public: true })).status).toBe(GRADE_STATUS.someFailed);
  });

  it("writes Gradescope's results for one submission only", async () => {
    await run([at("class/ada.ts")], { gradescope: at("results.json"), lab: "cpuid-msr" });
    expect(JSON.parse(readFileSync(at("results.json"), "utf8"))).toMatchObject({ score: 20 });
    await expect(run(["labs/cpuid-msr"], { gradescope: at("results.json"), public: true })).rejects.toThrow(
      "--gradescope writes the result of one submission, but there are 2",
    );
  });

  it("names what is wrong with the command line", async () => {
    await expect(run([at("none")], {})).rejects.toThrow(/none: no such file or folder/);
    await expect(run([at("class")], { lab: "nope" })).rejects.toThrow(
      /no lab is called "nope"; there are hypercalls, cpuid-msr/,
    );
    await expect(run([at("class/ada.ts")], { json: at("no/where.json") })).rejects.toThrow(
      /cannot write .*where.json \(ENOENT\)/,
    );
  });

  it("gives the report that a page gives, byte for byte", async () => {
    const part = SOLUTION.replace("vcpu.cpuid(leaf, subleaf)", "vcpu.cpuid(leaf, 0)");
    put("one.ts", part);
    for (const scope of ["public", "all"] as const) {
      const [{ report }] = await gradeFiles([at("one.ts")], { seed: "x", scope });
      const page = await gradeInPage({ labId: "cpuid-msr", source: part, seed: "x", scope }, nodeAssets());
      expect(jsonText(report)).toBe(jsonText(page));
    }
  });

  it("gives up on a loop that counts no steps", async () => {
    put("hang.ts", "// ring1 lab: cpuid-msr\nArray.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 0);");
    const [{ report }] = await gradeFiles([at("hang.ts")], { patienceSeconds: 3 });
    expect(report).toMatchObject({
      state: "could-not-be-graded",
      score: null,
      summary: "Could not be graded: the grader was stopped after 3 s of real time.",
    });
  });

  it("grades again when the file changes, until it is told to stop", async () => {
    put("watched.ts", readFileSync("labs/cpuid-msr/starter.ts", "utf8"));
    const stop = new AbortController();
    let out = "";
    await gradeCommandBody(
      [at("watched.ts")],
      { watch: true, public: true },
      {
        out(text) {
          out += text;
          if (out.includes("Your public checks passed")) stop.abort();
        },
        err: () => put("watched.ts", SOLUTION),
        signal: stop.signal,
      },
    );
    expect(out).toMatch(/0 of 8 checks passed[^]*Your public checks passed: 16 of 16 points\./);
  });
});
