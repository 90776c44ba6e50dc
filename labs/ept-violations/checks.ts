import { failed, PASSED, type Check, type CheckResult } from "../../src/grading/lab.js";
import type { Workbench } from "../../src/grading/scenario.js";
import { all, boots, hex, lookAt, lookAtEnd, noReference, whyEnded } from "../judging.js";
import { lineInWords, readResults, resultInWords } from "../memory-probe.js";
import type { Collection, EptObserved, Violation } from "./part.js";
import { SCRIPT_MEMORY, type ScriptScenario } from "./scenarios.js";

type Desk = Workbench<EptObserved>;

/** What one violation may cost: the solution makes at most ten calls. */
const MOST_CALLS = 24;
const MOST_STEPS = 50_000;
/** … and a collection, for each page that is mapped. */
const MOST_CALLS_PER_PAGE = 4;

/** The checks, in the order in which a student meets them. */
export const CHECKS: readonly Check<EptObserved>[] = [
  {
    id: "mapped",
    title: "An access to RAM gets its translation, and the guest goes on",
    points: 3,
    visibility: "public",
    hints: [
      "Four levels lead to a page. What does an entry of zero mean, and what has to be there instead?",
      "A frame of ept.allocateTable() is zeroed: an entry that leads to it permits reading, writing and executing.",
      "The last entry holds what ept.allot(page) returns, a memory type and the rights.",
    ],
    run: (bench) => results(bench, "lessons", { outside: false }),
  },
  {
    id: "entries",
    title: "Every entry is as the manual has it, and leads to what is the guest's",
    points: 3,
    visibility: "public",
    dependsOn: ["mapped"],
    hints: [
      "An entry that leads to a table has no memory type (SDM Vol. 3, tables 29-1 to 29-6).",
      "Write-back is 6, in bits 5:3 of the last entry.",
    ],
    run: (bench) => soundTables(bench, "lessons"),
  },
  {
    id: "boots",
    title: "The small kernel boots on your tables and powers off",
    points: 2,
    visibility: "public",
    dependsOn: ["mapped"],
    hints: ["The kernel faults in pages all over the first MiB and behind it. Which of them fails?"],
    run: boots,
  },
  {
    id: "on-demand",
    title: "A page takes memory when it is touched, not before and not twice",
    points: 2,
    visibility: "public",
    dependsOn: ["mapped"],
    hints: ["One violation names one page.", "Count your calls of ept.allot."],
    run: (bench) => all(onDemand(bench, "lessons"), onDemand(bench, "boot")),
  },
  {
    id: "outside",
    title: "What is no RAM is emulated and never mapped",
    points: 2,
    visibility: "public",
    dependsOn: ["mapped"],
    hints: [
      "Where does RAM end? ept.ramBytes is the first address behind it.",
      "Device registers and nothing at all look alike from here: the hypervisor's emulation knows the difference.",
    ],
    run: (bench) => all(answers(bench, "lessons"), results(bench, "lessons", { outside: true })),
  },
  {
    id: "dirty",
    title: "Pages that the guest has written are reported, and no others",
    points: 3,
    visibility: "public",
    dependsOn: ["mapped"],
    hints: [
      "The processor sets bit 9 of the last entry when it writes through it.",
      "A flag that stays set says nothing about the next round.",
    ],
    run: (bench) => dirtyPages(bench, "lessons", firstTime),
  },
  {
    id: "dirty-again",
    title: "A page that is written in the next round too is reported again",
    points: 2,
    visibility: "public",
    dependsOn: ["dirty"],
    hints: [
      "After you have cleared a dirty flag: does the processor look at the entry when the guest writes the page again?",
      "It has the translation in its TLB, dirty. SDM Vol. 3, 29.3.5 and 29.4.3.3.",
    ],
    run: (bench) => dirtyPages(bench, "lessons", always),
  },
  {
    id: "rounds",
    title: "Twelve rounds over the same pages lose no write",
    points: 1,
    visibility: "hidden",
    dependsOn: ["entries", "dirty-again"],
    hints: ["Every page that was written since the last collection has to be in the next one."],
    run: (bench) => all(soundTables(bench, "rounds"), dirtyPages(bench, "rounds", always)),
  },
  {
    id: "hostile-guest",
    title: "A guest that reaches beyond its memory finds nothing, and code there ends it",
    points: 1,
    visibility: "hidden",
    dependsOn: ["entries", "outside"],
    hints: [
      "The qualification says whether the access was a fetch.",
      "An address has up to 39 bits here: | and & of JavaScript see 32 of them.",
    ],
    run: (bench) =>
      all(
        answers(bench, "attack"),
        results(bench, "attack", { outside: true }),
        soundTables(bench, "attack"),
        refusedAtLast(bench),
      ),
  },
  {
    id: "cost",
    title: "No violation and no collection costs more than it has to",
    points: 1,
    visibility: "hidden",
    dependsOn: ["dirty"],
    hints: [
      "What was not present is cached nowhere: does a new entry need an INVEPT?",
      "How many entries do you read to find the dirty ones?",
    ],
    run: (bench) => all(cheap(bench, "boot"), cheap(bench, "rounds")),
  },
];

/** What the guest saw is what it sees on the hypervisor's own tables; addresses outside RAM are another check's. */
async function results(
  bench: Desk,
  scenario: string,
  { outside }: { outside: boolean },
): Promise<CheckResult> {
  const { script, ramBytes } = (await bench.scenario(scenario)) as ScriptScenario;
  const [run, reference] = [await bench.run(scenario), await bench.reference(scenario)];
  const [seen, expected] = [readResults(run, script), readResults(reference, script)];
  // A hostile script ends with a fetch from nowhere.
  const lines = script.filter(
    ({ kind, operand }, i) => i < script.length - 1 || kind !== "fetch" || operand < ramBytes,
  );
  if (expected.length < lines.length) return noReference(reference);
  for (const [i, step] of lines.entries()) {
    if (step.operand >= ramBytes && step.kind !== "mark" && !outside) return PASSED;
    if (i >= seen.length)
      return failed(`The guest did not get past ${lineInWords(step)}: ${whyEnded(run)}`, {
        look: lookAtEnd(run),
      });
    const [want, got] = [resultInWords(step, expected[i]), resultInWords(step, seen[i])];
    if (want !== got)
      return failed(`The guest found something else at ${lineInWords(step)}.`, {
        expected: want,
        actual: got,
        look: lookAtEnd(run),
      });
  }
  return PASSED;
}

async function soundTables(bench: Desk, scenario: string): Promise<CheckResult> {
  const { fault } = (await bench.run(scenario)).observed;
  return fault === null ? PASSED : failed(fault.message, { look: lookAt(scenario, fault.moment) });
}

async function onDemand(bench: Desk, scenario: string): Promise<CheckResult> {
  const { violations } = (await bench.run(scenario)).observed;
  const had = new Set<number>();
  for (const { address, allotted, moment } of violations) {
    for (const page of allotted) {
      if (page === pageOf(address) && !had.has(page) && allotted.length === 1) {
        had.add(page);
        continue;
      }
      return failed(
        `At the violation at guest-physical ${hex(address)} the part allotted more than the page needs.`,
        {
          expected: `${hex(pageOf(address))}, once`,
          actual:
            allotted.slice(0, 4).map(hex).join(", ") +
            (allotted.length > 4 ? `, … (${allotted.length})` : ""),
          look: lookAt(scenario, moment),
        },
      );
    }
  }
  return PASSED;
}

/** RAM is mapped, the rest is not. */
async function answers(bench: Desk, scenario: string): Promise<CheckResult> {
  const { ramBytes } = await bench.scenario(scenario);
  const run = await bench.run(scenario);
  for (const { address, answer, moment } of run.observed.violations) {
    if (address < ramBytes === (answer === "mapped")) continue;
    return failed(`The part's answer to a violation at guest-physical ${hex(address)} is wrong.`, {
      expected: address < ramBytes ? `"mapped"` : `"emulate", or "refused" for a fetch`,
      actual: `"${answer}"`,
      look: lookAt(scenario, moment),
    });
  }
  return PASSED;
}

async function refusedAtLast(bench: Desk): Promise<CheckResult> {
  const run = await bench.run("attack");
  const last = run.observed.violations.at(-1);
  if (last?.answer === "refused") return PASSED;
  return failed("The guest executed what lies outside its RAM.", {
    expected: `"refused"`,
    actual: `"${last?.answer}"`,
    look: lookAtEnd(run),
  });
}

/** Of the pages that were written before a collection: those that are judged. */
type Selection = (page: number, earlier: readonly Collection[]) => boolean;
const always: Selection = () => true;
const firstTime: Selection = (page, earlier) => !earlier.some(({ changed }) => changed.includes(page));

async function dirtyPages(bench: Desk, scenario: string, selects: Selection): Promise<CheckResult> {
  const { script } = (await bench.scenario(scenario)) as ScriptScenario;
  const run = await bench.run(scenario);
  const { collections } = run.observed;
  const marks = script.filter(({ kind }) => kind === "mark").length;
  for (const [i, collection] of collections.entries()) {
    const found = wrongReport(collection, (page) => selects(page, collections.slice(0, i)));
    if (found !== null)
      return failed(`Collection ${i + 1}: ${found.message}`, {
        expected: found.expected,
        actual: found.actual,
        look: lookAt(scenario, collection.moment),
      });
  }
  if (collections.length === marks) return PASSED;
  return failed(`Collection ${collections.length + 1} did not come about: ${whyEnded(run)}`, {
    look: lookAtEnd(run),
  });
}

function wrongReport(
  { reported, returned, changed }: Collection,
  selects: (page: number) => boolean,
): { message: string; expected: string; actual: string } | null {
  const lost = changed.find((page) => selects(page) && !reported.includes(page));
  if (lost !== undefined)
    return {
      message: `the page at ${hex(lost)} was written and not reported.`,
      expected: hex(lost),
      actual: listed(reported),
    };
  const extra = reported.find((page) => page >= SCRIPT_MEMORY && !changed.includes(page));
  if (extra !== undefined)
    return {
      message: `the page at ${hex(extra)} was reported and not written.`,
      expected: listed(changed),
      actual: hex(extra),
    };
  const twice = reported.find((page, at) => reported.indexOf(page) !== at);
  if (twice !== undefined)
    return { message: `the page at ${hex(twice)} was reported twice.`, expected: "once", actual: "twice" };
  if (returned === reported.length) return null;
  return { message: "the count is wrong.", expected: `${reported.length}`, actual: `${returned}` };
}

async function cheap(bench: Desk, scenario: string): Promise<CheckResult> {
  const run = await bench.run(scenario);
  const { violations, collections, tables } = run.observed;
  for (const used of violations) {
    const found = dearViolation(used);
    if (found !== null)
      return failed(`The violation at guest-physical ${hex(used.address)} is expensive.`, {
        ...found,
        look: lookAt(scenario, used.moment),
      });
  }
  const pages = violations.filter(({ answer }) => answer === "mapped").length;
  for (const used of collections) {
    const found = dearCollection(used, pages);
    if (found !== null)
      return failed("A collection is expensive.", { ...found, look: lookAt(scenario, used.moment) });
  }
  const needed = new Set(
    violations.flatMap(({ address }) => [1, 2, 3].map((level) => tableOf(address, level))),
  ).size;
  return tables <= needed
    ? PASSED
    : failed("There are more tables than the guest needs.", {
        expected: `at most ${needed}`,
        actual: `${tables}`,
        look: lookAtEnd(run),
      });
}

interface Dear {
  expected: string;
  actual: string;
}

function dearViolation({ hostCalls, steps, flushes }: Violation): Dear | null {
  if (flushes > 0) return { expected: "no INVEPT: nothing that is cached has changed", actual: `${flushes}` };
  if (hostCalls > MOST_CALLS)
    return { expected: `at most ${MOST_CALLS} calls to ept`, actual: `${hostCalls}` };
  return steps > MOST_STEPS ? { expected: `at most ${MOST_STEPS} steps`, actual: `${steps}` } : null;
}

function dearCollection({ hostCalls, flushes, reported }: Collection, pages: number): Dear | null {
  const most = reported.length > 0 ? 1 : 0;
  if (flushes > most) return { expected: `at most ${most} INVEPT`, actual: `${flushes}` };
  const calls = 8 + MOST_CALLS_PER_PAGE * pages;
  return hostCalls > calls
    ? { expected: `at most ${calls} calls for ${pages} pages`, actual: `${hostCalls}` }
    : null;
}

function pageOf(address: number): number {
  return address - (address % 4096);
}
function tableOf(address: number, level: number): string {
  return `${level}:${Math.floor(address / (4096 * 512 ** level))}`;
}
function listed(pages: readonly number[]): string {
  return pages.length === 0
    ? "none"
    : pages.slice(0, 6).map(hex).join(", ") + (pages.length > 6 ? ", …" : "");
}
