/**
 * Records on the processor of this computer what the instructions of silicon-cases do, into silicon.json.gz: an entry a
 * case, [code in hex, flags in hex, signal, {register: hex}, {offset: byte}], only what changed.
 * Run: tsx tests/cpu/recorder/record.ts (x86-64 Linux with a C compiler).
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { CASES_PER_ROW, makeCase, recorded, type Case } from "../silicon-cases.js";

const here = fileURLToPath(new URL(".", import.meta.url));
const IN_BYTES = 16 + 16 * 8 + 16 + 4096;
const OUT_BYTES = 16 * 8 + 16 + 4096;

function input(test: Case): Buffer {
  const record = Buffer.alloc(IN_BYTES);
  record[0] = test.code.length;
  record.set(test.code, 1);
  test.registers.forEach((value, i) => record.writeBigUInt64LE(value, 16 + 8 * i));
  record.writeBigUInt64LE(test.flags, 144);
  record.set(test.data, 160);
  return record;
}

function result(test: Case, record: Buffer): unknown[] {
  const registers: Record<string, string> = {};
  const data: Record<string, number> = {};
  const signal = Number(record.readBigUInt64LE(136));
  if (signal === 0) {
    for (let i = 0; i < 16; i++) {
      const value = record.readBigUInt64LE(8 * i);
      if (value !== test.registers[i]) registers[i] = value.toString(16);
    }
    for (let i = 0; i < 4096; i++) if (record[144 + i] !== test.data[i]) data[i] = record[144 + i];
  }
  return [
    Buffer.from(test.code).toString("hex"),
    record.readBigUInt64LE(128).toString(16),
    signal,
    registers,
    data,
  ];
}

const program = path.join(mkdtempSync(path.join(os.tmpdir(), "recorder-")), "recorder");
execFileSync("cc", ["-O1", "-pie", "-o", program, path.join(here, "recorder.c")]);
const cases = recorded.flatMap((row, i) =>
  Array.from({ length: CASES_PER_ROW }, (_, k) => makeCase(row, i * 1000 + k)),
);
const output = execFileSync(program, { input: Buffer.concat(cases.map(input)), maxBuffer: 2 ** 30 });
if (output.length !== cases.length * OUT_BYTES)
  throw new RangeError(`${output.length} bytes from the recorder`);
const results = cases.map((test, i) =>
  JSON.stringify(result(test, output.subarray(i * OUT_BYTES, (i + 1) * OUT_BYTES))),
);
writeFileSync(
  path.join(here, "../silicon.json.gz"),
  gzipSync(`[\n${results.join(",\n")}\n]\n`, { level: 9 }),
);
console.log(`${cases.length} cases of ${recorded.length} rows`);
