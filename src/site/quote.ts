import { findRegions, type Region } from "./regions.js";
import { relativeTo } from "./paths.js";

/** Layer whose colour marks the gutter, by the folder under src/. */
const LAYERS: Record<string, string> = {
  hypervisor: "ring-hv",
  guests: "ring-0",
  cpu: "hardware",
  machine: "hardware",
  spec: "hardware",
};

const escape = (text: string): string =>
  text.replace(/[&<>$]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", $: "&#36;" })[c]!);

/** Path of the API reference's page for a module; AssemblyScript and assembly have none. */
export function apiPath(region: Pick<Region, "path">): string | undefined {
  const match = /^src\/((?!cpu\/|site\/).+)\.ts$/.exec(region.path);
  return match ? `/api/modules/${match[1].replaceAll("/", "_")}.html` : undefined;
}

/**
 * `{{quote name}}` or `{{quote name part=CPUID}}`: the region as it stands in the file that runs, with its path, its
 * lines and a link into the API reference. With `part` a reader may edit it and run the hypervisor with the result:
 * components/source.ts opens the editor and tells the page's machine. By the number of lines and columns a slide chooses the size.
 */
export function renderQuote(words: readonly string[], page: string): string {
  const [name, ...options] = words;
  const region = findRegions().get(name);
  if (!region) throw new Error(`${page} quotes ${name}, but no region under src/ has that name`);
  const part = options.map((option) => /^part=(.+)$/.exec(option)?.[1]).find(Boolean);
  const layer = LAYERS[region.path.split("/")[1]] ?? "hardware";
  const lines = `lines ${region.firstLine}–${region.lastLine}`;
  const api = apiPath(region);
  const link = api ? `<a href="${relativeTo(page, api)}" rel="external">reference</a>` : "";
  const language = region.path.endsWith(".ts") ? "ts" : "x86asm";
  const data = `data-region="${region.name}" data-path="${region.path}" data-first-line="${region.firstLine}" data-last-line="${region.lastLine}"`;
  const text = region.text.split("\n");
  const size = `style="--lines: ${text.length}; --columns: ${Math.max(...text.map((line) => line.length))}"`;
  const edit = part
    ? `<div class="quote-tools"><button class="button edit-source" type="button">Edit and run</button></div>`
    : "";
  return `<div class="quote" id="quote-${name}" role="group" aria-label="${region.path}, ${lines}" data-layer="${layer}" ${data}${part ? ` data-part="${part}"` : ""}><div class="quote-head"><span class="quote-path">${region.path}</span><span>${lines}</span>${link}</div><pre tabindex="0" ${size}><code class="language-${language}">${escape(region.text)}</code></pre>${edit}</div>`;
}
