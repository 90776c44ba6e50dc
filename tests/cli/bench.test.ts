import Ajv from "ajv";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadCore, readImage, readYardstick } from "../../src/cli/assets.js";
import { loadV86, type Yardstick } from "../../src/cli/v86.js";
import { Session } from "../../src/experiments/session.js";
import { YARDSTICK } from "../../src/guests/yardstick/loops.js";
import { ring1 } from "./ring1.js";

const schema = JSON.parse(
  readFileSync(new URL("../../src/cli/bench-report.schema.json", import.meta.url), "utf8"),
);

interface Row {
  benchmark: string;
  subject: string;
  value: number;
  ratioTo: string | null;
  ratio: number | null;
}

describe("ring1 bench", () => {
  let folder: string;
  let stdout: string;
  let rows: Row[];
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), "ring1-bench-"));
    const file = path.join(folder, "bench.json");
    const finished = ring1(
      ...["bench", "--rounds", "1", "--max-instructions", "200000", "--boots", "0", "--json", file],
    );
    expect(finished).toMatchObject({ status: 0, stderr: "" });
    stdout = finished.stdout;
    rows = JSON.parse(readFileSync(file, "utf8")).rows;
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it("writes rows that its schema describes", () => {
    const validate = new Ajv().compile(schema);
    validate({ rows });
    expect(validate.errors).toBeNull();
    expect(validate({ rows: [{ ...rows[0], ratio: "half" }] })).toBe(false);
  });

  it("says what a page pays before a guest runs", () => {
    const of = (benchmark: string): Row[] => rows.filter((row) => row.benchmark === benchmark);
    expect(of("core")[0].value).toBeLessThan(600 << 10);
    expect(of("memory")[0].value).toBeLessThanOrEqual(64 << 20);
    expect(of("first instruction").map(({ subject }) => subject)).toEqual(["native", "vtx"]);
    expect(stdout).toMatch(/^core +gzip +[\d.]+ KiB$/m);
  });

  it("compares the VM with the bare machine", () => {
    for (const benchmark of ["prime", "fib", "geometric mean", "exits"]) {
      const own = rows.filter((row) => row.benchmark === benchmark && !row.ratioTo?.startsWith("v86"));
      expect(own.find(({ subject }) => subject === "native")).toMatchObject({ ratioTo: null, ratio: null });
      expect(own.find(({ subject }) => subject === "vtx")).toMatchObject({ ratioTo: "native" });
      expect(own.find(({ subject }) => subject === "vtx, traced")).toMatchObject({ ratioTo: "vtx" });
    }
  });

  it("compares what needs no VMX with the bare machine, over the same work", () => {
    for (const benchmark of [...YARDSTICK.map(({ name }) => name), "geometric mean"])
      for (const subject of ["bt", "pv"]) {
        const own = rows.filter((row) => row.benchmark === benchmark && row.subject === subject);
        expect(own).toMatchObject([{ ratioTo: "native" }]);
        expect(own[0].ratio).toBeGreaterThan(0);
      }
  });

  it.each(["v86", "v86-interpreter"])("compares the bare machine with %s", (yardstick) => {
    const ratios = [...YARDSTICK.map(({ name }) => name), "geometric mean"].map((benchmark) => {
      const own = rows.filter((row) => row.benchmark === benchmark);
      const native = own.find(({ ratioTo }) => ratioTo === yardstick)!;
      const { value } = own.find(({ subject }) => subject === yardstick)!;
      expect(native.subject).toBe("native");
      expect(native.ratio! / (native.value / value)).toBeCloseTo(1, 4);
      return native.ratio!;
    });
    const mean = ratios.pop()!;
    expect(mean ** 4 / ratios.reduce((product, ratio) => product * ratio)).toBeCloseTo(1, 6);
    expect(stdout).toMatch(new RegExp(`^geometric mean +native .* of ${yardstick}$`, "m"));
  });
});

describe("the yardstick does the work of the benchmark", () => {
  /** On the console, the low 32 bits of what the counterpart has in EAX. */
  const RESULT: Record<string, RegExp> = {
    prime: /^(\d+) primes below/,
    sieve: /^(\d+) primes below/,
    "memory-walk": /: (0x[0-9a-f]+)\n$/,
    fib: / = (\d+)\n$/,
  };
  let v86: Yardstick;
  beforeAll(async () => {
    v86 = (await loadV86())!;
  });

  it.each(YARDSTICK)("$name", async ({ name, image, argumentFor }) => {
    const argument = argumentFor(2_000_000);
    const session = Session.create({
      core: loadCore(),
      image: readImage(name).image,
      name,
      cpuMode: "native",
      commandLine: String(argument),
      trace: false,
    });
    session.run();
    const shown = RESULT[name].exec(new TextDecoder().decode(session.consoleBytes))![1];
    const expected = Number(BigInt.asUintN(32, BigInt(shown)));
    for (const jit of [true, false])
      expect(await v86(readYardstick(image), argument, { jit })).toMatchObject({ result: expected });
  });
});
