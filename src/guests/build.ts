/** Builds the built-in guests into `src/guests/build`. The C guest is left out, with a word, where gcc is missing. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { loadAssembler } from "./assemble.js";
import { CATALOGUE, GUEST_ORIGIN } from "./catalogue.js";
import type { CatalogueEntry } from "./catalogue.js";
import { BIOS_FIELDS, BIOS_OFFSET } from "./firmware/layout.js";
import { guestListing } from "./listing.js";
import { MEASURED } from "./measured/programs.js";
import { YARDSTICK } from "./yardstick/loops.js";

const here = path.dirname(fileURLToPath(import.meta.url));
const assemble = await loadAssembler();
const out = path.join(here, "build");

const C_FLAGS =
  "-m64 -O2 -std=c11 -ffreestanding -fno-pic -fno-pie -mno-red-zone -mno-sse -mno-mmx -mno-80387 -fno-stack-protector -fno-asynchronous-unwind-tables -fcf-protection=none -Wall -Wextra -Werror -g0".split(
    " ",
  );

function buildAssembled(
  { image, listing }: Pick<CatalogueEntry, "image" | "listing">,
  files: readonly string[],
): number {
  const sources = files.map((name) => ({ name, text: readFileSync(path.join(here, name), "utf8") }));
  const assembled = assemble(sources, { origin: GUEST_ORIGIN });
  writeFileSync(path.join(out, image), assembled.bytes);
  if (listing !== undefined)
    writeFileSync(path.join(out, listing), JSON.stringify(guestListing(assembled, sources)));
  return assembled.bytes.length;
}

/** Links as ELF64, then rewraps as the ELF32 that a multiboot loader takes; the code stays 64-bit. */
function buildCompiled({ image }: CatalogueEntry, files: readonly string[], linkerScript: string): void {
  const elf64 = path.join(out, `${image}64`);
  const linking = [
    "-nostdlib",
    "-static",
    "-no-pie",
    "-Wl,-z,max-page-size=4096,--build-id=none,-T",
    linkerScript,
  ];
  const options = { cwd: here, stdio: ["ignore", "inherit", "pipe"] as const, encoding: "utf8" as const };
  execFileSync("gcc", [...C_FLAGS, ...linking, "-o", elf64, ...files], {
    ...options,
    stdio: [...options.stdio],
  });
  execFileSync("objcopy", ["-O", "elf32-i386", elf64, path.join(out, image)], { cwd: here });
  rmSync(elf64);
}

function missingTool(): string | undefined {
  return ["gcc", "ld", "objcopy"].find((tool) => {
    try {
      execFileSync(tool, ["--version"], { stdio: "ignore" });
      return false;
    } catch {
      return true;
    }
  });
}

mkdirSync(out, { recursive: true });
for (const entry of CATALOGUE) {
  const { recipe } = entry;
  if (recipe.toolchain === "assembler") {
    for (const build of [entry, entry.paravirtual])
      if (build !== undefined)
        console.log(`${build.image}: ${buildAssembled(build, build.recipe.sources)} bytes`);
    continue;
  }
  const missing = missingTool();
  if (missing !== undefined) {
    console.log(
      `${entry.image}: not built, because ${missing} is not on this machine; every other guest is unaffected`,
    );
    continue;
  }
  buildCompiled(entry, recipe.sources, recipe.linkerScript);
  console.log(`${entry.image}: compiled`);
}
for (const program of MEASURED)
  for (const build of [program, program.paravirtual])
    if (build !== undefined) console.log(`${build.image}: ${buildAssembled(build, build.sources)} bytes`);
/** The firmware as a module, which the loader of boot sectors imports. */
function buildFirmware(): number {
  const name = "firmware/bios.s";
  const text = readFileSync(path.join(here, name), "utf8");
  const { bytes, symbols } = assemble([{ name, text }], { origin: BIOS_OFFSET });
  const lines = [
    "/** Assembled from firmware/bios.s by guests/build.ts. */",
    `export const BIOS: readonly number[] = [${bytes.join(", ")}];`,
    ...BIOS_FIELDS.map((field) => `export const ${field.toUpperCase()} = ${symbols[field]};`),
  ];
  writeFileSync(path.join(out, "bios.ts"), `${lines.join("\n")}\n`);
  return bytes.length;
}
console.log(`bios.ts: ${buildFirmware()} bytes`);
for (const loop of YARDSTICK) console.log(`${loop.image}: ${buildAssembled(loop, loop.sources)} bytes`);
