/** What a page sees of a translation cache, on the guest of chapter 5. */
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { cacheMap } from "../../docs/components/figures/translation-geometry.js";
import { labelsOf, tally, withLabels } from "../../docs/components/figures/translation-rows.js";
import {
  TRANSLATION_PREDICTIONS,
  translationVerdicts,
} from "../../docs/components/learning/translation-verdicts.js";
import { withBlocks } from "../../docs/components/machine/translation-window.js";
import { Session } from "../../src/experiments/session.js";
import type { CpuMode, TranslatedBlock, TranslationsView } from "../../src/experiments/view.js";
import type { GuestListing } from "../../src/guests/listing.js";
import { CALL_OUT_TRANSLATE } from "../../src/spec/call-outs.js";
import { builtImage, core, decoder } from "./guest.js";

const session = (cpuMode: CpuMode): Session =>
  Session.create({
    core,
    decoder,
    image: builtImage("measured-translated-code.bin"),
    name: "translated-code",
    cpuMode,
    preset: "pentium4-672",
    ramBytes: 16 << 20,
  });
const listing = JSON.parse(
  readFileSync(
    new URL("../../src/guests/build/measured-translated-code.listing.json", import.meta.url),
    "utf8",
  ),
) as GuestListing;
const labels = labelsOf(listing);

let translated: Session;
let view: TranslationsView;
beforeAll(() => {
  translated = session("bt");
  translated.run();
  view = translated.translations()!;
});

const at = (label: string): TranslatedBlock[] =>
  view.blocks.filter(({ address }) => labels.get(Number(address)) === label);
const code = (block: TranslatedBlock, guest: string): string[] =>
  block.rows.find((row) => row.guest === guest)!.code.map(({ text }) => text);

describe("the translation cache as a view", () => {
  it("shows the first exit wait for the translator, and lead to the next block once it was taken", () => {
    const fresh = session("bt");
    fresh.runToExit([CALL_OUT_TRANSLATE]);
    const before = fresh.translations()!;
    expect(before.current).toBe(1);
    expect(before.blocks).toHaveLength(1);
    const waits = before.blocks[0]!.rows.flatMap(({ code }) => code).find(
      ({ offset }) => offset === before.at,
    )!;
    expect(waits).toMatchObject({ text: "int 0x30", callOut: "TRANSLATE" });
    fresh.step();
    const after = fresh.translations()!;
    const chained = after.blocks[0]!.exits.find(({ offset }) => offset === waits.offset)!;
    expect(chained.to).toBe(2);
    const jump = after.blocks[0]!.rows.flatMap(({ code }) => code).find(
      ({ offset }) => offset === waits.offset,
    );
    expect(jump).toMatchObject({ text: "jmp T2", callOut: null });
  });

  it("tells what became of each kind of instruction", () => {
    const kinds = (label: string, guest: string): string[] =>
      at(label).map((block) => block.rows.find((row) => row.guest === guest)!.kind);
    expect(kinds("add_round", "add rbx, rbp")).toEqual(["identical"]);
    expect(kinds("switch_round", "cli")).toEqual(["emulated"]);
    expect(code(at("switch_round")[0]!, "cli")).toEqual(["mov byte ptr [virtual IF], 0"]);
    expect(code(at("port_round")[0]!, "in al, 0x80")).toEqual(["mfence", "mov al, [port 0x80]"]);
    expect(kinds("processor_round", "cpuid")).toEqual(["call-out"]);
    expect(kinds("nothing", "ret")).toEqual(["jump"]);
    // Retranslated after eight faults.
    expect(at("table_round").map(({ alive }) => alive)).toEqual([false, true]);
    expect(kinds("table_round", "mov [0x400000], rax")).toEqual(["identical", "call-out"]);
  });

  it("keeps the code of dropped blocks as it was", () => {
    expect(at("changing").map(({ alive }) => alive)).toEqual([false, false, true]);
    expect(at("changing").map(({ rows }) => rows[0]!.guest)).toEqual([3, 2, 1].map((n) => `mov eax, ${n}`));
    expect(view.dropped).toBe(view.blocks.filter(({ alive }) => !alive).length);
  });

  it("has every byte of a translation in one row, and guest addresses without gaps", () => {
    for (const { rows, offset, bytes } of view.blocks) {
      const offsets = rows.flatMap((row) => row.code.map((instruction) => instruction.offset));
      expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
      expect(offsets[0]).toBe(offset);
      expect(offsets.at(-1)).toBeLessThan(offset + bytes);
      for (const { guest, kind } of rows) expect(guest === "").toBe(kind === "exit");
    }
  });

  it("is the same object for what has not changed, and looking changes nothing", () => {
    const again = translated.translations()!;
    expect(again.blocks.every((block, i) => block === view.blocks[i])).toBe(true);
    const seen = session("bt");
    while (!seen.ending) {
      seen.run({ instructions: 500 });
      seen.translations();
    }
    expect(seen.moment).toEqual(translated.moment);
    expect(seen.view().cycles).toBe(translated.view().cycles);
  });

  it("is there in no other mode", () => {
    expect(session("native").translations()).toBeNull();
  });
});

describe("the figure of chapter 5", () => {
  it("counts and names", () => {
    const sums = tally(view.blocks);
    const kinds = Object.values(sums.kinds).reduce((sum, count) => sum + count, 0);
    expect(kinds).toBe(sums.instructions);
    expect(sums.kinds.identical * 2).toBeGreaterThan(sums.instructions * 0.9);
    expect(sums.kinds.jump * 2).toBeGreaterThan(sums.instructions - sums.kinds.identical);
    expect(withLabels("call 0x10ffff", labels)).toBe("call 0x10ffff");
    expect(withLabels(`call 0x${listing.symbols.nothing!.toString(16)}`, labels)).toBe("call nothing");
  });

  it.each([320, 900])(
    "lays the cache out on %i pixels, each block where it was when there were fewer",
    (width) => {
      const whole = cacheMap(view.blocks, width);
      for (const { x, width: box, parts } of whole.boxes) {
        expect(x).toBeGreaterThanOrEqual(0);
        expect(x + box).toBeLessThanOrEqual(width);
        expect(parts.reduce((sum, part) => sum + part.width, 0)).toBeCloseTo(box, 6);
      }
      const known = (to: number | null): number | null => (to !== null && to <= 20 ? to : null);
      const first = view.blocks
        .slice(0, 20)
        .map((block) => ({ ...block, exits: block.exits.map((exit) => ({ ...exit, to: known(exit.to) })) }));
      const earlier = cacheMap(first, width);
      expect(whole.boxes.slice(0, 20)).toEqual(earlier.boxes);
      expect(whole.chains).toHaveLength(tally(view.blocks).chained);
      expect(whole.chains.every(({ path }) => !path.includes("NaN"))).toBe(true);
    },
  );

  it("puts what a worker reports together", () => {
    const fresh = session("bt");
    fresh.runToExit();
    const first = fresh.translations()!;
    const known = withBlocks(null, { ...first, count: first.blocks.length });
    expect(known).toEqual(first);
    const changed = view.blocks.filter((block, i) => first.blocks[i] !== block);
    expect(withBlocks(known, { ...view, count: view.blocks.length, blocks: changed })).toEqual(view);
    // Back to where there were fewer.
    expect(withBlocks(view, { ...first, count: 1 })).toEqual(first);
  });

  it("judges the predictions: one of the loops is faster translated", () => {
    const native = session("native");
    native.run();
    const verdicts = translationVerdicts(native.view().console, translated.view().console);
    const faster = TRANSLATION_PREDICTIONS.filter(({ id }) => verdicts[id]?.happened).map(({ id }) => id);
    expect(faster).toEqual(["in"]);
    expect(translationVerdicts("", translated.view().console).in).toBeNull();
  });
});
