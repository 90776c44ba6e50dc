/** A part of the kit did something that it may not do. The run loop turns it into the ending "part-error". */
export class PartFailure extends Error {
  override readonly name = "PartFailure";

  /**
   * @param part - e.g. "the exit handler for CPUID"
   * @param what - what it did, e.g. `returned "maybe"`
   */
  constructor(
    readonly part: string,
    what: string,
  ) {
    super(`${part} ${what}`);
  }
}

/** Something that a part threw, in words, with the place where its stack names one. */
export function describeThrown(thrown: unknown): string {
  if (!(thrown instanceof Error)) return `threw ${describeValue(thrown)}`;
  try {
    const place = placeOf(thrown);
    return `threw ${thrown.name}: ${thrown.message}${place === null ? "" : ` (${place})`}`;
  } catch {
    return "threw an error that cannot be shown";
  }
}

/** A value that a part returned, short enough for a message. A value may resist every look at it. */
export function describeValue(value: unknown): string {
  try {
    if (typeof value === "string") return JSON.stringify(value.slice(0, 40));
    if (typeof value === "function") return "a function";
    if (value instanceof Promise) return "a promise (an exit handler is synchronous)";
    if (typeof value === "object" && value !== null) return Array.isArray(value) ? "an array" : "an object";
    return typeof value === "bigint" ? `${value}n` : String(value);
  } catch {
    return "a value that cannot be shown";
  }
}

/** "line 12, column 5 of part.ts" from the first frame of a stack. */
function placeOf(error: Error): string | null {
  const frame = /([^/\\\s(]+?)(?:\?[^:]*)?:(\d+):(\d+)\)?\s*$/m.exec(stackOf(error));
  return frame ? `line ${frame[2]}, column ${frame[3]} of ${frame[1]}` : null;
}

function stackOf(error: Error): string {
  return typeof error.stack === "string" ? error.stack : "";
}
