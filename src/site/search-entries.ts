import { CHAPTERS, chapterPath } from "../../docs/chapters.js";
import * as exitReasons from "../spec/exit-reasons.js";
import * as msrs from "../spec/msrs.js";
import * as vmcsFields from "../spec/vmcs-fields.js";

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

/** Names of the architecture, which readers look for as they meet them: VMCS fields, exit reasons, MSRs. */
export function* searchEntries(): Generator<SearchEntry> {
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
