/**
 * Real-address, protected and virtual-8086 mode against what QEMU reported for the same cases (tests/lockstep).
 */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { makeCase } from "../lockstep/cases.js";
import { differences, image, onCore, type Recording } from "../lockstep/core.js";
import { REPORT_BYTES } from "../lockstep/layout.js";

const recording = JSON.parse(
  gunzipSync(readFileSync(new URL("../lockstep/recorded.json.gz", import.meta.url))).toString(),
) as Recording;

describe("the lock-step cases", () => {
  it("end as they did on QEMU", () => {
    const expected = Buffer.from(recording.reports, "base64");
    const supervisor = Buffer.from(recording.supervisor, "base64");
    const differing: string[] = [];
    let compared = 0;
    for (const { seeds, agreed } of recording.images) {
      const reports = onCore(image(supervisor, seeds.map(makeCase)));
      for (const seed of agreed) {
        const report = (from: Buffer, index: number): Buffer =>
          from.subarray(index * REPORT_BYTES, (index + 1) * REPORT_BYTES);
        const found = differences(report(expected, compared++), report(reports, seeds.indexOf(seed)));
        if (found.length > 0) differing.push(`case ${seed}: ${found.join("; ")}`);
      }
    }
    expect(compared).toBeGreaterThan(1500);
    expect(differing).toEqual([]);
  }, 120_000);
});
