import path from "node:path";
import { fileURLToPath } from "node:url";

/** Root of the repository. */
export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

export const DOCS = path.join(ROOT, "docs");

/** Files that the prepare script makes; git ignores them. */
export const GENERATED = path.join(DOCS, "components", "generated");

export const DIST = path.join(ROOT, "dist");

/** Relative address from one page of the site to a path from its root: works under any sub-path. */
export function relativeTo(page: string, target: string): string {
  const depth = page.split("/").length - 2;
  return (depth > 0 ? "../".repeat(depth) : "./") + target.replace(/^\//, "");
}
