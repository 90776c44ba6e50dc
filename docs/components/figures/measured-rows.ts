/** What a measured program has printed: lines `NAME CYCLES` (src/guests/measured). Pure. */

/** Cycles by name, from the whole lines so far. */
export function measuredCycles(console: string): ReadonlyMap<string, number> {
  const rows = console
    .split("\n")
    .slice(0, -1)
    .flatMap((line): [string, number][] => {
      const [, name, cycles] = /^(\S+) (\d+)$/.exec(line) ?? [];
      return name === undefined ? [] : [[name, Number(cycles)]];
    });
  return new Map(rows);
}
