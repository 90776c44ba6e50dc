/** The independent check that the guests are real: QEMU runs them. Its own vendor strings are set to ours. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { CATALOGUE, GUEST_ORIGIN } from "../../src/guests/catalogue.js";
import type { CatalogueEntry } from "../../src/guests/catalogue.js";
import { assemble, builtImage, expected, have, sourcesOf } from "./support.js";

const QEMU = "qemu-system-x86_64";
const BARE_METAL = ["-cpu", "qemu64,-hypervisor,vendor=GenuineIntel"];

interface Finished {
  console: string;
  status: number | null;
}

function run(image: string, append: string, more: readonly string[] = [], milliseconds = 30_000): Finished {
  const machine = ["-m", "16", "-serial", "stdio", "-display", "none", "-monitor", "none", "-no-reboot"];
  const debugExit = ["-device", "isa-debug-exit,iobase=0xf4,iosize=1"];
  const { stdout, status } = spawnSync(
    QEMU,
    ["-kernel", image, "-append", append, ...machine, ...debugExit, ...more],
    {
      encoding: "utf8",
      timeout: milliseconds,
      killSignal: "SIGKILL",
    },
  );
  return { console: stdout, status };
}

function withFile<T>(bytes: Uint8Array, action: (file: string) => T): T {
  const folder = mkdtempSync(path.join(tmpdir(), "ring1-qemu-"));
  try {
    writeFileSync(path.join(folder, "file"), bytes);
    return action(path.join(folder, "file"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function guest(name: string): CatalogueEntry {
  const entry = CATALOGUE.find((candidate) => candidate.name === name);
  if (entry === undefined) throw new Error(`no guest ${name}`);
  return entry;
}

function runAssembled(
  name: string,
  append = "",
  more: readonly string[] = BARE_METAL,
  milliseconds?: number,
): Finished {
  const { bytes } = assemble(sourcesOf(guest(name)), { origin: GUEST_ORIGIN });
  return withFile(bytes, (file) => run(file, append, more, milliseconds));
}

describe.skipIf(!have(QEMU))("in QEMU", () => {
  const STRESSING = ["tlb-misses", "cold-code", "changing-code", "exits", "interrupts"];
  it.each(["hello", "rings", "prime", "sieve", "memory-walk", "fib", "triple-fault", ...STRESSING])(
    "%s",
    (name) => {
      expect(runAssembled(name)).toEqual({ console: expected(name), status: 0 });
    },
  );

  it("hello sees the hypervisor", () => {
    const { console } = runAssembled("hello", "", ["-cpu", "qemu64,vendor=GenuineIntel"]);
    expect(console).toBe(expected("hello").replace("no hypervisor: bare metal", "TCGTCGTCGTCG"));
  });

  it("endless never ends", () => {
    expect(runAssembled("endless", "", BARE_METAL, 1500)).toEqual({
      console: expected("endless"),
      status: null,
    });
  });

  it.each([
    ["1000", "168 primes below 1000\n"],
    ["x=5 y 100", "25 primes below 100\n"],
    ["3", "1 primes below 3\n"],
    ["2", "0 primes below 2\n"],
    ["12 none", "25997 primes below 300000\n"],
  ])("prime takes its bound from the command line: %s", (append, console) => {
    expect(runAssembled("prime", append).console).toBe(console);
  });

  it("c-hello", ({ skip }) => {
    const image = builtImage(guest("c-hello"));
    if (!existsSync(image)) skip("c-hello.elf was not built: gcc is not on this machine");
    const { console, status } = withFile(new TextEncoder().encode("module one\n"), (file) =>
      run(image, "alpha beta", ["-initrd", `${file} first`]),
    );
    const lines = console.split("\n").filter((line) => !/^(memory|region) /.test(line));
    expect(lines.join("\n")).toBe(expected("c-hello"));
    expect(status).toBe(1);
  });
});
