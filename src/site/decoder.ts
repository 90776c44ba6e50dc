import { copyFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { GENERATED } from "./paths.js";

/** The decoder of binary translation: a page's machine drives the wasm directly, without the package's JavaScript for Node. */
export function copyDecoder(): void {
  const wasm = new URL("iced_x86_bg.wasm", import.meta.resolve("iced-x86"));
  copyFileSync(fileURLToPath(wasm), path.join(GENERATED, "iced-x86.wasm"));
}
