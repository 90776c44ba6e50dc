import { failed, PASSED, type Check, type CheckResult } from "../../src/grading/lab.js";
import type { Look } from "../../src/grading/report.js";
import type { ScenarioRun, Workbench } from "../../src/grading/scenario.js";
import { MMU_UPDATE } from "../../src/spec/hypercalls.js";
import * as P from "../../src/spec/paravirtual.js";
import { all, boots, lookAt, lookAtEnd, noReference, whyEnded } from "../judging.js";
import type { UpdateCall } from "./part.js";
import type { CallScenario } from "./scenarios.js";
import { CAPTURE, FREE_MEMORY, LEVEL_4, readResults, type LineResult, type ScriptLine } from "./script.js";

type Desk = Workbench<UpdateCall[]>;

/** What a request may cost; the solution makes at most nine calls for one. */
const CALLS_PER_REQUEST = 14;
const CALLS_AT_LEAST = 8;
const MOST_STEPS = 100_000;

/** The checks, in the order in which a student meets them. */
export const CHECKS: readonly Check<UpdateCall[]>[] = [
  {
    id: "maps",
    title: "One request maps a page of the guest's, changes the mapping and ends it",
    points: 3,
    visibility: "public",
    hints: [
      "In a table of level 1 a present entry names a frame; if it is writable, that is a use of the frame.",
      "First domain.useWritable, then domain.writeEntry. An entry without P names nothing.",
      "domain.done says how many requests have been carried out.",
    ],
    run: (bench) => sameResults(bench, "lessons", "maps"),
  },
  {
    id: "batch",
    title: "A list is carried out up to the first request that is refused",
    points: 3,
    visibility: "public",
    dependsOn: ["maps"],
    hints: [
      "Two words a request: the entry's machine address, its new value.",
      "The result is the refused request's error, the second result how many came before it.",
    ],
    run: (bench) => sameResults(bench, "lessons", "batch"),
  },
  {
    id: "foreign",
    title: "What is not the guest's, or no page-table entry, is refused with the right error",
    points: 3,
    visibility: "public",
    dependsOn: ["maps"],
    hints: [
      "The address has bits up to 51: none of them may be lost.",
      "An entry is eight bytes, aligned, in a frame that is in use as a table.",
      "Entry 256 of a level-4 table is the hypervisor's.",
    ],
    run: (bench) => sameResults(bench, "lessons", "foreign"),
  },
  {
    id: "tables",
    title: "An upper entry leads to a table of the next level, and no table is mapped writable",
    points: 3,
    visibility: "public",
    dependsOn: ["batch", "foreign"],
    hints: [
      "domain.useTable knows what a frame is used as, and returns the error itself.",
      "A table may be mapped, but not writable.",
    ],
    run: (bench) => all(sameResults(bench, "lessons", "tables"), safeTables(bench, "lessons", "tables")),
  },
  {
    id: "large",
    title: "Large pages are mapped where all of their 2 MiB may be",
    points: 2,
    visibility: "public",
    dependsOn: ["tables"],
    hints: [
      "Bit 7 means a large page at level 2; elsewhere it is refused.",
      "Its address is on a boundary of 2 MiB, and all its frames are the guest's.",
    ],
    run: (bench) => sameResults(bench, "lessons", "large"),
  },
  {
    id: "let-go",
    title: "What an entry named is free for other uses once the entry names something else",
    points: 2,
    visibility: "public",
    dependsOn: ["tables"],
    hints: [
      "Every use that was taken has to be dropped, by what the old entry says.",
      "Old and new value may name the same frame: which comes first?",
    ],
    run: (bench) => all(sameResults(bench, "lessons", "let-go"), safeTables(bench, "lessons", "let-go")),
  },
  {
    id: "boots",
    title: "The small kernel boots on your hypercall and powers off",
    points: 1,
    visibility: "public",
    dependsOn: ["batch"],
    hints: ["The kernel sends up to 16 updates in one call."],
    run: boots,
  },
  {
    id: "lists",
    title: "A list that changes under way, is not all there or is too long does no harm",
    points: 1,
    visibility: "hidden",
    dependsOn: ["batch", "foreign", "tables"],
    hints: [
      "A request may change a page table, and the list may lie in one.",
      "Either all of the list can be read, or nothing is carried out.",
    ],
    run: (bench) => all(sameResults(bench, "lists", "lists"), sameTables(bench, "lists")),
  },
  {
    id: "hostile-guest",
    title: "No guest gets a table of its own writable, or memory that is not its own",
    points: 1,
    visibility: "hidden",
    dependsOn: ["batch", "let-go", "large"],
    hints: ["Combinations of what the public checks try one by one."],
    run: (bench) =>
      all(
        safeTables(bench, "attack", "attack"),
        sameResults(bench, "attack", "attack"),
        sameTables(bench, "attack"),
      ),
  },
  {
    id: "cost",
    title: "No request costs more than it has to",
    points: 1,
    visibility: "hidden",
    dependsOn: ["batch"],
    hints: ["What is refused first is looked at no further.", "The count is the guest's: it may be large."],
    run: (bench) => all(cheap(bench, "lessons"), cheap(bench, "attack")),
  },
];

const ERRORS = Object.entries(P).filter(([name]) => name.startsWith("ERROR_")) as [string, number][];

/** The lines about a topic come out as they do with the hypervisor's own hypercall. */
async function sameResults(bench: Desk, id: string, topic: string): Promise<CheckResult> {
  const { lines } = (await bench.scenario(id)) as CallScenario;
  const [run, reference] = [await bench.run(id), await bench.reference(id)];
  const [seen, expected] = [readResults(run, lines), readResults(reference, lines)];
  if (expected.length < lines.length) return noReference(reference);
  for (const [i, line] of lines.entries()) {
    if (line.topic !== topic) continue;
    if (i >= seen.length)
      return failed(`The guest did not get past ${line.says}: ${whyEnded(run)}`, { look: lookAtEnd(run) });
    const [want, got] = [inWords(expected[i]), inWords(seen[i])];
    if (want !== got)
      return failed(`Another result than the hypervisor's own for ${line.says}.`, {
        expected: want,
        actual: got,
        look: lookAtLine(run, lines, i),
      });
  }
  return PASSED;
}

/** RAX and RDX; errors by their names. */
function inWords({ result, second }: LineResult): string {
  const value = BigInt.asIntN(64, result);
  const name = ERRORS.find(([, error]) => BigInt(error) === value)?.[0];
  return `${name ?? `0x${result.toString(16)}`}, second result ${second}`;
}

const isUpdate = ({ words }: ScriptLine): boolean => words[0] === BigInt(MMU_UPDATE + 1);

/** The call of a line, if the part came so far. */
function lookAtLine(run: ScenarioRun<UpdateCall[]>, lines: readonly ScriptLine[], index: number): Look {
  const call = run.observed[lines.slice(0, index).filter(isUpdate).length];
  return call !== undefined && isUpdate(lines[index]) ? lookAt(run.id, call.moment) : lookAtEnd(run);
}

/** What an independent walk of the page tables finds after each call about a topic. */
async function safeTables(bench: Desk, id: string, topic: string): Promise<CheckResult> {
  const { lines } = (await bench.scenario(id)) as CallScenario;
  const { observed } = await bench.run(id);
  const about = lines.filter(isUpdate).map((line) => line.topic === topic);
  for (const [i, call] of observed.entries())
    if (about[i] && call.fault !== null)
      return failed(`After a call the guest's page tables are not safe: ${call.fault}.`, {
        look: lookAt(id, call.moment),
      });
  return PASSED;
}

/** Page tables and free memory hold in the end what they do with the hypervisor's own hypercall. */
async function sameTables(bench: Desk, id: string): Promise<CheckResult> {
  const [run, reference] = [await bench.run(id), await bench.reference(id)];
  const [got, want] = [run, reference].map(({ memory }) => new DataView(memory.buffer, memory.byteOffset));
  const ranges = [
    [LEVEL_4, LEVEL_4 + 4 * 4096],
    [FREE_MEMORY, CAPTURE.address + CAPTURE.bytes],
  ];
  for (const [first, end] of ranges)
    for (let at = first; at < end; at += 8) {
      const values = [want, got].map((view) => view.getBigUint64(at - CAPTURE.address, true));
      if (values[0] === values[1]) continue;
      return failed(`In the end the entry at guest-physical 0x${at.toString(16)} is wrong.`, {
        expected: `0x${values[0].toString(16)}`,
        actual: `0x${values[1].toString(16)}`,
        look: lookAtEnd(run),
      });
    }
  return PASSED;
}

async function cheap(bench: Desk, id: string): Promise<CheckResult> {
  const run = await bench.run(id);
  for (const call of run.observed) {
    const { count, done, hostCalls, steps } = call;
    const most = CALLS_AT_LEAST + 2 * Number(count) + CALLS_PER_REQUEST * (done + 1);
    const look = lookAt(id, call.moment);
    const words = `A call of ${count} requests, ${done} of them carried out, is expensive.`;
    if (hostCalls > most)
      return failed(words, { expected: `at most ${most} calls to domain`, actual: `${hostCalls}`, look });
    if (steps > MOST_STEPS)
      return failed(words, { expected: `at most ${MOST_STEPS} steps`, actual: `${steps}`, look });
  }
  return PASSED;
}
