import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { csv } from "../../src/grading/formats/csv.js";
import { gradebookCsv } from "../../src/grading/formats/gradebook.js";
import { gradescope } from "../../src/grading/formats/gradescope.js";
import { reportText } from "../../src/grading/formats/text.js";
import { ungradedReport, type CheckReport, type GradeReport } from "../../src/grading/report.js";
import { gradesOf, type GradedSubmission } from "../../src/grading/submission.js";
import { violations } from "./schema.js";

const SCHEMA = JSON.parse(
  readFileSync(new URL("../../src/grading/grade-report.schema.json", import.meta.url), "utf8"),
);

const check = (id: string, more: Partial<CheckReport>): CheckReport => ({
  id,
  title: `Check ${id}`,
  visibility: "public",
  state: "passed",
  score: 2,
  points: 2,
  message: "",
  expected: null,
  actual: null,
  look: null,
  blockedBy: [],
  hints: [],
  ...more,
});

const LAB = { id: "cpuid-msr", title: "CPUID and MSR, handled" };
const REPORT: GradeReport = {
  ...ungradedReport(LAB, "s", "all", ""),
  state: "graded",
  summary: "2 of 3 checks passed: 4 of 6 points.",
  score: 4,
  maxScore: 6,
  checks: [
    check("a", {}),
    check("b", {
      state: "failed",
      score: 0,
      message: "Wrong.",
      expected: "1",
      actual: "2",
      look: { scenario: "lessons", instructions: 10, exits: 4 },
    }),
    check("c", { visibility: "hidden", message: "a secret" }),
  ],
  printed: "hello\n",
};
const UNGRADED = ungradedReport(LAB, "s", "all", "the file is empty");
const CLASS: GradedSubmission[] = [
  { submission: "ada", report: REPORT },
  { submission: "=cmd()", report: UNGRADED },
];

describe("formats", () => {
  it("quotes CSV cells and defuses formulas", () => {
    expect(csv([["a,b", 'say "x"', "=1+1", 5, null, -3]])).toBe('"a,b","say ""x""",\'=1+1,5,,-3\r\n');
  });

  it("writes nbgrader's columns, with no score where there is none", () => {
    expect(gradebookCsv(CLASS, "nbgrader")).toBe(
      "assignment,duedate,timestamp,student_id,last_name,first_name,email,raw_score,late_submission_penalty,score,max_score\r\n" +
        "cpuid-msr,,,ada,,,,4,0,4,6\r\n" +
        "cpuid-msr,,,'=cmd(),,,,,,,\r\n",
    );
  });

  it("writes Canvas's columns", () => {
    expect(gradebookCsv(CLASS, "canvas")).toBe(
      'Student,ID,SIS Login ID,Section,"CPUID and MSR, handled"\r\n' +
        "    Points Possible,,,,6\r\n" +
        "ada,,ada,,4\r\n" +
        "'=cmd(),,'=cmd(),,\r\n",
    );
  });

  it("writes Gradescope's results, hidden checks for later", () => {
    const { score, tests } = gradescope(REPORT);
    expect(score).toBe(4);
    expect(
      tests!.map(({ name, score: s, max_score, status, visibility }) => [
        name,
        s,
        max_score,
        status,
        visibility,
      ]),
    ).toEqual([
      ["Check a", 2, 2, "passed", "visible"],
      ["Check b", 0, 2, "failed", "visible"],
      ["Check c", 2, 2, "passed", "after_published"],
    ]);
    expect(tests![1].output).toBe(
      "Wrong.\nexpected: 1\nactual:   2\nlook at:  scenario lessons, exit 4, after 10 instructions",
    );
    expect(gradescope(UNGRADED)).toEqual({
      output: "Could not be graded: the file is empty.",
      output_format: "text",
      stdout_visibility: "hidden",
      extra_data: { lab: "cpuid-msr", seed: "s", state: "could-not-be-graded" },
    });
  });

  it("prints a report without what hidden checks found", () => {
    const text = reportText("ada", REPORT);
    expect(text).toContain("  FAILED   0/2  Check b\n           Wrong.\n           expected: 1\n");
    expect(text).toContain("  passed   2/2  Check c (hidden)\n");
    expect(text).not.toContain("secret");
    expect(text).toContain("  Your part printed:\n    hello\n  2 of 3 checks passed");
  });

  it("follows its schema", () => {
    expect(violations(SCHEMA, gradesOf(CLASS))).toEqual([]);
    expect(violations(SCHEMA, { ...gradesOf(CLASS), version: 2 })).not.toEqual([]);
    const extra = { ...REPORT, surprise: 1 };
    expect(violations(SCHEMA, gradesOf([{ submission: "x", report: extra }]))).not.toEqual([]);
  });
});
