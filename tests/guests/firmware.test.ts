/**
 * SeaBIOS, which nobody here wrote, comes up from the reset vector in ROM, finds the board's devices, finds no disk and
 * resets the machine. It comes with Debian's qemu-system-x86.
 */
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { loadCore } from "../../src/cli/assets.js";
import { Session } from "../../src/experiments/session.js";

const SEABIOS = "/usr/share/seabios/bios-256k.bin";
const BUDGET = 50_000_000;

describe.skipIf(!existsSync(SEABIOS))("SeaBIOS", () => {
  it.each(["native", "vtx"] as const)("%s", (cpuMode) => {
    const session = Session.create({
      core: loadCore(),
      image: new Uint8Array(readFileSync(SEABIOS)),
      name: "bios-256k.bin",
      cpuMode,
      ramBytes: 64 << 20,
      maxInstructions: BUDGET,
      trace: false,
    });
    session.run();
    const log = new TextDecoder().decode(session.consoleBytes);
    expect(session.ending, log.slice(-500)).toMatchObject({ kind: "reset" });
    expect(log).toContain("Found 1 PCI devices (max PCI bus is 00)");
    expect(log).toContain("PCI: init bdf=00:00.0 id=8086:1237");
    expect(log).toContain("Found 1 cpu(s) max supported 1 cpu(s)");
    expect(log).toContain("Found 1 serial ports");
    expect(log).toMatch(/0000000000100000 - 0000000004000000 = 1 RAM/);
    expect(log).toContain("Booting from Floppy...");
    expect(log).toContain("No bootable device.");
  });
});
