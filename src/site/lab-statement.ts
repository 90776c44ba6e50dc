import { readFileSync } from "node:fs";
import path from "node:path";
import MarkdownIt from "markdown-it";
import { ROOT } from "./paths.js";

/** `{{lab-statement cpuid-msr}}`: the statement of a lab as it stands beside its checks, without its title. */
export function renderLabStatement([id]: readonly string[]): string {
  const text = readFileSync(path.join(ROOT, "labs", id, "statement.md"), "utf8").replace(/^# .*\n/, "");
  // An instance of its own: in Framework's, fences of code would be live.
  return `<div class="lab-statement">${new MarkdownIt({ html: false }).render(text)}</div>`;
}
