import { spawn } from "node:child_process";
import { mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { guest } from "../experiments/guest.js";
import { BIN } from "./ring1.js";

/** Echoes what it reads until a full stop; asks for more with a question mark. */
const ECHO = guest(`
main:
  mov edx, 0x3f8
  mov al, 0x3f
  out dx, al
wait:
  mov edx, 0x3fd
  in al, dx
  test al, 1
  jz wait
  mov edx, 0x3f8
  in al, dx
  out dx, al
  cmp al, 0x2e
  jne wait
  ret`);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "ring1-"));
  writeFileSync(path.join(folder, "echo.bin"), ECHO);
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Run {
  status: number | null;
  stdout: string;
}

/** @param act - told what the guest has written so far, with a way to type */
function run(
  mode: string,
  stdin: "pipe" | number,
  act: (output: string, type: (text: string) => void) => void = () => {},
): Promise<Run> {
  const child = spawn(
    process.execPath,
    [BIN, "run", path.join(folder, "echo.bin"), "--ram", "16", "--cpu-mode", mode],
    { stdio: [stdin, "pipe", "ignore"], timeout: 30_000 },
  );
  let stdout = "";
  child.stdout!.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    act(stdout, (typed) => child.stdin!.write(typed));
  });
  return new Promise((resolve) => child.on("close", (status) => resolve({ status, stdout })));
}

describe.each(["native", "vtx"])("the keyboard of ring1 run, %s", (mode) => {
  it("is a pipe that somebody writes to while the guest runs", async () => {
    let answered = false;
    const ended = await run(mode, "pipe", (output, type) => {
      if (output !== "?" || answered) return;
      answered = true;
      type("Ctrl-A \x01x is for terminals, ");
      setTimeout(() => type("a pipe types it."), 300);
    });
    expect(ended).toEqual({ status: 0, stdout: "?Ctrl-A \x01x is for terminals, a pipe types it." });
  });

  it("is a file", async () => {
    const input = path.join(folder, "input");
    writeFileSync(input, `${"0123456789".repeat(100)}.`);
    const ended = await run(mode, openSync(input, "r"));
    expect(ended).toEqual({ status: 0, stdout: `?${"0123456789".repeat(100)}.` });
  });
});
