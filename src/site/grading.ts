import { copyFileSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { build, type BuildOptions } from "esbuild";
import { DOCS, GENERATED, ROOT } from "./paths.js";

const COMMON: BuildOptions = {
  bundle: true,
  format: "esm",
  target: "es2022",
  minify: true,
  logLevel: "error",
  // Node's ways of finding a file, which a page never takes.
  external: ["module", "node:module", "fs", "path"],
  absWorkingDir: ROOT,
};

/**
 * What a lab page needs of the grader: its worker as one file (the labs lie outside docs/, where Framework does not
 * look), the interpreter that a part runs in, and the files that a student starts from.
 */
export async function bundleGrading(): Promise<void> {
  await build({
    ...COMMON,
    entryPoints: [path.join(DOCS, "components/learning/lab/grade.worker.ts")],
    outfile: path.join(GENERATED, "grade.worker.js"),
  });
  // Sucrase is written for require(), which Framework does not bundle.
  await build({
    ...COMMON,
    entryPoints: [path.join(ROOT, "src/grading/realm/transpile.ts")],
    outfile: path.join(GENERATED, "transpile.js"),
  });
  const quickjs = createRequire(import.meta.url).resolve("@jitl/quickjs-wasmfile-release-sync/wasm");
  copyFileSync(quickjs, path.join(GENERATED, "quickjs.wasm"));
  writeFileSync(
    path.join(GENERATED, "labs.json"),
    JSON.stringify(Object.fromEntries(labFolders().map(labFiles))),
  );
}

function labFolders(): string[] {
  return readdirSync(path.join(ROOT, "labs"), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
}

function labFiles(id: string): [string, object] {
  const read = (file: string): string => readFileSync(path.join(ROOT, "labs", id, file), "utf8");
  const title = /^# (.+)$/m.exec(read("statement.md"))?.[1] ?? id;
  return [id, { title, starter: read("starter.ts"), given: { "given.ts": read("given.ts") } }];
}
