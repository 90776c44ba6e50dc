import { lstatSync, readlinkSync, symlinkSync, unlinkSync } from "node:fs";
import path from "node:path";
import { DOCS, ROOT } from "./paths.js";

/** `docs/lib → ../src`: Framework refuses imports above its root. A junction needs no privilege on Windows. */
export function linkSource(): void {
  const link = path.join(DOCS, "lib");
  const target = path.join(ROOT, "src");
  const existing = lstatSync(link, { throwIfNoEntry: false });
  if (existing?.isSymbolicLink()) {
    if (path.resolve(DOCS, readlinkSync(link)) === target) return;
    unlinkSync(link);
  } else if (existing) {
    throw new Error(`${link} is in the way: it has to become a link to src/. Remove it.`);
  }
  symlinkSync(process.platform === "win32" ? target : path.join("..", "src"), link, "junction");
}
