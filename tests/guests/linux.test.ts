/**
 * An unmodified distribution kernel, which nobody here wrote, boots to its first process and powers off. The kernel comes
 * through the system's package manager; where it cannot be had, nothing is compared with it.
 */
import { describe, expect, it } from "vitest";
import { loadCore, readImage } from "../../src/cli/assets.js";
import { Session } from "../../src/experiments/session.js";
import type { CpuMode, MemoryMode } from "../../src/experiments/view.js";
import { linuxIsPrepared } from "./prepared.js";

/** A boot takes about 1.4 thousand million instructions on one processor. */
const BUDGET = 12_000_000_000;
const MINUTES = 60_000;

function boot(
  name: string,
  cpuMode: CpuMode,
  processors: number,
  memoryMode?: MemoryMode,
): { console: string; session: Session } {
  const { image, initrd, commandLine, ramMebibytes = 256 } = readImage(name);
  const session = Session.create({
    core: loadCore(),
    image,
    initrd,
    name,
    cpuMode,
    memoryMode,
    processors,
    ramBytes: ramMebibytes << 20,
    commandLine: `${commandLine} ring1.run=report`,
    maxInstructions: BUDGET,
    trace: false,
  });
  session.run();
  return { console: new TextDecoder().decode(session.consoleBytes), session };
}

/** Lines of the first process; the kernel's own messages come between them. */
const report = (console: string): string[] =>
  [...console.matchAll(/report: (.*?)\r?\n/g)].map(([, line]) => line.replace(/\s+/g, " "));

function expectReport(console: string, session: Session, cpuMode: CpuMode, processors: number): void {
  expect(session.ending, console.slice(-2000)).toMatchObject({ kind: "power-off", status: 0 });
  const [system, cpus, where, clock, sum, slept] = report(console);
  expect(system).toMatch(/^Linux \d+\.\d+.*-amd64 x86_64$/);
  expect(cpus).toBe(`${processors} processors, GenuineIntel`);
  expect(where).toBe(cpuMode === "vtx" ? "under a hypervisor" : "on the bare machine");
  expect(clock).toBe("clock source tsc");
  expect(sum).toBe("sum 6251e5743b6fd6a7");
  expect(slept).toBe("slept");
  expect(console).toContain(`Brought up 1 node, ${processors} CPU`);
  expect(console).not.toMatch(/BUG:|Oops|WARNING: CPU|Call Trace/);
}

describe.skipIf(!linuxIsPrepared())("Debian's cloud kernel", () => {
  it.each([
    ["native", undefined, 1],
    ["vtx", "nested", 1],
    ["vtx", "shadow", 1],
    ["native", undefined, 4],
    ["vtx", "nested", 4],
    ["vtx", "shadow", 4],
  ] as const)(
    "%s, memory %s, with %i processors",
    (cpuMode, memoryMode, processors) => {
      const { console, session } = boot("linux", cpuMode, processors, memoryMode);
      expectReport(console, session, cpuMode, processors);
      expect(report(console)[0]).toMatch(/-cloud-amd64/);
    },
    10 * MINUTES,
  );
});

describe.skipIf(!linuxIsPrepared("vmlinuz-generic"))("Debian's kernel for PCs", () => {
  it(
    "under a hypervisor",
    () => {
      const { console, session } = boot("linux-generic", "vtx", 1);
      expectReport(console, session, "vtx", 1);
      expect(report(console)[0]).not.toMatch(/cloud/);
    },
    10 * MINUTES,
  );
});
