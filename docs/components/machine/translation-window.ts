/** The translation cache as a page knows it, from what its worker reports. Pure. */
import type { TranslationsView } from "../../lib/experiments/view.js";
import type { TranslationDelta } from "./protocol.js";

/** @param before - what the page knew; null: nothing */
export function withBlocks(before: TranslationsView | null, delta: TranslationDelta): TranslationsView {
  const { count, blocks: changed, ...rest } = delta;
  if (changed.length === 0 && before?.blocks.length === count) return { ...rest, blocks: before.blocks };
  const blocks = (before?.blocks ?? []).slice(0, count);
  for (const block of changed) blocks[block.number - 1] = block;
  return { ...rest, blocks };
}
