/**
 * Test set-up: finds a Chromium or installs one, by Playwright's own download or, as root on Debian and its kin, by the
 * system's package manager.
 */
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import path from "node:path";
import { findChromium } from "./chromium.js";

function runs(command: string, ...args: string[]): boolean {
  console.error(`$ ${command} ${args.join(" ")}`);
  return spawnSync(command, args, { stdio: ["ignore", 2, 2], timeout: 600_000 }).status === 0;
}

function download(): boolean {
  const manifest = createRequire(import.meta.url).resolve("playwright-core/package.json");
  return runs(process.execPath, path.join(path.dirname(manifest), "cli.js"), "install", "chromium");
}

function installPackage(): boolean {
  return (
    process.getuid?.() === 0 && runs("apt-get", "update") && runs("apt-get", "install", "-y", "chromium")
  );
}

if (!findChromium()) {
  console.error("No Chromium found; installing one for the browser tests.");
  if (!installPackage()) download();
}
if (!findChromium()) {
  console.error(
    "The browser tests need a Chromium. Install it (Debian: apt-get install chromium; macOS: brew install chromium), " +
      "or set the environment variable CHROMIUM to its path.",
  );
  process.exit(1);
}
