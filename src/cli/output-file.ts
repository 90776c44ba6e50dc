import { writeFileSync } from "node:fs";
import { UsageError } from "./usage-error.js";

/**
 * Writes a file that the user asked for.
 * @throws UsageError that names the file and what is wrong with it
 */
export function writeOutput(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw new UsageError(`cannot write ${file}: ${systemWords(error)}`);
  }
}

const WORDS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EISDIR: "it is a directory",
  ENOENT: "no such file or directory",
  ENOSPC: "no space left on the device",
  ENOTDIR: "a part of the path is not a directory",
  EROFS: "the file system is read-only",
};

/** What a failed file operation means. */
export function systemWords(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return (code === undefined ? undefined : WORDS[code]) ?? message;
}
