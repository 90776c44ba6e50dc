import { readFileSync } from "node:fs";
import path from "node:path";
import { CHAPTERS, chapterPath } from "../../docs/chapters.js";
import {
  instructionGroups,
  instructionId,
  type ProcessorData,
} from "../../docs/components/processor/processor-data.js";
import * as exitReasons from "../spec/exit-reasons.js";
import * as msrs from "../spec/msrs.js";
import * as vmcsFields from "../spec/vmcs-fields.js";
import { GENERATED } from "./paths.js";

export interface SearchEntry {
  path: string;
  title: string;
  text: string;
  keywords: string;
}

const hex = (value: number, digits: number): string => `0x${value.toString(16).padStart(digits, "0")}`;

/** "GUEST_CR3" is also found by "guest cr3". */
const words = (name: string): string => name.replaceAll("_", " ").toLowerCase();

function numbersOf(module: object): [string, number][] {
  return Object.entries(module).filter((entry): entry is [string, number] => typeof entry[1] === "number");
}

/** The mnemonics of the instruction table, as the page about the processor groups them. */
function* instructionEntries(): Generator<SearchEntry> {
  const file = path.join(GENERATED, "processor.json");
  const { instructions } = JSON.parse(readFileSync(file, "utf8")) as ProcessorData;
  for (const { mnemonic, rows } of instructionGroups(instructions, "", "")) {
    const name = mnemonic.toUpperCase();
    yield {
      path: `/appendices/processor.html#${instructionId(mnemonic)}`,
      title: `${name} · ${rows.length === 1 ? "instruction" : `instruction, ${rows.length} forms`}`,
      text: mnemonic,
      keywords: name,
    };
  }
}

/** Names of the architecture, which readers look for as they meet them: instructions, VMCS fields, exit reasons, MSRs. */
export function* searchEntries(): Generator<SearchEntry> {
  yield* instructionEntries();
  const chapter = CHAPTERS.find(({ number }) => number === 7)!;
  if (!chapter.slug) return;
  const page = `${chapterPath(chapter)}.html`;
  for (const [name, value] of numbersOf(vmcsFields)) {
    const code = hex(value, 4);
    yield {
      path: `${page}#vmcs-${name}`,
      title: `${name} · VMCS field ${code}`,
      text: words(name),
      keywords: `${name} ${code}`,
    };
  }
  for (const [name, value] of numbersOf(exitReasons)) {
    yield {
      path: `${page}#exit-${name}`,
      title: `${name} · exit reason ${value}`,
      text: words(name),
      keywords: `${name} exit ${value}`,
    };
  }
  for (const [name, value] of numbersOf(msrs)) {
    const code = hex(value, 1);
    yield {
      path: `${page}#msr-${name}`,
      title: `${name} · MSR ${code}`,
      text: words(name),
      keywords: `${name} ${code}`,
    };
  }
}
