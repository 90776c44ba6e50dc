/**
 * Test set-up: fetches Debian's kernels and makes the initramfs, so that the site is built with them and the tests boot
 * them. Where the system's package manager cannot get them, those tests say that they are skipped.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { linuxIsPrepared } from "./prepared.js";

const root = fileURLToPath(new URL("../../", import.meta.url));

if (!linuxIsPrepared()) {
  console.error("No Linux kernel found; fetching one for the tests that boot it.");
  spawnSync("npm", ["run", "guests"], { cwd: root, stdio: ["ignore", 2, 2] });
  if (!linuxIsPrepared()) console.error("No kernel could be had: the tests of Linux are skipped.");
}
