import { describe, expect, it } from "vitest";
import { hypercalls } from "../../labs/hypercalls/lab.js";
import { gradedLab, named, provesItself, type Mutant } from "./graded.js";

const lab = gradedLab(hypercalls);
const { gradePart, mutant } = lab;

const WRITE = "domain.writeEntry(entry, value);";
const LET_GO = "letGo(domain, level, old);";
const REQUESTS = "for (const [i, { entry, value }] of requests.entries()) {";

const MUTANTS: Mutant[] = [
  ["entries are never written", mutant(WRITE, ""), ["maps"]],
  ["what is not present is looked at", mutant("if (!has(value, PAGE_PRESENT)) return 0;", ""), ["maps"]],
  [
    "the first request alone counts",
    mutant(REQUESTS, REQUESTS.replace("entries()", "slice(0, 1).entries()")),
    ["batch"],
  ],
  [
    "a refused request ends nothing",
    mutant("if (error !== 0) return error;\n  }", "if (error !== 0) continue;\n  }"),
    ["batch", "foreign"],
  ],
  ["the address has 32 bits", mutant("0x000f_ffff_ffff_f000n", "0xffff_f000n"), ["foreign"]],
  ["any frame holds entries", mutant("if (level === 0 || (entry", "if ((entry"), ["foreign"]],
  ["the hypervisor's entry is the guest's", mutant("if (level === 4 &&", "if (level === 5 &&"), ["foreign"]],
  [
    "a page is writable without a use of it",
    mutant("domain.useWritable(frame)) ?", "frame >= 0) ?"),
    ["batch", "foreign"],
  ],
  ["a table may be mapped writable", mutant("? 0 : ERROR_BUSY", "? 0 : 0"), ["tables"]],
  [
    "a link needs no table",
    mutant(
      "return domain.useTable(frame, level - 1);",
      "return domain.tableLevel(frame) > 0 ? domain.useTable(frame, domain.tableLevel(frame)) : domain.useTable(frame, level - 1);",
    ),
    ["tables"],
  ],
  [
    "large pages lie anywhere",
    mutant("if (large && (value & LARGE_OFFSET) !== 0n) return ERROR_INVALID;", ""),
    ["large"],
  ],
  [
    "large pages lead out of memory",
    mutant("if (large && frame + FRAMES_IN_LARGE > domain.frames) return ERROR_PERMISSION;", ""),
    ["large"],
  ],
  ["nothing is let go", mutant(LET_GO, "void [letGo, old];"), ["large", "let-go", "boots"]],
  [
    "pages of ring 3 are refused",
    mutant(
      "const large = has(",
      "if (level === 1 && has(value, 4)) return ERROR_INVALID;\n  const large = has(",
    ),
    ["boots", "hostile-guest"],
  ],
  ["the count has 53 bits", mutant("count > BigInt(MOST_REQUESTS)", "Number(count) === 2049"), ["lists"]],
  [
    "the list is read as it is carried out",
    mutant(
      REQUESTS,
      `for (let i = 0; i < requests.length; i++) {\n    const at = list + BigInt(16 * i);\n    const [entry, value] = [domain.read64(at)!, domain.read64(at + 8n)!];`,
    ),
    ["lists"],
  ],
  [
    "an aligned global page is let through",
    mutant(
      "if (has(value, PAGE_GLOBAL)) return ERROR_INVALID;",
      "if (has(value, PAGE_GLOBAL) && level === 1) return ERROR_INVALID;",
    ),
    ["hostile-guest"],
  ],
  [
    "the list is read three times",
    mutant(
      "const requests = readList(domain, list, Number(count));",
      "for (let i = 0; i < 12; i++) readList(domain, list, Number(count));\n  const requests = readList(domain, list, Number(count));",
    ),
    ["cost"],
  ],
];

provesItself(lab, { seeds: ["ring1", "another seed"], starter: ["maps"], mutants: MUTANTS });

describe("cheats", () => {
  it.each<[string, string, string[]]>([
    [
      "writes into the hypervisor",
      mutant(WRITE, `try { domain.writeEntry(0x1_0000n, 0n); } catch { /* refused */ }\n  ${WRITE}`),
      [],
    ],
    [
      "says that all was done",
      mutant(
        "const requests = readList",
        "domain.done(Number(count));\n  if (count > 0n) return 0;\n  const requests = readList",
      ),
      ["maps"],
    ],
    [
      "drops what is not used",
      mutant(
        LET_GO,
        `${LET_GO}\n  for (let i = 0; i < 8; i++) try { domain.dropTable(i); domain.dropWritable(i); } catch { /* refused */ }`,
      ),
      ["cost"],
    ],
  ])("%s", async (_what, part, checks) => {
    expect(named(await gradePart(part), "failed")).toEqual(checks);
  });
});
