/**
 * `npm run guests`: puts unmodified kernels and an initramfs into the build folder. Kernels and busybox come through the
 * system's package manager (Debian's apt, nothing is installed), or from paths:
 *
 *     npm run guests -- [--kernel FILE] [--busybox FILE]
 *
 * `--kernel` takes the place of the cloud kernel. What cannot be had is named; the exit status is 1 then.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { initramfs } from "./initramfs.js";
import { DISTRIBUTION_KERNELS, type DistributionKernel } from "./kernels.js";

const here = path.dirname(fileURLToPath(import.meta.url));
const out = path.join(here, "../build");

function run(command: string, args: readonly string[], cwd: string): string {
  return execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

/** What fails on a machine that has never asked for its package lists is tried once more with them. */
function withPackageLists<T>(action: () => T, scratch: string): T {
  try {
    return action();
  } catch {
    run("apt-get", ["update"], scratch);
    return action();
  }
}

/** Downloads a package without installing it. @returns the folder of its files */
function unpack(name: string, scratch: string): string {
  const folder = mkdtempSync(path.join(scratch, "package-"));
  withPackageLists(() => run("apt-get", ["download", name], folder), scratch);
  const archive = readdirSync(folder).find((file) => file.endsWith(".deb"));
  if (archive === undefined) throw new Error(`apt-get download ${name} brought no package`);
  run("dpkg-deb", ["-x", archive, "files"], folder);
  return path.join(folder, "files");
}

/** The package that a kernel's meta-package stands for. */
function newest(metaPackage: string, scratch: string): string {
  return withPackageLists(() => {
    const listed = run("apt-cache", ["depends", metaPackage], scratch);
    const name = /Depends: (linux-image-\d\S*)/.exec(listed)?.[1];
    if (name === undefined) throw new Error(`the package manager knows no ${metaPackage}`);
    return name;
  }, scratch);
}

function kernelOf({ package: name }: DistributionKernel, scratch: string): Uint8Array {
  const boot = path.join(unpack(newest(name, scratch), scratch), "boot");
  const file = readdirSync(boot).find((entry) => entry.startsWith("vmlinuz-"));
  if (file === undefined) throw new Error(`${name} has no boot/vmlinuz-*`);
  return readFileSync(path.join(boot, file));
}

/** Makes one file; says what came of it. */
function make(name: string, content: () => Uint8Array): boolean {
  try {
    const bytes = content();
    writeFileSync(path.join(out, name), bytes);
    console.log(`${name}: ${bytes.length} bytes`);
    return true;
  } catch (error) {
    const words = error instanceof Error ? error.message.split("\n")[0] : String(error);
    console.error(`${name}: not made: ${words}`);
    return false;
  }
}

function prepare(): boolean {
  const { values } = parseArgs({ options: { kernel: { type: "string" }, busybox: { type: "string" } } });
  const scratch = mkdtempSync(path.join(tmpdir(), "ring1-guests-"));
  try {
    mkdirSync(out, { recursive: true });
    const busybox = (): Uint8Array =>
      readFileSync(values.busybox ?? path.join(unpack("busybox-static", scratch), "bin/busybox"));
    const init = readFileSync(path.join(here, "init.sh"));
    const made = [make("initramfs.cpio", () => initramfs(busybox(), init))];
    DISTRIBUTION_KERNELS.forEach((kernel, i) => {
      if (i > 0 && values.kernel !== undefined) return;
      made.push(
        make(kernel.image, () => (values.kernel ? readFileSync(values.kernel) : kernelOf(kernel, scratch))),
      );
    });
    return made.every(Boolean);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

if (!prepare()) process.exitCode = 1;
