import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { Decoder } from "../../../src/hypervisor/bt/decoder.js";

const packaged = createRequire(import.meta.url).resolve("iced-x86");
/** The package's wasm. */
export const icedModule = new WebAssembly.Module(
  readFileSync(path.join(path.dirname(packaged), "iced_x86_bg.wasm")),
);
export const newDecoder = (): Decoder => new Decoder(icedModule);
