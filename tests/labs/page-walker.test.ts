import { describe, expect, it } from "vitest";
import { pageWalker } from "../../labs/page-walker/lab.js";
import { gradedLab, named, provesItself, type Mutant } from "./graded.js";

const lab = gradedLab(pageWalker);
const { gradePart, mutant } = lab;

const FORGET = "tlb.delete(keyOf(false, cpu, bits, linear));";
const ENDS = "if (key.startsWith(own)) tlb.delete(key);";
const INDEX = "const index = (linear >>";

const MUTANTS: Mutant[] = [
  ["the sign of the address is an index", mutant(INDEX, "const index = (linear / 2n >>"), ["walk"]],
  [
    "1 GiB pages are taken for tables",
    mutant("if (level > 1 && !has", "if (level > 2 || level === 2 && !has"),
    ["large"],
  ],
  [
    "rights of the last entry alone count",
    mutant("found.writable &&= has", "found.writable = has"),
    ["faults"],
  ],
  ["CR0.WP is not asked", mutant(" || (cpu.cr0 & CR0_WP) === 0", ""), ["faults"]],
  ["bits 62:52 are reserved", mutant("0x000f_ff80_0000_0000n", "0x7fff_ff80_0000_0000n"), ["reserved"]],
  ["PS of a PML4 entry is ignored", mutant("return level === 4 ||", "return level < 4 &&"), ["reserved"]],
  [
    "a read makes a page dirty",
    mutant("BigInt(write && i === last", "BigInt(i === last"),
    ["accessed-dirty"],
  ],
  [
    "there is no TLB",
    mutant("tlb.set(keyOf(global, cpu, OFFSET_BITS[level], linear), found);", "void global;"),
    ["hits"],
  ],
  [
    "INVLPG takes one piece of a large page",
    mutant(FORGET, `if (bits === 12n || linear % 0x20_0000n === 0n) ${FORGET}`),
    ["invalidation"],
  ],
  ["MOV to CR3 ends nothing", mutant(ENDS, "void [key, own];"), ["invalidation"]],
  ["MOV to CR3 ends everything", mutant(ENDS, `${ENDS}\n  tlb.clear();`), ["address-spaces"]],
  ["PCIDs are ignored", mutant("!== 0 ? cpu.cr3 & 0xfffn : 0n", "!== 0 ? 1n : 0n"), ["address-spaces"]],
  [
    "global pages outlive INVLPG",
    mutant("tlb.delete(keyOf(true, cpu, bits, linear));", ""),
    ["address-spaces"],
  ],
  [
    "NX of a large page is ignored",
    mutant("found.noExecute ||=", "if (level === 1 || !has(entry, PAGE_LARGE)) found.noExecute ||="),
    ["random"],
  ],
  [
    "the part gives up outside of RAM",
    mutant(
      "if (isReserved(",
      "if (entry + 1n === 1n << 64n) throw new RangeError(`no RAM`);\n    if (isReserved(",
    ),
    ["hostile-guest"],
  ],
  [
    "each entry is read twice",
    mutant(
      "const entry = cpu.readPhysical(address);",
      "const entry = cpu.readPhysical(address) & cpu.readPhysical(address);",
    ),
    ["cost"],
  ],
];

provesItself(lab, { seeds: ["ring1", "another seed"], starter: ["walk"], mutants: MUTANTS });

describe("cheats", () => {
  it.each<[string, string, string[]]>([
    [
      "answers with a page fault of its own making",
      mutant("return walk(cpu, linear, access);", "return -1;"),
      ["walk"],
    ],
    [
      "answers with an object",
      mutant("return walk(cpu, linear, access);", "return { valueOf: () => 0 } as never;"),
      ["walk"],
    ],
  ])("%s", async (_what, part, checks) => {
    expect(named(await gradePart(part), "failed")).toEqual(checks);
  });
});
