import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { GENERATED } from "./paths.js";

/**
 * Bundles the terminal, since Framework cannot import a package that imports CSS. A page loads it as a file, and only
 * when a reader opens a machine that has one.
 */
export async function bundleXterm(): Promise<void> {
  await build({
    entryPoints: [fileURLToPath(new URL("./xterm-entry.ts", import.meta.url))],
    outfile: path.join(GENERATED, "xterm.js"),
    bundle: true,
    format: "esm",
    minify: true,
    target: "es2022",
    legalComments: "none",
    logLevel: "error",
  });
}
