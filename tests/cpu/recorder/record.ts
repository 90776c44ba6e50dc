/**
 * Records on the processor of this computer what the instructions of the suites in ../silicon do.
 * Run: tsx tests/cpu/recorder/record.ts [suite…] (x86-64 Linux with a C compiler).
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { casesOf, DATA_BYTES, fingerprint, IMAGE_BYTES, type Case, type Outcome } from "../silicon/case.js";
import { encodeOutcome, writeRecording } from "../silicon/recording.js";
import { SUITES } from "../silicon/suites.js";

const here = fileURLToPath(new URL(".", import.meta.url));
const IN_BYTES = 16 + 16 * 8 + 16 + IMAGE_BYTES + DATA_BYTES;
const OUT_BYTES = 16 * 8 + 16 + IMAGE_BYTES + DATA_BYTES;

function input(test: Case): Buffer {
  const record = Buffer.alloc(IN_BYTES);
  record[0] = test.code.length;
  record.set(test.code, 1);
  test.registers.forEach((value, i) => record.writeBigUInt64LE(value, 16 + 8 * i));
  record.writeBigUInt64LE(test.flags, 144);
  record.set(test.image, 160);
  record.set(test.data, 160 + IMAGE_BYTES);
  return record;
}

function outcome(record: Buffer): Outcome {
  return {
    signal: Number(record.readBigUInt64LE(136)),
    flags: record.readBigUInt64LE(128),
    registers: Array.from({ length: 16 }, (_, i) => record.readBigUInt64LE(8 * i)),
    image: record.subarray(144, 144 + IMAGE_BYTES),
    data: record.subarray(144 + IMAGE_BYTES),
  };
}

const program = path.join(mkdtempSync(path.join(os.tmpdir(), "recorder-")), "recorder");
execFileSync("cc", ["-O1", "-pie", "-o", program, path.join(here, "recorder.c")]);

function execute(cases: readonly Case[]): Outcome[] {
  const output = execFileSync(program, { input: Buffer.concat(cases.map(input)), maxBuffer: 2 ** 30 });
  if (output.length !== cases.length * OUT_BYTES)
    throw new RangeError(`${output.length} bytes from the recorder`);
  return cases.map((_, i) => outcome(output.subarray(i * OUT_BYTES, (i + 1) * OUT_BYTES)));
}

const wanted = process.argv.slice(2);
for (const [name, forms] of Object.entries(SUITES)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const recorded = forms.map((form) => {
    const cases = casesOf(form);
    const outcomes = execute(cases);
    return {
      key: form.key,
      fingerprint: fingerprint(cases),
      outcomes: Buffer.concat(cases.map((test, k) => encodeOutcome(test, outcomes[k]))),
    };
  });
  writeRecording(name, recorded);
  console.log(`${name}: ${recorded.length} forms`);
}
