import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findSubmissions } from "../../src/grading/node/find-submissions.js";
import { MOST_BYTES, readPart } from "../../src/grading/node/read-part.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), "ring1-files-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function put(name: string, content: string | Uint8Array = "export {};"): string {
  const file = path.join(folder, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, content);
  return file;
}

describe("reading a submission", () => {
  it("takes UTF-8 text, with or without a byte-order mark", () => {
    expect(readPart(put("a.ts", "const ä = 1;"))).toEqual({ ok: true, source: "const ä = 1;" });
    expect(readPart(put("b.ts", "\ufeffconst a = 1;"))).toEqual({ ok: true, source: "const a = 1;" });
  });

  it.each<[string, string | Uint8Array, string]>([
    ["an empty file", " \n", "the file is empty"],
    ["Latin-1", Uint8Array.of(0x2f, 0x2f, 0xe4), "the file is not UTF-8 text"],
    ["a binary", "a\0b", "the file is not text: it has a NUL character"],
    [
      "a large file",
      "x".repeat(MOST_BYTES + 1),
      `the file has ${MOST_BYTES + 1} bytes; at most ${MOST_BYTES} are read`,
    ],
  ])("refuses %s", (_what, content, reason) => {
    expect(readPart(put("a.ts", content))).toEqual({ ok: false, reason });
  });

  it("refuses what is no file, and follows no link", () => {
    put("solution.ts");
    symlinkSync(path.join(folder, "solution.ts"), path.join(folder, "link.ts"));
    expect(readPart(path.join(folder, "link.ts"))).toEqual({
      ok: false,
      reason: "the file is a symbolic link",
    });
    expect(readPart(folder)).toEqual({ ok: false, reason: "it is not a file" });
    expect(readPart(path.join(folder, "none.ts"))).toEqual({
      ok: false,
      reason: "the file cannot be read (ENOENT)",
    });
  });
});

describe("finding submissions", () => {
  const names = (given: string): string[] =>
    findSubmissions(given).map(({ name, reason }) => `${name}${reason ? `: ${reason}` : ""}`);

  it("takes a file", () => {
    expect(findSubmissions(put("ada.ts"))).toEqual([
      { name: "ada", file: path.join(folder, "ada.ts"), reason: null },
    ]);
  });

  it("takes a folder of files and folders, in the order of their names", () => {
    put("zoe.ts");
    put("ada/part.ts");
    put("ada/notes.ts");
    put("bob/work.js");
    put("cem/readme.txt");
    put("dan/a.ts");
    put("dan/b.ts");
    put("grades.csv");
    put(".hidden.ts");
    put("node_modules/x.ts");
    expect(names(folder)).toEqual([
      "ada",
      "bob",
      "cem: the folder has no *.ts or *.js file",
      "dan: the folder has several files (a.ts, b.ts) and none is called part.ts",
      "zoe",
    ]);
  });

  it("takes a lab's folder for its starter and solution", () => {
    expect(names("labs/cpuid-msr")).toEqual(["starter", "solution"]);
  });

  it("complains about a path that names nothing", () => {
    expect(() => findSubmissions(path.join(folder, "none"))).toThrow(/none: no such file or folder$/);
    expect(() => findSubmissions(folder)).toThrow(/the folder has no submissions/);
  });
});
