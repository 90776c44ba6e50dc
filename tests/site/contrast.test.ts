import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { contrast, distance, parseHex, SIGHT } from "./colour.js";

const css = readFileSync(new URL("../../docs/style/tokens.css", import.meta.url), "utf8");
const pairs = [...css.matchAll(/--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)/g)];

const THEMES = {
  light: Object.fromEntries(pairs.map(([, name, light]) => [name, light])),
  dark: Object.fromEntries(pairs.map(([, name, , dark]) => [name, dark])),
};

const LAYERS = ["ring-3", "ring-0", "ring-hv", "hardware"];
const COLOURS = [...LAYERS, "now", "fault"];
const PAPERS = ["paper", "paper-raised", "code-paper"];
const SOFT = COLOURS.map((colour) => `${colour}-soft`);

describe.each(Object.entries(THEMES))("%s theme", (_theme, tokens) => {
  const ratio = (a: string, b: string): number => contrast(parseHex(tokens[a]), parseHex(tokens[b]));

  it.each(PAPERS)("reads every text colour on %s at 4.5:1", (paper) => {
    for (const text of ["ink", "ink-muted", ...COLOURS.map((colour) => `${colour}-text`)]) {
      expect(ratio(text, paper), text).toBeGreaterThanOrEqual(4.5);
    }
  });

  it.each(SOFT)("reads every text colour on %s at 4.5:1", (ground) => {
    for (const text of ["ink", "ink-muted", ...COLOURS.map((colour) => `${colour}-text`)]) {
      expect(ratio(text, ground), text).toBeGreaterThanOrEqual(4.5);
    }
  });

  it("draws graphics and outlines on paper at 3:1", () => {
    for (const colour of [...COLOURS, "outline"]) {
      for (const paper of PAPERS)
        expect(ratio(colour, paper), `${colour} on ${paper}`).toBeGreaterThanOrEqual(3);
    }
  });

  it("reads text on a layer's solid fill at 3:1, for large type", () => {
    for (const layer of LAYERS) expect(ratio("on-solid", layer), layer).toBeGreaterThanOrEqual(3);
  });

  const apart = LAYERS.flatMap((a, i) => LAYERS.slice(i + 1).map((b) => [a, b] as const));

  it.each(Object.keys(SIGHT))("keeps the layers apart for eyes with %s", (sight) => {
    const least = sight === "achromatopsia" ? 5.5 : 9;
    for (const [a, b] of apart) {
      expect(distance(parseHex(tokens[a]), parseHex(tokens[b]), sight), `${a}, ${b}`).toBeGreaterThan(least);
    }
  });

  it.each(Object.keys(SIGHT).filter((sight) => sight !== "achromatopsia"))(
    "keeps the accent and the fault off the layers for eyes with %s",
    (sight) => {
      for (const mark of ["now", "fault"]) {
        for (const layer of LAYERS) {
          expect(
            distance(parseHex(tokens[mark]), parseHex(tokens[layer]), sight),
            `${mark}, ${layer}`,
          ).toBeGreaterThan(7);
        }
      }
    },
  );
});
