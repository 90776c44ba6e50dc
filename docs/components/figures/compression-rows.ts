/** What the guest "rings" has said on its console about each instruction. Pure. */

/** trapped: the monitor took over · silent: the guest went on with a wrong value · right: it found what it believes. */
export type Fate = "trapped" | "silent" | "right";

export interface CompressionRow {
  instruction: string;
  fate: Fate;
  /** Hexadecimal digits; absent where the instruction trapped. */
  believed?: string;
  found?: string;
}

/** Instructions that the guest executes. */
export const INSTRUCTIONS = 26;

const TRAPPED = /^(.{10})traps/;
const WENT_ON = /^(.{10})believes ([0-9a-f]{8}), finds ([0-9a-f]{8}): (right|wrong)/;

/** One row for each whole line so far. */
export function compressionRows(console: string): CompressionRow[] {
  return console
    .split("\n")
    .slice(0, -1)
    .flatMap((line): CompressionRow[] => {
      const trapped = TRAPPED.exec(line);
      if (trapped) return [{ instruction: trapped[1].trim(), fate: "trapped" }];
      const found = WENT_ON.exec(line);
      if (!found) return [];
      const [, name, believed, value, verdict] = found;
      return [
        {
          instruction: name.trim(),
          fate: verdict === "right" ? "right" : "silent",
          believed: short(believed),
          found: short(value),
        },
      ];
    });
}

const short = (digits: string): string => digits.replace(/^0+(?=.)/, "");
