/**
 * Runs the lock-step cases on QEMU's TCG and on the processor, and lists where their reports differ.
 *
 *     npm run lockstep [-- --suite legacy|long] [--cases N] [--seed S] [--only SEED] [--all] [--record]
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import type { Case } from "./cases.js";
import { differences, EXIT_PORT, IMAGE, image, onCore, type Recording } from "./core.js";
import { REPORT_BYTES } from "./layout.js";
import { SUITES, type Suite } from "./suites.js";

const here = import.meta.dirname;
/** Cases in one image. */
const BATCH = 250;
const MOST_SHOWN = 20;

function supervisor(suite: Suite, folder: string): Buffer {
  const object = path.join(folder, "supervisor.o");
  const file = path.join(folder, "supervisor.bin");
  const base = `0x${IMAGE.toString(16)}`;
  execFileSync("as", [`--${suite.bits}`, "-I", here, path.join(here, suite.source), "-o", object]);
  execFileSync("ld", [
    "-m",
    suite.bits === 64 ? "elf_x86_64" : "elf_i386",
    "-e",
    "start",
    "-Ttext",
    base,
    "--oformat",
    "binary",
    object,
    "-o",
    file,
  ]);
  return readFileSync(file);
}

/** A crash of QEMU's own is its last report missing, as where it hangs. */
function onQemu(folder: string, file: string): Buffer {
  const out = path.join(folder, "qemu.bin");
  const machine = [
    "-accel",
    "tcg",
    "-cpu",
    "max,vendor=GenuineIntel",
    "-m",
    "64",
    "-display",
    "none",
    "-serial",
    "none",
    "-monitor",
    "none",
  ];
  const ports = ["-debugcon", `file:${out}`, "-device", `isa-debug-exit,iobase=${EXIT_PORT}`];
  const run = spawnSync("qemu-system-x86_64", [...machine, ...ports, "-no-reboot", "-kernel", file], {
    timeout: 8_000,
  });
  if (run.error !== undefined && (run.error as NodeJS.ErrnoException).code !== "ETIMEDOUT") throw run.error;
  return readFileSync(out);
}

const hex = (bytes: readonly number[]): string =>
  bytes.map((one) => one.toString(16).padStart(2, "0")).join(" ");

/** Reports of as many cases as both got through; a case that one of them does not end is left out. */
function runBoth(
  suite: Suite,
  cases: readonly Case[],
): {
  qemu: Buffer;
  core: Buffer;
  images: Case[][];
  stuck: Map<Case, string>;
} {
  const stuck = new Map<Case, string>();
  const images: Case[][] = [];
  const results: { qemu: Buffer[]; core: Buffer[] } = { qemu: [], core: [] };
  for (let at = 0; at < cases.length;) {
    const batch = cases.slice(at, at + BATCH);
    const folder = mkdtempSync(path.join(tmpdir(), "lockstep-"));
    const file = path.join(folder, "image.bin");
    const content = image(supervisor(suite, folder), batch);
    writeFileSync(file, content);
    const qemu = onQemu(folder, file);
    const core = onCore(content);
    rmSync(folder, { recursive: true });
    const done = Math.min(
      batch.length,
      ...[qemu, core].map((bytes) => Math.floor(bytes.length / REPORT_BYTES)),
    );
    results.qemu.push(qemu.subarray(0, done * REPORT_BYTES));
    results.core.push(core.subarray(0, done * REPORT_BYTES));
    images.push(batch.slice(0, done));
    if (done < batch.length) {
      const who = [qemu, core].map((bytes) => bytes.length < (done + 1) * REPORT_BYTES);
      stuck.set(batch[done], who[0] && who[1] ? "both" : who[0] ? "QEMU" : "here");
      at += done + 1;
    } else at += batch.length;
  }
  return { qemu: Buffer.concat(results.qemu), core: Buffer.concat(results.core), images, stuck };
}

/** What both agreed on, for tests that have no QEMU. */
function record(suite: Suite, images: readonly Case[][], agreed: ReadonlyMap<number, Buffer>): void {
  const folder = mkdtempSync(path.join(tmpdir(), "lockstep-"));
  const recording: Recording = {
    supervisor: supervisor(suite, folder).toString("base64"),
    images: images.map((cases) => {
      const seeds = cases.map((one) => one.seed);
      return { seeds, agreed: seeds.filter((seed) => agreed.has(seed)) };
    }),
    reports: Buffer.concat([...agreed.values()]).toString("base64"),
  };
  rmSync(folder, { recursive: true });
  writeFileSync(path.join(here, suite.recording), gzipSync(JSON.stringify(recording), { level: 9 }));
}

/** Compares the cases, prints what no rule explains; true if that is nothing. */
function compare(suite: Suite, cases: readonly Case[], options: { all: boolean; record: boolean }): boolean {
  const { qemu, core, images, stuck } = runBoth(suite, cases);
  const run = images.flat();
  let differing = 0;
  const known = new Map<string, number[]>();
  const vectors = new Map<number, number>();
  const agreed = new Map<number, Buffer>();
  run.forEach((one, i) => {
    const [here, there] = [core, qemu].map((from) => from.subarray(i * REPORT_BYTES, (i + 1) * REPORT_BYTES));
    const vector = there.readUInt32LE(128);
    vectors.set(vector, (vectors.get(vector) ?? 0) + 1);
    const found = differences(suite.report, there, here);
    if (found.length === 0) {
      agreed.set(one.seed, there);
      return;
    }
    const why = suite.explained(one, there, here);
    if (why !== undefined) known.set(why, [...(known.get(why) ?? []), one.seed]);
    if (why !== undefined && !options.all) return;
    if (++differing <= MOST_SHOWN) {
      const where = `vector ${vector} at ${there.readBigUInt64LE(136).toString(16)}`;
      console.log(`case ${one.seed}: ${one.mode}, ring ${one.ring}, paging ${one.paging}; ${where}`);
      console.log(`  ${hex(one.code)}\n  ${found.join("\n  ")}`);
    }
  });
  for (const [one, who] of stuck)
    console.log(`case ${one.seed}: ${one.mode}, ring ${one.ring}: does not end (${who})\n  ${hex(one.code)}`);
  console.log(
    `${run.length} of ${cases.length} cases ended on both; ${agreed.size} agree, ${differing} differ`,
  );
  const byVector = [...vectors].sort(([a], [b]) => a - b).map(([vector, count]) => `${vector}: ${count}`);
  console.log(`by vector: ${byVector.join(", ")}`);
  for (const [why, seeds] of known) console.log(`${seeds.length} differ as explained (${seeds[0]}): ${why}`);
  if (options.record) record(suite, images, agreed);
  return differing === 0 && ![...stuck.values()].includes("here");
}

function main(): void {
  const { values } = parseArgs({
    options: {
      suite: { type: "string" },
      cases: { type: "string", default: "5000" },
      seed: { type: "string", default: "1" },
      only: { type: "string" },
      all: { type: "boolean", default: false },
      record: { type: "boolean", default: false },
    },
  });
  const first = Number(values.only ?? Number(values.seed) * 1_000_000);
  const count = values.only ? 1 : Number(values.cases);
  for (const [name, suite] of Object.entries<Suite>(SUITES)) {
    if (values.suite !== undefined && values.suite !== name) continue;
    console.log(`-- ${name}`);
    const cases = Array.from({ length: count }, (_, i) => suite.make(first + i));
    if (!compare(suite, cases, values)) process.exitCode = 1;
  }
}

main();
