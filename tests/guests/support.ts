import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { loadAssembler } from "../../src/guests/assemble.js";
import type { AssemblySource } from "../../src/guests/assemble.js";
import { CATALOGUE } from "../../src/guests/catalogue.js";
import type { CatalogueEntry } from "../../src/guests/catalogue.js";

const guests = fileURLToPath(new URL("../../src/guests/", import.meta.url));

export const assemble = await loadAssembler();

/** The sources of a guest, in the order in which they are assembled. */
export function sourcesOf({ recipe }: Pick<CatalogueEntry, "recipe">): AssemblySource[] {
  return recipe.sources.map((name) => ({ name, text: readFileSync(path.join(guests, name), "utf8") }));
}

export const assembledGuests = CATALOGUE.filter(({ recipe }) => recipe.toolchain === "assembler");

/** And their builds for paravirtualisation. */
export const assembledBuilds: readonly Pick<CatalogueEntry, "name" | "recipe">[] = assembledGuests.flatMap(
  (entry) => [entry, ...(entry.paravirtual ? [{ ...entry.paravirtual, name: `${entry.name}, pv` }] : [])],
);

/** Path of a built image. */
export function builtImage({ image }: CatalogueEntry): string {
  return path.join(guests, "build", image);
}

/** A committed expected output. Fails if it is missing. */
export function expected(name: string): string {
  return readFileSync(new URL(`expected/${name}.txt`, import.meta.url), "utf8");
}

/** Whether a program is there; says once why tests are skipped if not. */
export function have(program: string): boolean {
  const found = spawnSync(program, ["--version"], { stdio: "ignore" }).status === 0;
  if (!found) console.warn(`skipped: ${program} is not on this machine, so nothing is compared with it`);
  return found;
}

/** Bytes that GNU as and ld make of Intel-syntax source. */
export function gnuAssemble(source: string, origin: number): Uint8Array {
  const folder = mkdtempSync(path.join(tmpdir(), "ring1-gnu-"));
  const file = (name: string): string => path.join(folder, name);
  const run = (tool: string, args: string[]): void => void execFileSync(tool, args, { stdio: "pipe" });
  try {
    writeFileSync(file("s.s"), `.intel_syntax noprefix\n${source}\n`);
    run("as", ["--64", "-mindex-reg", "-o", file("s.o"), file("s.s")]);
    run("ld", [`-Ttext=0x${origin.toString(16)}`, "-e", "0", "-o", file("s.elf"), file("s.o")]);
    run("objcopy", ["-O", "binary", "-j", ".text", file("s.elf"), file("s.bin")]);
    return existsSync(file("s.bin")) ? Uint8Array.from(readFileSync(file("s.bin"))) : new Uint8Array(0);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A pseudo-random generator with a seed: integers from 0 up to, not including, `below`. */
export function seeded(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
