import { describe, expect, it } from "vitest";
import { eptViolations } from "../../labs/ept-violations/lab.js";
import { gradedLab, named, provesItself, type Mutant } from "./graded.js";

const lab = gradedLab(eptViolations);
const { gradePart, mutant } = lab;

const OUTSIDE = "if (page >= ept.ramBytes)";
const ALLOT = "const frame = ept.allot(page);";
const LEAF = "BigInt(frame) | BigInt(EPT_MEMORY_TYPE_WB) | ALL_RIGHTS";
const INVEPT = "if (dirty > 0) ept.invept();";
const COLLECT = "let dirty = 0;";

const MUTANTS: Mutant[] = [
  ["the entry is never written", mutant(`ept.write64(entry, ${LEAF});`, ""), ["mapped"]],
  ["the last level takes the wrong bits", mutant("(table, page, 1)", "(table, page, 2)"), ["mapped"]],
  ["the page is uncached", mutant("BigInt(EPT_MEMORY_TYPE_WB) |", ""), ["entries"]],
  [
    "data is not executable",
    mutant(LEAF, `${LEAF.replace("ALL_RIGHTS", "(page < 0x40_0000 ? ALL_RIGHTS : 3n)")}`),
    ["entries"],
  ],
  [
    "a page of the kernel's is refused",
    mutant(OUTSIDE, `if (page === 0x12_4000) return "refused";\n  ${OUTSIDE}`),
    ["boots"],
  ],
  [
    "the page before is allotted too",
    mutant(ALLOT, `${ALLOT}\n  if (page > 0) ept.allot(page - 4096);`),
    ["on-demand"],
  ],
  ["what is outside is refused", mutant('"refused" : "emulate"', '"refused" : "refused"'), ["outside"]],
  ["all mapped pages are dirty", mutant("if ((value & DIRTY) === 0n) continue;", ""), ["dirty"]],
  ["the flag stays", mutant("ept.write64(entry, value & ~DIRTY);", ""), ["dirty"]],
  ["no INVEPT", mutant(INVEPT, ""), ["dirty-again"]],
  [
    "INVEPT in the first rounds only",
    mutant(INVEPT, "if (dirty > 0 && rounds++ < 4) ept.invept();").replace(
      "const mapped:",
      "let rounds = 0;\nconst mapped:",
    ),
    ["rounds"],
  ],
  [
    "addresses have 32 bits",
    mutant("address - (address % PAGE_BYTES)", "(address & ~4095) >>> 0"),
    ["hostile-guest"],
  ],
  ["code outside is emulated", mutant('? "refused"', '? "emulate"'), ["hostile-guest"]],
  ["INVEPT at every violation", mutant('return "mapped";', 'ept.invept();\n  return "mapped";'), ["cost"]],
  [
    "tables without use",
    mutant(ALLOT, `if (page % 0x10_0000 === 0) ept.allocateTable();\n  ${ALLOT}`),
    ["cost"],
  ],
];

provesItself(lab, { seeds: ["ring1", "another seed"], starter: ["mapped"], mutants: MUTANTS });

describe("cheats", () => {
  it.each<[string, string, string[]]>([
    [
      "writes to the hypervisor's memory",
      mutant(ALLOT, `${ALLOT}\n  try { ept.write64(0x1_0000, -1n); } catch { /* refused */ }`),
      [],
    ],
    [
      "gives the guest the hypervisor's memory",
      mutant("BigInt(frame) |", "BigInt(page < 0x40_0000 ? frame : 0x1_0000) |"),
      ["entries", "dirty"],
    ],
    [
      "reports every page of RAM",
      mutant(COLLECT, `for (let at = 0; at < ept.ramBytes; at += 4096) ept.report(at);\n  ${COLLECT}`),
      ["dirty"],
    ],
  ])("%s", async (_what, part, checks) => {
    expect(named(await gradePart(part), "failed")).toEqual(checks);
  });
});
