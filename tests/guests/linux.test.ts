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
  cpuMode: CpuMode,
  processors: number,
  memoryMode?: MemoryMode,
): { console: string; session: Session } {
  const { image, initrd, commandLine, ramMebibytes = 256 } = readImage("linux");
  const session = Session.create({
    core: loadCore(),
    image,
    initrd,
    name: "linux",
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

describe.skipIf(!linuxIsPrepared())("Debian's cloud kernel", () => {
  it.each([
    ["native", undefined, 1, "on the bare machine"],
    ["vtx", "nested", 1, "under a hypervisor"],
    ["vtx", "shadow", 1, "under a hypervisor"],
    ["native", undefined, 4, "on the bare machine"],
    ["vtx", "nested", 4, "under a hypervisor"],
    ["vtx", "shadow", 4, "under a hypervisor"],
  ] as const)(
    "%s, memory %s, with %i processors",
    (cpuMode, memoryMode, processors, place) => {
      const { console, session } = boot(cpuMode, processors, memoryMode);
      expect(session.ending, console.slice(-2000)).toMatchObject({ kind: "power-off", status: 0 });
      const [system, cpus, where, clock, sum, slept] = report(console);
      expect(system).toMatch(/^Linux \d+\.\d+.*-cloud-amd64 x86_64$/);
      expect(cpus).toBe(`${processors} processors, GenuineIntel`);
      expect(where).toBe(place);
      expect(clock).toBe("clock source tsc");
      expect(sum).toBe("sum 6251e5743b6fd6a7");
      expect(slept).toBe("slept");
      expect(console).toContain(`Brought up 1 node, ${processors} CPU`);
      expect(console).not.toMatch(/BUG:|Oops|WARNING: CPU|Call Trace/);
    },
    10 * MINUTES,
  );
});
