import { beforeAll, describe, expect, it } from "vitest";
import { casesOf, fingerprint, type Case, type Form } from "./silicon/case.js";
import { differences, undocumented } from "./silicon/differences.js";
import { OutcomeReader, readRecording, type RecordedForm } from "./silicon/recording.js";
import { Replay } from "./silicon/replay.js";
import { SUITES } from "./silicon/suites.js";

/** A count above the operand size leaves the result and the flags of SHLD and SHRD undefined. */
function undefinedShift({ row }: Form, test: Case): boolean {
  if (!/^sh[lr]d/.test(row.handler!) || test.code[0] !== 0x66) return false;
  return ((row.operands.endsWith("Ib") ? test.code.at(-1)! : Number(test.registers[1] & 31n)) & 31) > 16;
}

describe.each(Object.entries(SUITES))(
  "%s, against a real processor (an AMD EPYC; see recorder/)",
  (name, forms) => {
    let replay: Replay;
    let recording: Map<string, RecordedForm>;
    beforeAll(() => {
      replay = new Replay();
      recording = readRecording(name);
    });

    it("has forms", () => {
      expect(forms.length).toBeGreaterThan(0);
    });

    forms.forEach((form) => {
      it(form.key, () => {
        const cases = casesOf(form);
        const recorded = recording.get(form.key);
        expect(recorded?.fingerprint, "of other cases: record again").toBe(fingerprint(cases));
        const reader = new OutcomeReader(recorded!.outcomes);
        const wrong: string[] = [];
        for (const test of cases) {
          const theirs = reader.next(test);
          if (undefinedShift(form, test) || undocumented(form, test)) continue;
          const mine = replay.run(test, form.row.operands.startsWith("X"));
          const text = differences(form, test, mine, theirs);
          if (text) wrong.push(`${Buffer.from(test.code).toString("hex")}: ${text}`);
        }
        expect(wrong.join("\n")).toBe("");
      });
    });
  },
);
