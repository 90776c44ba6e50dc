/**
 * Real-address, protected, virtual-8086, compatibility and 64-bit mode against what QEMU reported for the same cases
 * (tests/lockstep).
 */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { differences, image, onCore, type Recording } from "../lockstep/core.js";
import { REPORT_BYTES } from "../lockstep/layout.js";
import { SUITES } from "../lockstep/suites.js";

function read(name: string): Recording {
  const file = new URL(`../lockstep/${name}`, import.meta.url);
  return JSON.parse(gunzipSync(readFileSync(file)).toString()) as Recording;
}

describe("the lock-step cases", () => {
  it.each(Object.entries(SUITES))(
    "end as they did on QEMU: %s",
    (_name, suite) => {
      const recording = read(suite.recording);
      const expected = Buffer.from(recording.reports, "base64");
      const supervisor = Buffer.from(recording.supervisor, "base64");
      const differing: string[] = [];
      let compared = 0;
      for (const { seeds, agreed } of recording.images) {
        const reports = onCore(image(supervisor, seeds.map(suite.make)));
        for (const seed of agreed) {
          const report = (from: Buffer, index: number): Buffer =>
            from.subarray(index * REPORT_BYTES, (index + 1) * REPORT_BYTES);
          const mine = report(reports, seeds.indexOf(seed));
          const found = differences(suite.report, report(expected, compared++), mine);
          if (found.length > 0) differing.push(`case ${seed}: ${found.join("; ")}`);
        }
      }
      expect(compared).toBeGreaterThan(1500);
      expect(differing).toEqual([]);
    },
    120_000,
  );
});
