/** Finishes what `observable build` wrote to dist/: pages, fonts, API reference; refuses broken links and outside hosts. */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { BUILT_FONTS, apiLinks, foreignFetches, rewritePage, rewriteReference } from "./built-page.js";
import { FONT_FOLDER } from "./fonts.js";
import { DIST, ROOT } from "./paths.js";

function writeReference(): void {
  const bin = path.join(ROOT, "node_modules", "typedoc", "bin", "typedoc");
  const { status } = spawnSync(process.execPath, [bin, "--out", path.join(DIST, "api")], {
    cwd: ROOT,
    stdio: "inherit",
  });
  if (status !== 0) throw new Error("TypeDoc could not write the API reference");
}

function finishPages(): string[] {
  const problems: string[] = [];
  for (const entry of readdirSync(DIST, { withFileTypes: true, recursive: true })) {
    const file = path.join(entry.parentPath, entry.name);
    const page = `/${path.relative(DIST, file).split(path.sep).join("/")}`;
    if (!entry.isFile() || !page.endsWith(".html")) continue;
    const rewrite = page.startsWith("/api/") ? rewriteReference : rewritePage;
    const html = rewrite(readFileSync(file, "utf8"), page);
    writeFileSync(file, html);
    if (rewrite === rewriteReference) continue;
    for (const href of apiLinks(html)) {
      if (!existsSync(path.join(DIST, href)))
        problems.push(`${page} links to ${href}, which the API reference lacks`);
    }
    for (const address of foreignFetches(html)) problems.push(`${page} would fetch ${address}`);
  }
  return problems;
}

cpSync(FONT_FOLDER, path.join(DIST, BUILT_FONTS), { recursive: true });
writeReference();
const problems = finishPages();
if (problems.length > 0) {
  console.error(problems.join("\n"));
  process.exit(1);
}
