import { encodeAndEvaluate } from "./keystone.js";
import { replaceNames } from "./statements.js";
import type { Statement } from "./statements.js";

/** Constants that depend on no label, by name, spelled as numbers. */
export type Constants = ReadonlyMap<string, string>;

/** Evaluates the constants. Empty if one is in error: the program's own assembly then says where. */
export function constantsOf(statements: readonly Statement[]): Constants {
  const definitions: string[] = [];
  const names = new Set<string>();
  for (const { constant, code } of statements) {
    if (constant === null) continue;
    let pure = true;
    replaceNames(code.replace(/^[^=,]*[=,]/, ""), (name) => {
      pure &&= names.has(name);
      return name;
    });
    if (!pure) continue;
    names.add(constant);
    definitions.push(code);
  }
  if (names.size === 0) return new Map();
  const result = encodeAndEvaluate(definitions, [...names], 0);
  if (typeof result === "string") return new Map();
  return new Map([...names].map((name, i) => [name, spelled(result.values[i])]));
}

function spelled(value: bigint): string {
  return value < 0n ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`;
}
