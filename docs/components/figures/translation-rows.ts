/** The translation cache in words and numbers: what became of the guest's instructions, and names for its addresses. Pure. */
import type { GuestListing } from "../../lib/guests/listing.js";
import type { TranslatedBlock, TranslationKind } from "../../lib/experiments/view.js";

/** In the order of a legend. `exit` is not an instruction of the guest's. */
export const KINDS = ["identical", "relocated", "jump", "emulated", "call-out"] as const;

export const KIND_WORDS: Readonly<Record<TranslationKind, string>> = {
  identical: "identical",
  relocated: "another address",
  jump: "jump",
  emulated: "emulated in the cache",
  "call-out": "call-out",
  exit: "exit",
};

export interface TranslationTally {
  /** Blocks that still stand for the guest's code, and all. */
  alive: number;
  blocks: number;
  /** Guest instructions of the living ones by kind. */
  kinds: Record<(typeof KINDS)[number], number>;
  instructions: number;
  /** Their exits, and how many are chained. */
  exits: number;
  chained: number;
  /** Blocks that the table of indirect jumps has. */
  inTable: number;
}

export function tally(blocks: readonly TranslatedBlock[]): TranslationTally {
  const alive = blocks.filter((block) => block.alive);
  const rows = alive.flatMap((block) => block.rows);
  const kinds = Object.fromEntries(
    KINDS.map((kind) => [kind, rows.filter((row) => row.kind === kind).length]),
  ) as TranslationTally["kinds"];
  const exits = alive.flatMap((block) => block.exits);
  return {
    alive: alive.length,
    blocks: blocks.length,
    kinds,
    instructions: rows.filter(({ address }) => address !== null).length,
    exits: exits.length,
    chained: exits.filter(({ to }) => to !== null).length,
    inTable: alive.filter((block) => block.inTable).length,
  };
}

/** Labels of a guest by address. */
export function labelsOf({ lines, symbols }: GuestListing): ReadonlyMap<number, string> {
  const places = new Set(lines.map(([address]) => address));
  return new Map(
    Object.entries(symbols)
      .filter(([, value]) => places.has(value))
      .map(([name, value]) => [value, name]),
  );
}

/** An instruction with the guest's labels in place of addresses. */
export function withLabels(text: string, labels: ReadonlyMap<number, string>): string {
  return text.replace(/0x[0-9a-f]+/g, (digits) => labels.get(Number(digits)) ?? digits);
}
