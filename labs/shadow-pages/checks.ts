import { failed, PASSED, type Check, type CheckResult } from "../../src/grading/lab.js";
import type { Workbench } from "../../src/grading/scenario.js";
import { all, boots, hex, lookAt, lookAtEnd, noReference, whyEnded } from "../judging.js";
import { lineInWords } from "../memory-probe.js";
import { pagingResultInWords, pagingResults, wrongEntry, type PagingScenario } from "../paging-scripts.js";
import type { ShadowObserved } from "./part.js";

type Desk = Workbench<ShadowObserved>;

/** What a call may cost; the solution makes at most thirty calls of its own. */
const MOST_CALLS = 64;
const MOST_STEPS = 100_000;

/** The checks, in the order in which a student meets them. */
export const CHECKS: readonly Check<ShadowObserved>[] = [
  {
    id: "fills",
    title: "A page fault that the guest's tables do not ask for is hidden",
    points: 4,
    visibility: "public",
    hints: [
      "Walk the guest's tables for the address: readGuest, from cr3 down.",
      "Then the shadow's, with a table of your own at each level, and machineOf the page in the last.",
      "A large page of the guest can be mapped in pieces of 4 KiB.",
    ],
    run: (bench) => sameResults(bench, "fills"),
  },
  {
    id: "reflects",
    title: "One that they do ask for is the guest's, with the right error code",
    points: 3,
    visibility: "public",
    dependsOn: ["fills"],
    hints: [
      "P in the error code is about the guest's tables, not about the shadow's.",
      "With CR0.WP = 0 ring 0 may write where R/W is 0. The processor on the shadow may not: emulate.",
    ],
    run: (bench) => sameResults(bench, "faults"),
  },
  {
    id: "flags",
    title: "The guest finds its accessed and dirty flags as the processor makes them",
    points: 3,
    visibility: "public",
    dependsOn: ["fills"],
    hints: [
      "The processor sets flags in the shadow. Who sets the guest's?",
      "A page that was read first is written later without a fault, unless the shadow's entry is read-only until then.",
    ],
    run: (bench) => all(sameResults(bench, "flags"), sameTables(bench, "flags")),
  },
  {
    id: "sync",
    title: "When the guest changes its tables the shadow follows",
    points: 3,
    visibility: "public",
    dependsOn: ["reflects"],
    hints: [
      "A write to a page table has to be seen: nothing may map it writable.",
      "What was made from the entry that was written is wrong now. Where is it?",
      "An entry of level 4 stands for 512 GiB: one entry of the shadow goes, and all below it.",
    ],
    run: (bench) => sameResults(bench, "sync"),
  },
  {
    id: "boots",
    title: "The small kernel boots on your tables and powers off",
    points: 2,
    visibility: "public",
    dependsOn: ["fills"],
    hints: [
      "The kernel changes its own page tables: the mapping of its first 2 MiB, and a heap page by page.",
    ],
    run: boots,
  },
  {
    id: "never-more",
    title: "The shadow never permits more than the guest's tables, and no write to one of them",
    points: 2,
    visibility: "public",
    dependsOn: ["sync"],
    hints: [
      "A page may be mapped writable before it becomes a table.",
      "A page that became a table a moment ago: is it writable in the TLB?",
    ],
    run: (bench) => all(...["fills", "faults", "flags", "sync", "boot"].map((id) => sound(bench, id))),
  },
  {
    id: "random",
    title: "Two hundred accesses through random tables go as they should",
    points: 1,
    visibility: "hidden",
    dependsOn: ["flags", "never-more"],
    hints: ["Combinations of what the public checks try one by one."],
    run: (bench) => all(sameResults(bench, "random"), sameTables(bench, "random"), sound(bench, "random")),
  },
  {
    id: "hostile-guest",
    title: "Tables that lead out of memory or into themselves do no harm",
    points: 1,
    visibility: "hidden",
    dependsOn: ["flags", "never-more"],
    hints: ["A table may be its own child, and its page is mapped then.", "What is outside RAM is emulated."],
    run: (bench) => all(sameResults(bench, "hostile"), sound(bench, "hostile")),
  },
  {
    id: "cost",
    title: "No fault is taken twice, and none costs more than it has to",
    points: 1,
    visibility: "hidden",
    dependsOn: ["flags"],
    hints: [
      "What is filled stays: the same access faults once.",
      "A new entry replaces nothing that is cached: it needs no flush.",
    ],
    run: (bench) => all(cheap(bench, "fills"), cheap(bench, "random"), cheap(bench, "boot")),
  },
];

/** Every line comes out as on the hypervisor's own tables. */
async function sameResults(bench: Desk, id: string): Promise<CheckResult> {
  const scenario = (await bench.scenario(id)) as PagingScenario;
  const [run, reference] = [await bench.run(id), await bench.reference(id)];
  const [seen, expected] = [pagingResults(run, scenario), pagingResults(reference, scenario)];
  if (expected.length < scenario.script.length) return noReference(reference);
  const look = lookAtEnd(run);
  for (const [i, step] of scenario.script.entries()) {
    if (i >= seen.length)
      return failed(`The guest did not get past ${lineInWords(step)}: ${whyEnded(run)}`, { look });
    const [want, got] = [pagingResultInWords(step, expected[i]), pagingResultInWords(step, seen[i])];
    if (want !== got)
      return failed(`The guest found something else at ${lineInWords(step)}.`, {
        expected: want,
        actual: got,
        look,
      });
  }
  return PASSED;
}

/** The guest's tables are in the end as the hypervisor's own part leaves them. */
async function sameTables(bench: Desk, id: string): Promise<CheckResult> {
  const scenario = (await bench.scenario(id)) as PagingScenario;
  const [run, reference] = [await bench.run(id), await bench.reference(id)];
  const wrong = wrongEntry(scenario, reference, run);
  if (wrong === null) return PASSED;
  const { at, ...values } = wrong;
  return failed(`In the end the guest's entry at ${hex(at)} is wrong.`, { ...values, look: lookAtEnd(run) });
}

async function sound(bench: Desk, id: string): Promise<CheckResult> {
  const { calls } = (await bench.run(id)).observed;
  const wrong = calls.find(({ fault }) => fault !== null);
  return wrong === undefined ? PASSED : failed(wrong.fault!, { look: lookAt(id, wrong.moment) });
}

async function cheap(bench: Desk, id: string): Promise<CheckResult> {
  const run = await bench.run(id);
  const reference = await bench.reference(id);
  for (const call of run.observed.calls) {
    const look = lookAt(id, call.moment);
    const words = `A call of ${call.name} is expensive.`;
    if (call.hostCalls > MOST_CALLS)
      return failed(words, {
        expected: `at most ${MOST_CALLS} calls to shadow`,
        actual: `${call.hostCalls}`,
        look,
      });
    if (call.steps > MOST_STEPS)
      return failed(words, { expected: `at most ${MOST_STEPS} steps`, actual: `${call.steps}`, look });
  }
  const { exits } = run.moment;
  const most = 2 * reference.moment.exits + 64;
  if (exits <= most) return PASSED;
  return failed("The guest leaves more often than it has to.", {
    expected: `at most ${most} exits`,
    actual: `${exits}`,
    look: lookAtEnd(run),
  });
}
