/**
 * A translation cache as it fills: the map of its blocks with the chains between them, and one block in full, the guest's
 * code beside what became of it.
 */
import { select, type Selection } from "d3";
import type { TranslatedBlock, TranslatedRow, TranslationsView } from "../../lib/experiments/view.js";
import { count, counted, shortHex } from "./format.js";
import { element, figureScale, frame, onWidth, type FrameOptions } from "./frame.js";
import { cacheMap, type CacheMap, type Chain, type MapBox } from "./translation-geometry.js";
import { KIND_WORDS, KINDS, labelsOf, tally, withLabels } from "./translation-rows.js";
import type { GuestListing } from "../../lib/guests/listing.js";

type Group = Selection<SVGGElement, unknown, null, undefined>;

export interface TranslationFigure {
  element: HTMLElement;
  /** @param view - null: the machine does not translate, or has not begun */
  update(view: TranslationsView | null): void;
}

/** @param listing - of the guest, for its labels */
export function translationFigure(options: FrameOptions, listing: GuestListing): TranslationFigure {
  const made = frame({ ...options, wide: true });
  made.element.classList.add("translation");
  const labels = labelsOf(listing);
  const legend = element("ul", { class: "translation-legend" });
  const host = element("div", { class: "translation-map" });
  const detail = element("div", { class: "translation-block" });
  made.body.append(legend, host, detail);
  const svg = select(host).append("svg").attr("role", "img").attr("tabindex", 0);
  const chains = svg.append("g");
  const boxes = svg.append("g");
  let view: TranslationsView | null = null;
  let width = 0;
  /** The reader's choice; null: follow the processor. */
  let chosen: number | null = null;

  const shownNumber = (): number | null => chosen ?? view?.current ?? (view?.blocks.length || null);
  const draw = (): void => {
    if (width === 0) return;
    const blocks = view?.blocks ?? [];
    if (chosen !== null && chosen > blocks.length) chosen = null;
    const scale = figureScale(host);
    const map = cacheMap(blocks, width, scale);
    const shown = shownNumber();
    svg
      .attr("viewBox", `0 0 ${width} ${map.height}`)
      .attr("width", width)
      .attr("height", map.height)
      .attr("aria-label", inWords(blocks));
    drawBoxes(boxes, map, blocks, shown, (number) => choose(number === chosen ? null : number));
    drawChains(chains, map, shown);
    showLegend(legend, blocks);
    showBlock(detail, blocks, shown, view?.at ?? -1, labels, chosen !== null);
    made.setTable(() => tableOf(blocks, labels));
  };
  const choose = (number: number | null): void => {
    chosen = number;
    draw();
  };
  svg.node()!.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const last = view?.blocks.length ?? 0;
    if (event.key === "Escape") choose(null);
    else if (step !== undefined && last > 0) choose(Math.min(last, Math.max(1, (shownNumber() ?? 1) + step)));
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  onWidth(host, (next) => {
    width = next;
    draw();
  });
  return {
    element: made.element,
    update(next) {
      view = next;
      draw();
    },
  };
}

function drawBoxes(
  group: Group,
  map: CacheMap,
  blocks: readonly TranslatedBlock[],
  shown: number | null,
  choose: (number: number) => void,
): void {
  const joined = group
    .selectAll<SVGGElement, MapBox>("g.box")
    .data(map.boxes, ({ number }) => number)
    .join((enter) => {
      const made = enter.append("g").attr("class", "box");
      made.append("g").attr("class", "parts");
      made.append("rect").attr("class", "outline");
      made.append("path").attr("class", "in-table");
      made.append("title");
      return made;
    })
    .attr("data-number", ({ number }) => number)
    .classed("dead", ({ number }) => !blocks[number - 1].alive)
    .classed("shown", ({ number }) => number === shown)
    .on("click", (_, { number }) => choose(number));
  joined
    .select("g.parts")
    .selectAll<SVGRectElement, MapBox["parts"][number]>("rect")
    .data(({ parts, y }) => parts.map((part) => ({ ...part, y })))
    .join("rect")
    .attr("data-kind", ({ kind }) => kind)
    .attr("x", ({ x }) => x)
    .attr("y", ({ y }) => y)
    .attr("width", ({ width }) => width)
    .attr("height", map.boxHeight);
  joined
    .select("rect.outline")
    .attr("x", ({ x }) => x)
    .attr("y", ({ y }) => y)
    .attr("width", ({ width }) => width)
    .attr("height", map.boxHeight);
  joined
    .select("path.in-table")
    .attr("d", ({ x, y }) => `M${x},${y + map.boxHeight + 2}h4l-2,4z`)
    .attr("visibility", ({ number }) => (blocks[number - 1].inTable ? "visible" : "hidden"));
  joined.select("title").text(({ number }) => {
    const { address, rows, alive } = blocks[number - 1];
    return `T${number}: ${counted(rows.length, "row")} of guest code at ${shortHex(address)}${alive ? "" : ", dropped"}`;
  });
}

function drawChains(group: Group, { chains }: CacheMap, shown: number | null): void {
  group
    .selectAll<SVGPathElement, Chain>("path")
    .data(chains)
    .join("path")
    .attr("class", "chain")
    .classed("shown", ({ from, to }) => from === shown || to === shown)
    .attr("d", ({ path }) => path);
}

function showLegend(legend: HTMLElement, blocks: readonly TranslatedBlock[]): void {
  const sums = tally(blocks);
  legend.replaceChildren(
    ...KINDS.map((kind) =>
      element(
        "li",
        {},
        element("span", { class: "translation-key", "data-kind": kind }),
        `${KIND_WORDS[kind]} ${count(sums.kinds[kind])}`,
      ),
    ),
    element(
      "li",
      {},
      `${counted(sums.alive, "block")}, ${sums.chained} of ${counted(sums.exits, "exit")} chained`,
    ),
    element("li", {}, `▾ in the table of indirect jumps ${count(sums.inTable)}`),
  );
}

/** The guest's code beside its translation, a row for each instruction. */
function showBlock(
  host: HTMLElement,
  blocks: readonly TranslatedBlock[],
  shown: number | null,
  at: number,
  labels: ReadonlyMap<number, string>,
  chosen: boolean,
): void {
  const block = shown === null ? undefined : blocks[shown - 1];
  if (block === undefined) {
    host.replaceChildren(element("p", { class: "empty" }, "Nothing has been translated yet."));
    return;
  }
  const { number, address, rows, alive, inTable } = block;
  const name = labels.get(Number(address));
  const notes = [
    `guest code at ${shortHex(address)}${name ? `, ${name}` : ""}`,
    ...(inTable ? ["in the table"] : []),
    ...(alive ? [] : ["dropped: its guest code has changed"]),
    ...(chosen ? ["chosen; Esc to follow the processor"] : []),
  ];
  host.replaceChildren(
    element("p", { class: "pane-title" }, element("b", {}, `Block T${number}`), ` ${notes.join(" · ")}`),
    element(
      "table",
      { class: "translation-rows" },
      element(
        "thead",
        {},
        element(
          "tr",
          {},
          ...["Guest’s code", "became", "Translation, at ring 1"].map((head) =>
            element("th", { scope: "col" }, head),
          ),
        ),
      ),
      element("tbody", {}, ...rows.map((row) => showRow(row, at, labels))),
    ),
    element("p", { class: "translation-links" }, linksInWords(block, blocks)),
  );
}

function linksInWords(
  { number, exits, inTable }: TranslatedBlock,
  blocks: readonly TranslatedBlock[],
): string {
  const from = blocks
    .filter(({ alive, exits: theirs }) => alive && theirs.some(({ to }) => to === number))
    .map((block) => `T${block.number}`);
  const to = exits.map((exit) => (exit.to === null ? "the translator" : `T${exit.to}`));
  const into = [...from, ...(inTable ? ["the table of indirect jumps"] : [])];
  const list = (names: string[], none: string): string => (names.length === 0 ? none : names.join(", "));
  return `Chained to it: ${list(into, "nothing")}. Its exits lead to: ${list(to, "nowhere, it has none")}.`;
}

function showRow(row: TranslatedRow, at: number, labels: ReadonlyMap<number, string>): HTMLElement {
  const code = row.code.map(({ offset, text, callOut }) => {
    const why = callOut?.toLowerCase().replaceAll("_", " ");
    return element(
      "code",
      offset === at ? { class: "here", "aria-current": "true" } : {},
      withLabels(text, labels),
      ...(why ? [element("span", { class: "translation-why" }, ` ${why}`)] : []),
    );
  });
  return element(
    "tr",
    { "data-kind": row.kind },
    element("td", {}, element("code", {}, row.address === null ? "" : withLabels(row.guest, labels))),
    element("td", { class: "translation-kind" }, KIND_WORDS[row.kind]),
    element("td", {}, ...code),
  );
}

function inWords(blocks: readonly TranslatedBlock[]): string {
  const sums = tally(blocks);
  if (sums.blocks === 0) return "An empty translation cache.";
  return `A translation cache with ${counted(sums.blocks, "block")}, ${sums.alive} of them in use. ${sums.chained} of ${sums.exits} exits lead straight to another block. Of ${sums.instructions} guest instructions, ${sums.kinds.identical} are translated identically and ${sums.kinds["call-out"]} call the monitor.`;
}

function tableOf(blocks: readonly TranslatedBlock[], labels: ReadonlyMap<number, string>) {
  return {
    title: "Translated blocks",
    columns: [
      { name: "Block" },
      { name: "Guest code" },
      { name: "Instructions", number: true },
      { name: "Not identical" },
      { name: "Exits lead to" },
    ],
    rows: blocks.map(({ number, address, rows, exits, alive }) => [
      `T${number}${alive ? "" : " (dropped)"}`,
      labels.get(Number(address)) ?? shortHex(address),
      rows.filter((row) => row.address !== null).length,
      rows
        .filter(({ kind }) => kind !== "identical" && kind !== "exit")
        .map(({ guest, kind }) => `${withLabels(guest, labels)}: ${KIND_WORDS[kind]}`)
        .join("; "),
      exits.map(({ to }) => (to === null ? "the translator" : `T${to}`)).join(", "),
    ]),
  };
}
