import { lstatSync, readFileSync } from "node:fs";

/** The largest file that is taken for a part, bytes. The shipped hypervisor has none of a tenth of it. */
export const MOST_BYTES = 256 * 1024;

/** The text of a submission, or why there is none. */
export type PartText = { ok: true; source: string } | { ok: false; reason: string };

/**
 * Reads a submitted file as it is: no links are followed, and nothing is guessed about its encoding.
 */
export function readPart(file: string): PartText {
  try {
    const status = lstatSync(file);
    if (status.isSymbolicLink()) return { ok: false, reason: "the file is a symbolic link" };
    if (!status.isFile()) return { ok: false, reason: "it is not a file" };
    if (status.size > MOST_BYTES) {
      return { ok: false, reason: `the file has ${status.size} bytes; at most ${MOST_BYTES} are read` };
    }
    return decode(readFileSync(file));
  } catch (error) {
    return {
      ok: false,
      reason: `the file cannot be read (${(error as NodeJS.ErrnoException).code ?? "unknown error"})`,
    };
  }
}

function decode(bytes: Uint8Array): PartText {
  try {
    const source = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    if (source.trim() === "") return { ok: false, reason: "the file is empty" };
    if (source.includes("\0")) return { ok: false, reason: "the file is not text: it has a NUL character" };
    return { ok: true, source };
  } catch {
    return { ok: false, reason: "the file is not UTF-8 text" };
  }
}
