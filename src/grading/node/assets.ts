import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { CATALOGUE } from "../../guests/catalogue.js";
import type { GradingAssets } from "../assets.js";

const CORE = new URL("../../cpu/build/cpu.wasm", import.meta.url);
const GUESTS = new URL("../../guests/build/", import.meta.url);
/** Guests, and their builds for paravirtualisation as `NAME.pv`. */
const IMAGES = CATALOGUE.flatMap(({ name, image, paravirtual }) => [
  { name, image },
  ...(paravirtual ? [{ name: `${name}.pv`, image: paravirtual.image }] : []),
]);
const QUICKJS = createRequire(import.meta.url).resolve("@jitl/quickjs-wasmfile-release-sync/wasm");

/** Whether the build has left what a grader needs. */
export function isBuilt(): boolean {
  return existsSync(CORE) && existsSync(GUESTS);
}

/** The grader's assets as the build has left them on disk. */
export function nodeAssets(): GradingAssets {
  return {
    core: new WebAssembly.Module(readFileSync(fileURLToPath(CORE))),
    quickjs: new WebAssembly.Module(readFileSync(QUICKJS)),
    guest: (name) => Promise.resolve(readGuest(name)),
  };
}

function readGuest(name: string): Uint8Array {
  const guest = IMAGES.find((entry) => entry.name === name);
  if (!guest) throw new RangeError(`no guest is called "${name}"`);
  return Uint8Array.from(readFileSync(new URL(guest.image, GUESTS)));
}
