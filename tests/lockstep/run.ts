/**
 * Runs the lock-step cases on QEMU's TCG and on the processor, and lists where their reports differ.
 *
 *     npm run lockstep [-- --cases N] [--seed S] [--only SEED] [--all]
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { STOP_BUDGET } from "../../src/spec/stops.js";
import { BareCore } from "../cpu/bare-core.js";
import { makeCase, type Case } from "./cases.js";
import { explained } from "./explained.js";
import { REPORT, REPORT_BYTES } from "./layout.js";

const here = import.meta.dirname;
const IMAGE = 0x10_0000;
const DEBUG_PORT = 0xe9;
const EXIT_PORT = 0xf4;
/** Cases in one image. */
const BATCH = 250;
const MOST_SHOWN = 20;

function image(folder: string, cases: readonly Case[]): string {
  const object = path.join(folder, "supervisor.o");
  const file = path.join(folder, "supervisor.bin");
  execFileSync("as", ["--32", "-I", here, path.join(here, "legacy.S"), "-o", object]);
  execFileSync("ld", ["-m", "elf_i386", "-e", "start", "-Ttext", `0x${IMAGE.toString(16)}`, "--oformat", "binary", object, "-o", file]);
  const count = Buffer.alloc(16);
  count.writeUInt32LE(cases.length);
  writeFileSync(file, Buffer.concat([readFileSync(file), count, ...cases.map((one) => one.record)]));
  return file;
}

/** A crash of QEMU's own is its last report missing, as where it hangs. */
function onQemu(folder: string, file: string): Buffer {
  const out = path.join(folder, "qemu.bin");
  const machine = ["-accel", "tcg", "-cpu", "max", "-m", "64", "-display", "none", "-serial", "none", "-monitor", "none"];
  const ports = ["-debugcon", `file:${out}`, "-device", `isa-debug-exit,iobase=${EXIT_PORT}`];
  const run = spawnSync("qemu-system-x86_64", [...machine, ...ports, "-no-reboot", "-kernel", file], { timeout: 8_000 });
  if (run.error !== undefined && (run.error as NodeJS.ErrnoException).code !== "ETIMEDOUT") throw run.error;
  return readFileSync(out);
}

function onCore(file: string): Buffer {
  const bytes: number[] = [];
  let ended = false;
  const core = new BareCore(64 << 20, (port, size, value) => {
    if (port === DEBUG_PORT) bytes.push(value & 0xff);
    if (port === EXIT_PORT) ended = true;
  }, 0);
  const content = readFileSync(file);
  core.write(IMAGE, content);
  core.mode(32, content.readUInt32LE(28));
  for (let idle = 0, seen = 0; !ended && idle < 4 && core.core.run(1_000_000) === STOP_BUDGET; idle++) {
    if (bytes.length > seen) idle = 0;
    seen = bytes.length;
  }
  return Buffer.from(bytes);
}

const hex = (bytes: readonly number[]): string => bytes.map((one) => one.toString(16).padStart(2, "0")).join(" ");

/** QEMU pushes EFLAGS without RF at a fault. */
const RF = 0x1_0000n;

/** What differs in one report, field by field. */
function differences(one: Buffer, other: Buffer): string[] {
  return REPORT.flatMap(([at, size, name]) => {
    const read = (from: Buffer): bigint => (size === 8 ? from.readBigUInt64LE(at) : BigInt(from.readUInt32LE(at)));
    const same = name === "rflags" ? ((read(one) ^ read(other)) & ~RF) === 0n : read(one) === read(other);
    return same ? [] : [`${name}: QEMU ${read(one).toString(16)}, here ${read(other).toString(16)}`];
  });
}

/** Reports of as many cases as both got through; a case that one of them does not end is left out. */
function runBoth(cases: readonly Case[]): { qemu: Buffer; core: Buffer; run: Case[]; stuck: Map<Case, string> } {
  const stuck = new Map<Case, string>();
  const run: Case[] = [];
  const results: { qemu: Buffer[]; core: Buffer[] } = { qemu: [], core: [] };
  for (let at = 0; at < cases.length; ) {
    const batch = cases.slice(at, at + BATCH);
    const folder = mkdtempSync(path.join(tmpdir(), "lockstep-"));
    const file = image(folder, batch);
    const qemu = onQemu(folder, file);
    const core = onCore(file);
    rmSync(folder, { recursive: true });
    console.error(`cases ${batch[0].seed}–: QEMU ${qemu.length / REPORT_BYTES}, here ${core.length / REPORT_BYTES}`);
    const done = Math.min(batch.length, ...[qemu, core].map((bytes) => Math.floor(bytes.length / REPORT_BYTES)));
    results.qemu.push(qemu.subarray(0, done * REPORT_BYTES));
    results.core.push(core.subarray(0, done * REPORT_BYTES));
    run.push(...batch.slice(0, done));
    if (done < batch.length) {
      const who = [qemu, core].map((bytes) => bytes.length < (done + 1) * REPORT_BYTES);
      stuck.set(batch[done], who[0] && who[1] ? "both" : who[0] ? "QEMU" : "here");
      at += done + 1;
    } else at += batch.length;
  }
  return { qemu: Buffer.concat(results.qemu), core: Buffer.concat(results.core), run, stuck };
}

function main(): void {
  const { values } = parseArgs({
    options: {
      cases: { type: "string", default: "5000" },
      seed: { type: "string", default: "1" },
      only: { type: "string" },
      all: { type: "boolean", default: false },
    },
  });
  const first = Number(values.only ?? Number(values.seed) * 1_000_000);
  const cases = Array.from({ length: values.only ? 1 : Number(values.cases) }, (_, i) => makeCase(first + i));
  const { qemu, core, run, stuck } = runBoth(cases);
  let differing = 0;
  const known = new Map<string, number>();
  const vectors = new Map<number, number>();
  run.forEach((one, i) => {
    const [here, there] = [core, qemu].map((from) => from.subarray(i * REPORT_BYTES, (i + 1) * REPORT_BYTES));
    const vector = there.readUInt32LE(128);
    vectors.set(vector, (vectors.get(vector) ?? 0) + 1);
    const found = differences(there, here);
    if (found.length === 0) return;
    const why = explained(one, there, here);
    if (why !== undefined) known.set(why, (known.get(why) ?? 0) + 1);
    if (why !== undefined && !values.all) return;
    if (++differing <= MOST_SHOWN) {
      const where = `vector ${vector} at ${there.readUInt32LE(136).toString(16)}`;
      console.log(`case ${one.seed}: ${one.mode}, ring ${one.ring}, paging ${one.paging}; ${where}`);
      console.log(`  ${hex(one.code)}\n  ${found.join("\n  ")}`);
    }
  });
  for (const [one, who] of stuck) console.log(`case ${one.seed}: ${one.mode}, ring ${one.ring}: does not end (${who})\n  ${hex(one.code)}`);
  console.log(`${run.length} of ${cases.length} cases ended on both; ${differing} differ`);
  console.log(`by vector: ${[...vectors].sort(([a], [b]) => a - b).map(([vector, count]) => `${vector}: ${count}`).join(", ")}`);
  for (const [why, count] of known) console.log(`${count} differ as explained: ${why}`);
  if (differing > 0 || [...stuck.values()].includes("here")) process.exitCode = 1;
}

main();
