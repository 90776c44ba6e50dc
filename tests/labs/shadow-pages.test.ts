import { describe, expect, it } from "vitest";
import { shadowPages } from "../../labs/shadow-pages/lab.js";
import { gradedLab, named, provesItself, type Mutant } from "./graded.js";

const lab = gradedLab(shadowPages);
const { gradePart, mutant } = lab;

const FILL = "fill(shadow, linear, walk);";
const TABLES = "(!walk.writable || isTable.has(walk.page))";
const CLEAR = "for (const entry of madeFrom.get(at) ?? []) shadow.write64(entry, 0n);";

const MUTANTS: Mutant[] = [
  ["nothing is filled", mutant(FILL, "void fill;"), ["fills"]],
  [
    "large pages begin where the address does",
    mutant("table - (table % bytes) + offset - (offset % PAGE_BYTES)", "table + (offset % PAGE_BYTES)"),
    ["fills"],
  ],
  [
    "the error code is the shadow's",
    mutant("return access | walk;", "return errorCode;"),
    ["random", "hostile-guest"],
  ],
  ["CR0.WP is not asked", mutant(" || (cr0 & CR0_WP) === 0", ""), ["reflects"]],
  [
    "accessed flags of upper entries are not set",
    mutant(
      "if ((step.entry & BigInt(flags)) === BigInt(flags)) continue;",
      "if (i < 2 || (step.entry & BigInt(flags)) === BigInt(flags)) continue;",
    ),
    ["flags"],
  ],
  [
    "clean pages are writable",
    mutant("last && !has(entry, PAGE_DIRTY)", "last && entry === 0n"),
    ["flags", "never-more"],
  ],
  ["entries are never made anew", mutant(CLEAR, ""), ["flags", "sync"]],
  [
    "tables can be written unseen",
    mutant("isTable.add(guest);", "").replace(TABLES, "!walk.writable"),
    ["flags", "sync"],
  ],
  [
    "the kernel's second page is refused",
    mutant(
      "return access | FAULT_PRESENT;",
      "return access | FAULT_PRESENT;\n  if (walk.page === 0x12_4000) return 0;",
    ),
    ["boots"],
  ],
  ["the shadow is executable", mutant("(ALL_RIGHTS | NO_EXECUTE)", "ALL_RIGHTS"), ["reflects"]],
  [
    "pages stay writable as tables",
    mutant("shadow.write64(entry, shadow.read64(entry) & ~WRITABLE);", "void entry;"),
    ["never-more"],
  ],
  [
    "bits above the physical are ignored",
    mutant("if ((entry & ABOVE_PHYSICAL) !== 0n) return true;", ""),
    ["random", "hostile-guest"],
  ],
  ["no RAM, no answer", mutant('? "refused" : "emulate"', '? "refused" : access'), ["hostile-guest"]],
  [
    "every fault flushes, many times",
    mutant(FILL, `for (let i = 0; i < 60; i++) shadow.flush();\n  ${FILL}`),
    ["cost"],
  ],
];

provesItself(lab, { seeds: ["ring1", "another seed"], starter: ["fills"], mutants: MUTANTS });

describe("cheats", () => {
  it.each<[string, string, string[]]>([
    [
      "gives the guest the hypervisor's memory",
      mutant(
        "BigInt(shadow.machineOf(page)) |",
        "BigInt(page < 0x40_0000 ? shadow.machineOf(page) : 0x1_0000) |",
      ),
      ["fills"],
    ],
    [
      "permits everything once",
      mutant("rights | BigInt(PAGE_DIRTY)", "ALL_RIGHTS | BigInt(PAGE_DIRTY)"),
      ["reflects", "flags"],
    ],
    [
      "names a table of its own choice",
      mutant("return shadowOf(shadow, Number(shadow.cr3 & ADDRESS), 4);", "return 0x1_0000;"),
      ["fills"],
    ],
  ])("%s", async (_what, part, checks) => {
    expect(named(await gradePart(part), "failed")).toEqual(checks);
  });
});
