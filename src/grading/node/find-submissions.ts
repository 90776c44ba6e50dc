import { existsSync, lstatSync, readdirSync } from "node:fs";
import path from "node:path";

/** Something that was handed in: a file with a part in it, or why there is none. */
export interface FoundSubmission {
  /** Name of the file without its extension, or of the folder. */
  name: string;
  file: string | null;
  reason: string | null;
}

/** A path that names nothing that can be graded: the one who typed it has to look. */
export class PathError extends Error {
  override readonly name = "PathError";
}

/** Names of files that may hold a part. */
export const PART = /\.(ts|mts|js|mjs)$/;

/**
 * What a path of the command line names: a file; a lab's folder, with its starter and its solution; or a folder of
 * submissions, each a file or a folder with one file in it.
 */
export function findSubmissions(given: string): FoundSubmission[] {
  if (!existsSync(given)) throw new PathError(`${given}: no such file or folder`);
  if (!lstatSync(given).isDirectory()) return [fileSubmission(given)];
  if (existsSync(path.join(given, "lab.ts"))) {
    return ["starter.ts", "solution.ts"].map((name) => fileSubmission(path.join(given, name)));
  }
  const found = entriesOf(given).flatMap((entry) => {
    const full = path.join(given, entry.name);
    if (entry.isDirectory()) return [folderSubmission(full)];
    return PART.test(entry.name) ? [fileSubmission(full)] : [];
  });
  if (found.length === 0)
    throw new PathError(`${given}: the folder has no submissions (files *.ts or *.js, or folders with one)`);
  return found;
}

function fileSubmission(file: string): FoundSubmission {
  return { name: path.basename(file).replace(PART, ""), file, reason: null };
}

function folderSubmission(folder: string): FoundSubmission {
  const name = path.basename(folder);
  const files = entriesOf(folder).filter((entry) => !entry.isDirectory() && PART.test(entry.name));
  const chosen = files.length === 1 ? files[0] : files.find((entry) => entry.name === "part.ts");
  if (chosen) return { name, file: path.join(folder, chosen.name), reason: null };
  if (files.length === 0) return { name, file: null, reason: "the folder has no *.ts or *.js file" };
  const names = files.map((entry) => entry.name).join(", ");
  return { name, file: null, reason: `the folder has several files (${names}) and none is called part.ts` };
}

/** In the order of their names, the same on every system; hidden files and dependencies left out. */
function entriesOf(folder: string): ReturnType<typeof readEntries> {
  return readEntries(folder)
    .filter((entry) => !entry.name.startsWith(".") && entry.name !== "node_modules")
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function readEntries(folder: string) {
  return readdirSync(folder, { withFileTypes: true });
}
