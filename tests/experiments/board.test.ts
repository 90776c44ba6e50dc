/** The board's devices and four processors answer as those of QEMU's PC do, which wrote expected/board.txt. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { Session } from "../../src/experiments/session.js";
import { have } from "../guests/support.js";
import { core, decoder, guest } from "./guest.js";

const QEMU = "qemu-system-x86_64";
const text = (name: string): string => readFileSync(fileURLToPath(new URL(name, import.meta.url)), "utf8");
const image = guest(text("board-guest.s"));
const expected = text("expected/board.txt");

describe("the board, asked by a guest", () => {
  it.each(["native", "vtx"] as const)("answers as a PC does (%s)", (cpuMode) => {
    const session = Session.create({
      core,
      decoder,
      image,
      name: "board",
      cpuMode,
      ramBytes: 32 << 20,
      processors: 4,
      maxInstructions: 5_000_000,
      trace: false,
    });
    session.run();
    expect(Buffer.from(session.consoleBytes).toString()).toBe(expected);
    expect(session.ending).toMatchObject({ kind: "debug-exit", status: 1 });
  });

  it.skipIf(!have(QEMU))("answers the same on QEMU", () => {
    const folder = mkdtempSync(path.join(tmpdir(), "ring1-board-"));
    try {
      const file = path.join(folder, "guest");
      writeFileSync(file, image);
      const machine = ["-m", "32", "-smp", "4", "-display", "none", "-monitor", "none", "-no-reboot"];
      const devices = [
        "-serial",
        "stdio",
        "-device",
        "isa-debug-exit,iobase=0xf4,iosize=1",
        "-device",
        "pc-testdev",
      ];
      const { stdout } = spawnSync(QEMU, ["-kernel", file, ...machine, ...devices], {
        encoding: "utf8",
        timeout: 60_000,
        killSignal: "SIGKILL",
      });
      expect(stdout).toBe(expected);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
