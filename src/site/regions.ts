import { createHash } from "node:crypto";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { DOCS, ROOT } from "./paths.js";

/** A stretch of source between `// #region name` and `// #endregion`: one concept, quoted by the pages. */
export interface Region {
  name: string;
  /** Path from the root of the repository, with slashes. */
  path: string;
  /** 1-based numbers of the first and last line between the marks. */
  firstLine: number;
  lastLine: number;
  /** The lines between the marks, moved to the left as far as they go. */
  text: string;
}

const OPEN = /^\s*(?:\/\/|;|#)\s*#region\s+([\w-]+)\s*$/;
const CLOSE = /^\s*(?:\/\/|;|#)\s*#endregion\b/;
const SOURCE = /\.(?:ts|asm|s)$/;
const LOCK = path.join(DOCS, "regions.lock.json");

function filesUnder(folder: string, test: RegExp): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && test.test(entry.name))
    .map((entry) => path.join(entry.parentPath, entry.name))
    .filter(
      (file) =>
        !/(?:^docs[\\/]lib|[\\/](?:build|node_modules|generated|\.observablehq))[\\/]/.test(
          path.relative(ROOT, file),
        ),
    )
    .sort();
}

function outdent(lines: readonly string[]): string {
  const depths = lines.filter((line) => line.trim()).map((line) => /^\s*/.exec(line)![0].length);
  const depth = Math.min(...depths);
  return lines.map((line) => line.slice(depth)).join("\n");
}

/** Regions of one file; marks that nest, do not close or do not open are errors. */
export function parseRegions(file: string, source: string): Region[] {
  const lines = source.split(/\r?\n/);
  const regions: Region[] = [];
  let open: { name: string; at: number } | undefined;
  lines.forEach((line, at) => {
    const name = OPEN.exec(line)?.[1];
    if (name && open) throw new Error(`${file}:${at + 1}: region ${name} opens inside region ${open.name}`);
    if (name) open = { name, at };
    else if (CLOSE.test(line)) {
      if (!open) throw new Error(`${file}:${at + 1}: #endregion without a #region`);
      const text = outdent(lines.slice(open.at + 1, at));
      regions.push({ name: open.name, path: file, firstLine: open.at + 2, lastLine: at, text });
      open = undefined;
    }
  });
  if (open) throw new Error(`${file}:${open.at + 1}: region ${open.name} is not closed`);
  return regions;
}

/** Every region under src/ by name. A name that occurs twice is an error. */
export function findRegions(): Map<string, Region> {
  const found = new Map<string, Region>();
  for (const file of filesUnder(path.join(ROOT, "src"), SOURCE)) {
    const from = path.relative(ROOT, file).split(path.sep).join("/");
    for (const region of parseRegions(from, readFileSync(file, "utf8"))) {
      const other = found.get(region.name);
      if (other) throw new Error(`region ${region.name} stands twice: ${other.path} and ${region.path}`);
      found.set(region.name, region);
    }
  }
  return found;
}

export interface Quotation {
  name: string;
  /** Page that quotes, from the root of the repository. */
  page: string;
}

/** Every `{{quote name}}` in the pages. */
export function findQuotations(): Quotation[] {
  return filesUnder(DOCS, /\.md$/).flatMap((file) =>
    [...readFileSync(file, "utf8").matchAll(/^\s*\{\{quote\s+([\w-]+)[^}]*\}\}\s*$/gm)].map((match) => ({
      name: match[1],
      page: path.relative(ROOT, file).split(path.sep).join("/"),
    })),
  );
}

export const hashOf = (region: Region): string =>
  createHash("sha256").update(region.text).digest("hex").slice(0, 16);

/** Hash of every quoted region as it was when somebody last read its prose beside it. */
export function readLock(): Record<string, string> {
  return JSON.parse(readFileSync(LOCK, "utf8"));
}

export function writeLock(regions: ReadonlyMap<string, Region>): void {
  const quoted = new Set(findQuotations().map(({ name }) => name));
  const entries = [...regions.values()]
    .filter(({ name }) => quoted.has(name))
    .map((region) => [region.name, hashOf(region)]);
  writeFileSync(LOCK, `${JSON.stringify(Object.fromEntries(entries.sort()), null, 2)}\n`);
}
