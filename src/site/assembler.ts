import { copyFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { DOCS, GENERATED, ROOT } from "./paths.js";

const LICENCE = fileURLToPath(new URL("./keystone-licence.txt", import.meta.url));

/**
 * What a page needs to assemble an edited guest: our worker as one file, and Keystone as files of its own beside its
 * licence. A page loads them when a reader runs the first change.
 */
export async function bundleAssembler(): Promise<void> {
  await build({
    bundle: true,
    format: "esm",
    target: "es2022",
    minify: true,
    logLevel: "error",
    external: ["keystone-wasm"],
    absWorkingDir: ROOT,
    entryPoints: [path.join(DOCS, "components/machine/guest/assemble.worker.ts")],
    outfile: path.join(GENERATED, "assemble.worker.js"),
  });
  const keystone = path.dirname(fileURLToPath(import.meta.resolve("keystone-wasm")));
  copyFileSync(path.join(keystone, "index.mjs"), path.join(GENERATED, "keystone.js"));
  copyFileSync(path.join(keystone, "keystone.wasm"), path.join(GENERATED, "keystone.wasm"));
  copyFileSync(LICENCE, path.join(GENERATED, "keystone-licence.txt"));
}
