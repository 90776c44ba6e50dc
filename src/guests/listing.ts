import type { Assembled, AssemblySource } from "./assemble.js";

/** What `<name>.listing.json` holds: enough to show the line that a guest is executing. */
export interface GuestListing {
  origin: number;
  sources: AssemblySource[];
  /** `[address, length, index of the source, 1-based line, 1 for code or 0 for data]`, ascending by address. */
  lines: [number, number, number, number, 0 | 1][];
  /** Labels and constants by name. */
  symbols: Record<string, number>;
}

export function guestListing(
  { origin, listing, symbols }: Assembled,
  sources: readonly AssemblySource[],
): GuestListing {
  return {
    origin,
    sources: [...sources],
    lines: listing.map(({ address, length, file, line, kind }) => [
      address,
      length,
      file,
      line,
      kind === "code" ? 1 : 0,
    ]),
    symbols,
  };
}

/** Source and 1-based line of the instruction or datum that holds linear address `address`, if any. */
export function lineAt(
  { lines, sources }: GuestListing,
  address: number,
): { source: AssemblySource; line: number } | undefined {
  let low = 0;
  let high = lines.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (lines[middle][0] <= address) low = middle + 1;
    else high = middle;
  }
  const found = lines[low - 1];
  if (found === undefined || address >= found[0] + found[1]) return undefined;
  return { source: sources[found[2]], line: found[3] };
}
