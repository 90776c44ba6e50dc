/**
 * Bare-metal suites in C, multiboot images of bare-metal tests as hypervisors have them: each thing that they look at holds, on
 * the bare machine and in a VM, and both say the same.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { loadCore } from "../../src/cli/assets.js";
import { Session } from "../../src/experiments/session.js";
import type { CpuMode, MemoryMode } from "../../src/experiments/view.js";
import { have } from "./support.js";

const folder = fileURLToPath(new URL("../suites/", import.meta.url));
const runtime = fileURLToPath(new URL("../../src/guests/c-hello/", import.meta.url));
const SUITES = ["msr", "absent", "time", "apic", "events", "memory-device"];
const FLAGS =
  "-m64 -O1 -std=gnu11 -ffreestanding -fno-pic -fno-pie -mno-red-zone -mgeneral-regs-only -fno-stack-protector -fcf-protection=none -Wall -Wextra -Wno-unused-function -Werror -nostdlib -static -no-pie -Wl,--build-id=none,-z,max-page-size=4096".split(
    " ",
  );

/** As the loader takes it: ELF32 with 64-bit code behind its start. */
function compile(suite: string): Uint8Array {
  const build = mkdtempSync(path.join(tmpdir(), "ring1-suite-"));
  try {
    const [elf, image] = ["suite.elf64", "suite.elf"].map((name) => path.join(build, name));
    const sources = [`${runtime}start.S`, path.join(folder, `${suite}.c`)];
    execFileSync("gcc", [...FLAGS, "-T", `${runtime}c-hello.ld`, "-o", elf, ...sources], { stdio: "pipe" });
    execFileSync("objcopy", ["-O", "elf32-i386", elf, image]);
    return Uint8Array.from(readFileSync(image));
  } finally {
    rmSync(build, { recursive: true });
  }
}

function run(image: Uint8Array, cpuMode: CpuMode, memoryMode?: MemoryMode): string {
  const session = Session.create({
    core: loadCore(),
    image,
    name: "suite",
    cpuMode,
    memoryMode,
    ramBytes: 16 << 20,
    maxInstructions: 200_000_000,
  });
  session.run();
  const console = new TextDecoder().decode(session.consoleBytes);
  return `${console}${JSON.stringify(session.ending)}`;
}

describe.skipIf(!have("gcc") || !have("objcopy"))("bare-metal suites", () => {
  it.each(SUITES)("%s", (suite) => {
    const image = compile(suite);
    const native = run(image, "native");
    expect(native).toMatch(/^(PASS .*\n)+\{"kind":"debug-exit","status":1\b/);
    for (const memoryMode of ["nested", "shadow"] as const) {
      const guest = run(image, "vtx", memoryMode);
      expect(guest.split("{")[0], memoryMode).toBe(native.split("{")[0]);
    }
  });
});
