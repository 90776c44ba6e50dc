import { ITEM_BYTES, itemsIn, replaceNames, wordOf } from "./statements.js";
import type { Statement } from "./statements.js";

/** What a statement became. */
export interface Outcome {
  /** Linear address of the first byte. */
  address: number;
  /** Bytes. */
  length: number;
  /** Value of {@link argumentOf}. */
  argument: number;
}

const SIZED = /^\.(?:skip|balign)\s+([^,]*)/i;

/** Whether a directive says how many bytes it makes. */
export function takesSize({ code }: Statement): boolean {
  return SIZED.test(code);
}

/**
 * That number, as an expression.
 * @param here label of the statement, since `.` is elsewhere where the expression is evaluated
 */
export function argumentOf({ code }: Statement, here: string): string {
  const argument = SIZED.exec(code)?.[1] ?? "0";
  return replaceNames(argument, (name) => (name === "." ? here : name));
}

/** What keystone left out or cut without a word, if it did. */
export function omissionOf({ kind, code }: Statement, { address, length, argument }: Outcome): string | null {
  if (kind === "code") return length > 0 ? null : "keystone makes no bytes of it";
  if (kind === "none") return null;
  const word = wordOf(code);
  if (word in ITEM_BYTES && length !== ITEM_BYTES[word] * itemsIn(code))
    return `a number is missing or does not fit ${word}`;
  if (word === ".skip" && length !== argument) return `cannot leave ${argument} bytes`;
  if (word === ".balign" && (address + length) % argument !== 0) return `${argument} is not a power of two`;
  return null;
}
