import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

export const BIN = fileURLToPath(new URL("../../src/cli/bin.js", import.meta.url));

/** Milliseconds after which a command has hung: its status is null then. */
const PATIENCE = 50_000;

export interface Finished {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** Runs the real command in a process of its own. */
export function ring1(...args: string[]): Finished {
  const { status, stdout, stderr } = spawnSync(process.execPath, [BIN, ...args], {
    encoding: "utf8",
    timeout: PATIENCE,
  });
  return { status, stdout, stderr };
}
