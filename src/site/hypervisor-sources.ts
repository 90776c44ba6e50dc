import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { GENERATED, ROOT } from "./paths.js";

/** Folders whose types a part of the hypervisor can meet. */
const FOLDERS = ["src/spec", "src/trace", "src/machine", "src/hypervisor"];

/**
 * Writes the sources that the editor checks a reader's code against, `{ "src/hypervisor/vcpu.ts": "…", … }`; the same
 * file gives the editor what it opens.
 */
export function writeHypervisorSources(): void {
  const sources: Record<string, string> = {};
  for (const folder of FOLDERS) {
    for (const entry of readdirSync(path.join(ROOT, folder), { withFileTypes: true, recursive: true })) {
      const file = path.join(entry.parentPath, entry.name);
      if (!entry.isFile() || !entry.name.endsWith(".ts") || /[\\/]build[\\/]/.test(file)) continue;
      sources[path.relative(ROOT, file).split(path.sep).join("/")] = readFileSync(file, "utf8");
    }
  }
  const target = path.join(GENERATED, "hypervisor-sources.json");
  const text = JSON.stringify(sources);
  if (!existsSync(target) || readFileSync(target, "utf8") !== text) writeFileSync(target, text);
}
