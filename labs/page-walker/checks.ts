import { failed, PASSED, type Check, type CheckResult } from "../../src/grading/lab.js";
import type { Workbench } from "../../src/grading/scenario.js";
import { all, hex, lookAtEnd, noReference, whyEnded } from "../judging.js";
import { lineInWords } from "../memory-probe.js";
import type { Step, WalkObserved } from "./part.js";
import {
  pagingResultInWords,
  pagingResults,
  wrongEntry,
  type PagingScenario,
  type WalkLine,
} from "../paging-scripts.js";

type Desk = Workbench<WalkObserved>;

/** Entries of a walk; each may have its flags set. */
const MOST_READS = 4;
const MOST_WRITES = 4;
const MOST_STEPS = 50_000;

/** The checks, in the order in which a student meets them. */
export const CHECKS: readonly Check<WalkObserved>[] = [
  {
    id: "walk",
    title: "Addresses in pages of 4 KiB are translated as the processor does",
    points: 3,
    visibility: "public",
    hints: [
      "Which bits of the linear address are the index of each level?",
      "Bits 47:39, 38:30, 29:21 and 20:12; entries have eight bytes.",
      "Addresses of the upper half have bits 63:48 set: they are part of no index.",
    ],
    run: (bench) => sameAnswers(bench, "walk"),
  },
  {
    id: "large",
    title: "… and in pages of 2 MiB and 1 GiB",
    points: 2,
    visibility: "public",
    dependsOn: ["walk"],
    hints: ["PS is bit 7 of an entry of level 3 or 2. How many bits of the address are the offset then?"],
    run: (bench) => sameAnswers(bench, "large"),
  },
  {
    id: "faults",
    title: "What the entries do not permit raises #PF with the right error code",
    points: 3,
    visibility: "public",
    dependsOn: ["walk"],
    hints: [
      "R/W and U/S have to be 1 at every level, XD 0 at every level.",
      "The error code has P only when every entry was there.",
      "With CR0.WP = 0 ring 0 writes where R/W is 0; ring 3 never does.",
    ],
    run: (bench) => sameAnswers(bench, "faults"),
  },
  {
    id: "reserved",
    title: "Reserved bits raise #PF with RSVD",
    points: 1,
    visibility: "public",
    dependsOn: ["faults", "large"],
    hints: [
      "MAXPHYADDR is 39; bits 62:52 are ignored, not reserved.",
      "An entry without P has no reserved bits.",
      "Bit 12 of a large page's entry is PAT.",
    ],
    run: (bench) => sameAnswers(bench, "reserved"),
  },
  {
    id: "accessed-dirty",
    title: "Accessed and dirty flags become what the processor makes them",
    points: 2,
    visibility: "public",
    dependsOn: ["walk", "large"],
    hints: [
      "Accessed is set in every entry that was used, dirty in the last, and only for a write.",
      "An access that faults sets nothing.",
      "A translation that was cached by a read: is its entry dirty when a write uses it?",
    ],
    run: (bench) => all(sameAnswers(bench, "flags"), sameTables(bench, "flags")),
  },
  {
    id: "hits",
    title: "A translation that is cached costs no memory reference",
    points: 2,
    visibility: "public",
    dependsOn: ["walk", "large"],
    hints: [
      "What permits ring 0 a read may permit ring 3 a write: keep rights with the translation.",
      "INVLPG of one page leaves the others.",
    ],
    run: (bench) => all(sameAnswers(bench, "hits"), cheap(bench, "hits", isHit)),
  },
  {
    id: "invalidation",
    title: "After INVLPG and MOV to CR3 no old translation is used",
    points: 2,
    visibility: "public",
    dependsOn: ["faults", "large"],
    hints: [
      "INVLPG may name any address in a large page, and all of the page goes.",
      "MOV to CR3 ends all translations but global ones.",
    ],
    run: (bench) => sameAnswers(bench, "invalidation"),
  },
  {
    id: "address-spaces",
    title: "Global pages outlive MOV to CR3, and a PCID keeps its translations to itself",
    points: 2,
    visibility: "public",
    dependsOn: ["hits", "invalidation"],
    hints: [
      "G in the last entry, with CR4.PGE, makes a translation everybody's.",
      "With CR4.PCIDE, CR3[11:0] names the address space; bit 63 of what is moved keeps its translations.",
      "INVLPG ends those of the current PCID and global ones.",
    ],
    run: (bench) => all(sameAnswers(bench, "spaces"), cheap(bench, "spaces", isHit)),
  },
  {
    id: "random",
    title: "Two hundred accesses through random tables go as on the processor",
    points: 1,
    visibility: "hidden",
    dependsOn: ["reserved", "accessed-dirty", "invalidation"],
    hints: ["Combinations of what the public checks try one by one."],
    run: (bench) => all(sameAnswers(bench, "random"), sameTables(bench, "random")),
  },
  {
    id: "hostile-guest",
    title: "Tables that lead nowhere or into themselves are walked like any others",
    points: 1,
    visibility: "hidden",
    dependsOn: ["reserved", "accessed-dirty"],
    hints: ["Where there is no RAM, memory reads as all ones.", "A table may be its own child."],
    run: (bench) => sameAnswers(bench, "hostile"),
  },
  {
    id: "cost",
    title: "A walk reads each entry once, and writes only what changes",
    points: 1,
    visibility: "hidden",
    dependsOn: ["hits"],
    hints: ["Four levels are four references.", "An entry whose flags are set already is not written."],
    run: (bench) => all(cheap(bench, "walk"), cheap(bench, "random"), cheap(bench, "flags")),
  },
];

/** Every line comes out on the part as on the processor. */
async function sameAnswers(bench: Desk, id: string): Promise<CheckResult> {
  const scenario = (await bench.scenario(id)) as PagingScenario;
  const run = await bench.run(id);
  const expected = pagingResults(run, scenario);
  if (expected.length < scenario.script.length) return noReference(run);
  const look = lookAtEnd(run);
  for (const [i, step] of scenario.script.entries()) {
    const got = run.observed.steps[i];
    if (got === undefined)
      return failed(`The part stopped at ${lineInWords(step)}: ${whyEnded(run)}`, { look });
    const words = [expected[i], got].map((result) => pagingResultInWords(step, result));
    if (words[0] !== words[1])
      return failed(`Another answer than the processor's for ${lineInWords(step)}.`, {
        expected: words[0],
        actual: words[1],
        look,
      });
  }
  return PASSED;
}

/** The tables are in the end as the processor has left them. */
async function sameTables(bench: Desk, id: string): Promise<CheckResult> {
  const scenario = (await bench.scenario(id)) as PagingScenario;
  const run = await bench.run(id);
  const part = { memory: run.observed.memory.subarray(scenario.capture!.address) };
  const wrong = wrongEntry(scenario, run, part);
  if (wrong === null) return PASSED;
  const { at, ...values } = wrong;
  const look = lookAtEnd(run);
  return failed(`In the end the entry at ${hex(at)} is another one than the processor's.`, {
    ...values,
    look,
  });
}

const isHit = ({ references }: WalkLine): boolean => references === 0;

async function cheap(
  bench: Desk,
  id: string,
  selects: (step: WalkLine) => boolean = () => true,
): Promise<CheckResult> {
  const { script } = (await bench.scenario(id)) as PagingScenario;
  const run = await bench.run(id);
  for (const [i, step] of run.observed.steps.entries()) {
    const found = selects(script[i]) ? dear(script[i], step) : null;
    if (found !== null)
      return failed(`${lineInWords(script[i])} is expensive.`, { ...found, look: lookAtEnd(run) });
  }
  return PASSED;
}

function dear(
  { references }: WalkLine,
  { reads, writes, steps }: Step,
): { expected: string; actual: string } | null {
  const most = references ?? MOST_READS;
  if (reads > most) return { expected: `at most ${most} reads of memory`, actual: `${reads}` };
  const mostWrites = references ?? MOST_WRITES;
  if (writes > mostWrites) return { expected: `at most ${mostWrites} writes to memory`, actual: `${writes}` };
  return steps > MOST_STEPS ? { expected: `at most ${MOST_STEPS} steps`, actual: `${steps}` } : null;
}
