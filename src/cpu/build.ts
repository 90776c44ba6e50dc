/**
 * Builds the processor: generates its tables and executor from the instruction table, and compiles it to
 * build/cpu.wasm. `--fast` compiles quickly, with function names in traps and assertions; `--force` compiles even when
 * nothing has changed.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { generateExecutor, generateTables } from "./instructions/generate";
import { TABLE } from "./instructions/table";
import { RAM_BASE, STATICS } from "../spec/memory-map";

const here = fileURLToPath(new URL(".", import.meta.url));
const root = path.join(here, "../..");
const out = path.join(here, "build");
const fast = process.argv.includes("--fast");
const force = process.argv.includes("--force");

const PAGE = 65536;
const OPTIONS = [
  "src/cpu/index.ts",
  ...["--outFile", "src/cpu/build/cpu.wasm"],
  ...["--runtime", "stub"],
  ...["--memoryBase", String(STATICS)],
  ...["--initialMemory", String(RAM_BASE / PAGE), "--maximumMemory", "65536"],
  ...["--enable", "bulk-memory", "--enable", "simd"],
  // Implicit conversion between usize and u32: this module is for 32-bit memory.
  ...["--disableWarning", "201"],
  // v128 in exported functions: they are exported from their files, not from the module.
  ...["--disableWarning", "112"],
  ...(fast ? ["-O1", "--debug"] : ["-O3", "--noAssert", "--converge"]),
];

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => path.join(entry.parentPath, entry.name))
    .filter((file) => !file.startsWith(`${out}${path.sep}`))
    .sort();
}

/** Everything that the result depends on. */
function fingerprint(files: readonly string[]): string {
  const hash = createHash("sha256").update(OPTIONS.join("\0"));
  for (const file of files) hash.update(path.relative(root, file)).update("\0").update(readFileSync(file));
  return hash.digest("hex");
}

/** The file in a folder of handlers that exports a handler, as build/ imports it. */
function handlerFile(files: readonly string[]): (handler: string) => string {
  const found = new Map<string, string>();
  for (const file of files) {
    const relative = path.relative(here, file);
    if (!/^(integer|system|simd|x87)[\\/]/.test(relative)) continue;
    for (const [, name] of readFileSync(file, "utf8").matchAll(/^export function (\w+)\(op: usize\)/gm)) {
      found.set(name, `../${relative.replaceAll("\\", "/").replace(/\.ts$/, "")}`);
    }
  }
  return (handler) => {
    const file = found.get(handler);
    if (file === undefined) throw new RangeError(`no function ${handler}(op: usize) in src/cpu/{integer,system,simd,x87}`);
    return file;
  };
}

function compile(): void {
  const files = [...sources(here), ...sources(path.join(root, "src/spec"))];
  const print = fingerprint(files);
  const stamp = path.join(out, "fingerprint");
  if (!force && existsSync(path.join(out, "cpu.wasm")) && existsSync(stamp) && readFileSync(stamp, "utf8") === print) return;
  mkdirSync(out, { recursive: true });
  writeFileSync(path.join(out, "tables.ts"), generateTables(TABLE, handlerFile(files)));
  writeFileSync(
    path.join(out, "executor.ts"),
    generateExecutor(readFileSync(path.join(here, "executor.template.ts"), "utf8")),
  );
  const asc = path.join(root, "node_modules/assemblyscript/bin/asc.js");
  const result = spawnSync(process.execPath, [asc, ...OPTIONS], { cwd: root, stdio: "inherit" });
  if (result.status !== 0) process.exit(result.status ?? 1);
  writeFileSync(stamp, print);
}

compile();
