import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));

/** What each layer may import besides itself; `docs`, `labs` and `src/site` stand on top and may import any engine layer. */
const ALLOWED: Record<string, readonly string[]> = {
  "src/spec": [],
  "src/cpu": ["src/spec"],
  "src/machine": ["src/spec", "src/trace"],
  "src/trace": ["src/spec"],
  "src/guests": ["src/spec"],
  "src/hypervisor": ["src/spec", "src/trace", "src/machine"],
  "src/experiments": ["src/spec", "src/trace", "src/machine", "src/hypervisor", "src/guests"],
  "src/grading": [
    "src/spec",
    "src/trace",
    "src/machine",
    "src/hypervisor",
    "src/guests",
    "src/experiments",
    "labs",
  ],
  "src/cli": [
    "src/spec",
    "src/trace",
    "src/machine",
    "src/hypervisor",
    "src/guests",
    "src/experiments",
    "src/grading",
  ],
  // The table of the processor says what tests exercise: it is made from them.
  "src/site": ["src/spec", "src/cpu", "src/guests", "src/hypervisor", "docs", "tests"],
  labs: [
    "src/spec",
    "src/trace",
    "src/machine",
    "src/hypervisor",
    "src/guests",
    "src/experiments",
    "src/grading",
  ],
  docs: [
    "src/spec",
    "src/trace",
    "src/machine",
    "src/hypervisor",
    "src/guests",
    "src/experiments",
    "src/grading",
    "labs",
  ],
};

/** Folders under src/machine that meet only at interfaces that src/machine itself owns. */
const SIBLINGS = ["src/machine/chipset", "src/machine/devices", "src/machine/iommu"];

const IMPORT =
  /^(?:import|export)\s+(?:type\s+)?(?:[^"';`(]*?\sfrom\s+)?["'](\.[^"']+)["']|import\(\s*["'](\.[^"']+)["']\s*\)/gm;

function sources(folder: string): string[] {
  return readdirSync(path.join(root, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)))
    .filter((file) => !/(^|\/)(build|generated|lib|\.observablehq|node_modules)\//.test(file));
}

function layerOf(file: string): string {
  const [top, second] = file.split(path.sep);
  return top === "src" ? `src/${second}` : top;
}

/** Relative imports of a file as paths from the root, type-only and dynamic ones included; a template's as in build/. */
function importsOf(file: string): string[] {
  const text = readFileSync(path.join(root, file), "utf8");
  const folder = file.endsWith(".template.ts") ? path.join(path.dirname(file), "build") : path.dirname(file);
  return [...text.matchAll(IMPORT)].map((match) => {
    const target = path.normalize(path.join(folder, match[1] ?? match[2]));
    return target.replace(/^docs\/lib\//, "src/").replace(/\.js$/, ".ts");
  });
}

const files = ["src", "docs", "labs"].flatMap(sources);
const graph = new Map(files.map((file) => [file, importsOf(file)]));

describe("layers", () => {
  it("has files to look at", () => {
    expect(files.length).toBeGreaterThan(50);
  });

  it("imports go one way", () => {
    const wrong: string[] = [];
    for (const [file, targets] of graph) {
      const from = layerOf(file);
      expect(Object.keys(ALLOWED), file).toContain(from);
      for (const target of targets) {
        const to = layerOf(target);
        if (to !== from && !ALLOWED[from].includes(to)) wrong.push(`${file} imports ${target}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it("chipset, devices and iommu do not import one another", () => {
    const folder = (file: string): string | undefined =>
      SIBLINGS.find((prefix) => file.startsWith(`${prefix}/`));
    const wrong: string[] = [];
    for (const [file, targets] of graph) {
      for (const target of targets) {
        if (folder(file) && folder(target) && folder(file) !== folder(target))
          wrong.push(`${file} imports ${target}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it("has no cycles outside AssemblyScript, whose modules are one compilation unit", () => {
    const state = new Map<string, "open" | "done">();
    const cycles: string[] = [];
    const resolve = (target: string): string | undefined =>
      [target, `${target}.ts`, path.join(target, "index.ts")].find((candidate) => graph.has(candidate));
    const visit = (file: string, trail: string[]): void => {
      if (state.get(file) === "done") return;
      if (state.get(file) === "open") {
        cycles.push([...trail.slice(trail.indexOf(file)), file].join(" → "));
        return;
      }
      state.set(file, "open");
      for (const target of graph.get(file)!.map(resolve)) if (target) visit(target, [...trail, file]);
      state.set(file, "done");
    };
    for (const file of files) if (!file.startsWith("src/cpu/")) visit(file, []);
    expect(cycles).toEqual([]);
  });
});
