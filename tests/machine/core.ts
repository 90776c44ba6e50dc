import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const FILE = fileURLToPath(new URL("../../src/cpu/build/cpu.wasm", import.meta.url));

/** The processor's module, as built by `src/cpu/build.ts`. */
export function compiledCore(): WebAssembly.Module {
  return new WebAssembly.Module(readFileSync(FILE));
}
