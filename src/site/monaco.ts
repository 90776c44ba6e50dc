import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build, version as esbuildVersion, type BuildOptions } from "esbuild";
import { GENERATED, ROOT } from "./paths.js";

const ENTRY = fileURLToPath(new URL("./monaco-entry.ts", import.meta.url));
const STAMP = path.join(GENERATED, "monaco.stamp");
const OUTPUTS = ["monaco.js", "monaco.css", "monaco-ts.worker.js", "monaco-editor.worker.js"];

const COMMON: BuildOptions = {
  bundle: true,
  minify: true,
  target: "es2022",
  legalComments: "none",
  logLevel: "error",
};

/** What the bundles depend on: versions and the entry; nothing else can change them. */
function inputs(): string {
  const manifest = path.join(ROOT, "node_modules", "monaco-editor", "package.json");
  const { version } = JSON.parse(readFileSync(manifest, "utf8")) as { version: string };
  return createHash("sha256")
    .update(`${version} ${esbuildVersion} `)
    .update(readFileSync(ENTRY))
    .digest("hex");
}

/**
 * Bundles the editor and its two workers, since Framework cannot import a package that imports CSS. Pages load them as
 * files, and only when a reader opens an editor.
 */
export async function bundleMonaco(): Promise<void> {
  const stamp = inputs();
  const fresh = existsSync(STAMP) && readFileSync(STAMP, "utf8") === stamp;
  if (fresh && OUTPUTS.every((file) => existsSync(path.join(GENERATED, file)))) return;
  await build({
    ...COMMON,
    entryPoints: [ENTRY],
    outfile: path.join(GENERATED, "monaco.js"),
    format: "esm",
    loader: { ".ttf": "dataurl" },
  });
  const worker = (specifier: string, name: string): Promise<unknown> =>
    build({
      ...COMMON,
      entryPoints: [specifier],
      outfile: path.join(GENERATED, name),
      format: "iife",
    });
  await worker("monaco-editor/languages/features/typescript/ts.worker", "monaco-ts.worker.js");
  await worker("monaco-editor/editor/editor.worker", "monaco-editor.worker.js");
  writeFileSync(STAMP, stamp);
}
