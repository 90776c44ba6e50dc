import Ajv from "ajv";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ExperimentReport, Row } from "../../src/experiments/experiment.js";
import { EXPERIMENTS } from "../../src/experiments/registry.js";
import { ring1 } from "./ring1.js";

const schema = JSON.parse(
  readFileSync(new URL("../../src/cli/experiment-report.schema.json", import.meta.url), "utf8"),
);

let folder: string;
beforeAll(() => (folder = mkdtempSync(path.join(tmpdir(), "ring1-experiment-"))));
afterAll(() => rmSync(folder, { recursive: true }));

function experiment(name: string, ...more: string[]): ExperimentReport {
  const file = path.join(folder, `${name}.json`);
  const finished = ring1("experiment", name, ...more, "--json", file);
  expect(finished).toMatchObject({ status: 0, stderr: "" });
  const report = JSON.parse(readFileSync(file, "utf8")) as ExperimentReport;
  const valid = new Ajv().compile(schema);
  expect(valid(report), JSON.stringify(valid.errors)).toBe(true);
  const { columns } = EXPERIMENTS.find((entry) => entry.name === name)!;
  expect(report.experiment).toBe(name);
  for (const row of report.rows) expect(Object.keys(row)).toEqual(columns);
  // A head, and a line for each row.
  expect(finished.stdout.trim().split("\n")).toHaveLength(report.rows.length + 1);
  return report;
}

function find(rows: readonly Row[], wanted: Row): Row {
  const found = rows.filter((row) =>
    Object.entries(wanted).every(([column, value]) => row[column] === value),
  );
  expect(found, JSON.stringify(wanted)).toHaveLength(1);
  return found[0]!;
}

describe("ring1 experiment", () => {
  it("lists what there is, and helps with a name", () => {
    const help = ring1("experiment", "--help").stdout;
    for (const { name } of EXPERIMENTS) expect(help).toContain(name);
    expect(ring1("experiment", "wlak")).toMatchObject({
      status: 125,
      stdout: "",
      stderr: "ring1: there is no experiment called wlak; did you mean walk?\n",
    });
    expect(ring1("experiment", "walk", "--processor", "z80").status).toBe(125);
  });

  it("walk: nm + n + m references without caches (Bhargava et al., 2008), and few with", () => {
    const { rows } = experiment("walk");
    for (const row of rows) {
      const [n, m] = [row.guestLevels as number, row.hostLevels as number];
      const dimensions = m === 0 ? 1 : 2;
      expect(row.references, JSON.stringify(row)).toBe(row.caches === true ? dimensions : n * m + n + m);
    }
    expect(find(rows, { guestPage: 4096, hostPage: null, caches: false }).references).toBe(4);
    expect(find(rows, { guestPage: 4096, hostPage: 4096, caches: false }).references).toBe(24);
  });

  it("nanobenchmarks: predictions and orderings of Adams & Agesen's figure 4", () => {
    const { rows } = experiment("nanobenchmarks");
    const predictions = rows.filter(({ paper, kind }) => paper !== null && kind === "predicted");
    expect(predictions.length).toBeGreaterThan(13);
    for (const row of predictions) {
      const ratio = (row.cycles as number) / (row.paper as number);
      expect(Math.max(ratio, 1 / ratio), JSON.stringify(row)).toBeLessThan(1.5);
    }
    const operations = [...new Set(rows.map(({ operation }) => operation))];
    for (const operation of operations) {
      const measured = rows.filter((row) => row.operation === operation && row.paper !== null);
      expect(measured.map(({ mode }) => mode).sort()).toEqual(["bt", "native", "vtx"]);
      const order = [...measured].sort((x, y) => (x.paper as number) - (y.paper as number));
      order
        .slice(1)
        .forEach(({ cycles }, i) => expect(cycles).toBeGreaterThanOrEqual(order[i]!.cycles as number));
    }
    const cycles = (operation: string, mode: string): number =>
      find(rows, { operation, mode }).cycles as number;
    expect(cycles("in", "bt")).toBeLessThan(cycles("in", "native") / 10);
    expect(cycles("cr8wr", "bt")).toBeLessThan(cycles("cr8wr", "native") / 2);
    expect(cycles("ptemod", "vtx")).toBeGreaterThan(10 * cycles("ptemod", "bt"));
    expect(cycles("ptemod", "pv")).toBeLessThan(cycles("ptemod", "vtx"));
  });

  it("nanobenchmarks: nested paging on a processor that has it, without a paper's figures", () => {
    const { rows } = experiment("nanobenchmarks", "--processor", "skylake");
    for (const { paper, kind } of rows) expect([paper, kind]).toEqual([null, "predicted"]);
    const cycles = (operation: string, memory: string, mode: string): number =>
      find(rows, { operation, memory, mode }).cycles as number;
    expect(cycles("ptemod", "nested", "vtx")).toBe(cycles("ptemod", "none", "native"));
    expect(cycles("pgfault", "nested", "vtx")).toBeLessThan(cycles("pgfault", "shadow", "vtx") / 3);
  });

  it("forkwait: translation loses less than VT-x with shadow paging, as in 2006", () => {
    const { rows } = experiment("forkwait");
    const times = (mode: string): number => find(rows, { mode }).relativeToNative as number;
    expect(rows.map(({ paper }) => paper)).toEqual([1, 17.7, 6.1]);
    expect(times("native")).toBe(1);
    expect(times("bt")).toBeGreaterThan(6.1 / 1.5);
    expect(times("bt")).toBeLessThan(6.1 * 1.5);
    expect(times("vtx")).toBeGreaterThan(2 * times("bt"));
  });

  it("shadow-or-nested: each way of virtualising memory wins one program", () => {
    const { rows } = experiment("shadow-or-nested");
    const cycles = (program: string, memory: string): number =>
      find(rows, { program, memory }).cycles as number;
    expect(cycles("page-tables", "shadow")).toBeGreaterThan(5 * cycles("page-tables", "nested"));
    expect(cycles("scattered-reads", "nested")).toBeGreaterThan(1.3 * cycles("scattered-reads", "shadow"));
    for (const program of ["page-tables", "scattered-reads"])
      expect(find(rows, { program, memory: "none" })).toMatchObject({
        mode: "native",
        exits: 0,
        relativeToNative: 1,
      });
  });

  it("exit-cost: what leaves the guest in which mode, on the processor asked for", () => {
    const { rows } = experiment("exit-cost", "--processor", "nehalem");
    expect(new Set(rows.map(({ processor }) => processor))).toEqual(new Set(["nehalem"]));
    const exits = (operation: string): unknown[] =>
      ["none", "nested", "shadow"].map((memory) => find(rows, { operation, memory }).exits);
    for (const operation of ["cpuid", "rdmsr", "in", "mmio"]) expect(exits(operation)).toEqual([0, 1, 1]);
    expect(exits("cr8")).toEqual([0, 2, 2]);
    expect(exits("cr3")).toEqual([0, 0, 2]);
    expect(exits("invlpg")).toEqual([0, 0, 1]);
  });

  it("exit-cost: no nested paging on a processor that had none", () => {
    const { rows } = experiment("exit-cost", "--processor", "pentium4-672");
    expect(new Set(rows.map(({ memory }) => memory))).toEqual(new Set(["none", "shadow"]));
    // Adams & Agesen, table 1: entry and exit take 2409 + 1931.
    expect(find(rows, { operation: "cpuid", memory: "shadow" }).cycles).toBeGreaterThan(4340);
  });
});
