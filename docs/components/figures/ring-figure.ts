/** The rings, drawn as they are entered: who has the processor, and by which door the last change came. */
import { select } from "d3";
import type { Ring } from "../../lib/experiments/view.js";
import type { Crossing } from "./crossings.js";
import { count, ringName, ringNumber, ringToken } from "./format.js";
import { element, figureScale, frame, onWidth, still, type Frame, type FrameOptions } from "./frame.js";
import { addTextures, LANE_TEXTURE, texture, uniquePrefix } from "./patterns.js";
import { drawnRing, NARROW, ringGeometry, WAYS, way, type Way } from "./ring-geometry.js";
import { laneOf } from "./timeline-geometry.js";

export interface RingData {
  ring: Ring;
  /** The machine has not begun: the figure shows the doors, nobody stands anywhere. */
  ready: boolean;
  running: boolean;
  /** The crossings that are known, oldest first. */
  crossings: readonly Crossing[];
  /** Whether they are all since the start. */
  complete: boolean;
}

export interface RingFigure {
  element: HTMLElement;
  update(data: RingData): void;
}

/** What each way is called before it has been used. */
const GENERIC: Record<Way, [string, string]> = {
  "3>0": ["SYSCALL, fault, interrupt", "through the guest’s own tables"],
  "0>3": ["SYSRET, IRET", "back to user code"],
  "0>-1": ["VM exit", "by the VMCS’s rules"],
  "-1>0": ["VM entry", "VMRESUME"],
  "3>-1": ["VM exit", "user code causes them as well"],
  "-1>3": ["VM entry", "straight back to user code"],
};

interface Tally {
  times: number;
  last: Crossing | null;
}

function tally(crossings: readonly Crossing[]): Map<Way, Tally> {
  const sums = new Map<Way, Tally>(WAYS.map((name) => [name, { times: 0, last: null }]));
  for (const crossing of crossings) {
    const sum = sums.get(way(crossing.from, crossing.to));
    if (!sum) continue;
    sum.times++;
    sum.last = crossing;
  }
  return sums;
}

function wayInWords(name: Way): string {
  const [from, to] = name.split(">").map(Number) as Ring[];
  return `${ringNumber(from)} → ${ringNumber(to)}`;
}

/** @param select - told which record the reader chose */
export function ringFigure(options: FrameOptions, select: (record: number) => void = () => {}): RingFigure {
  const made = frame(options);
  made.element.classList.add("ring-figure");
  const trail = element("ol", { class: "ring-trail", "aria-label": "The last crossings, newest last" });
  const legend = element("ul", { class: "ring-ways" });
  const host = element("div", { class: "ring-drawing" });
  made.body.append(host, legend, trail);
  let data: RingData = { ring: 0, ready: true, running: false, crossings: [], complete: true };
  let width = 0;
  let drawing: Drawing | null = null;
  const redraw = (): void => {
    if (width === 0) return;
    const scale = figureScale(host);
    const narrow = width < NARROW * scale;
    const sums = tally(data.crossings);
    drawing ??= draw(host, width, scale, (name) => {
      const last = tally(data.crossings).get(name)?.last;
      if (last) select(last.n);
    });
    drawing.show(data, sums);
    legend.hidden = !narrow;
    if (narrow) showWays(legend, data, sums);
    showTrail(trail, data, select, Math.max(3, Math.floor(width / (118 * scale))));
    describe(made, data, sums);
  };
  onWidth(host, (next) => {
    width = next;
    drawing = null;
    redraw();
  });
  return {
    element: made.element,
    update(next) {
      data = next;
      redraw();
    },
  };
}

interface Drawing {
  show(data: RingData, sums: Map<Way, Tally>): void;
}

function draw(host: HTMLElement, width: number, scale: number, choose: (name: Way) => void): Drawing {
  const geometry = ringGeometry(width, scale);
  const prefix = uniquePrefix();
  const labelled = width >= NARROW * scale;
  host.replaceChildren();
  const svg = select(host)
    .append("svg")
    .attr("viewBox", `0 0 ${width} ${geometry.height}`)
    .attr("width", width)
    .attr("height", geometry.height)
    .attr("role", "img")
    .attr("tabindex", 0);
  addTextures(svg, prefix);
  const marker = svg.select("defs").append("marker");
  marker
    .attr("id", `${prefix}-tip`)
    .attr("viewBox", "0 0 10 10")
    .attr("refX", 8)
    .attr("refY", 5)
    .attr("markerUnits", "userSpaceOnUse")
    .attr("markerWidth", 11 * scale)
    .attr("markerHeight", 11 * scale)
    .attr("orient", "auto-start-reverse")
    .append("path")
    .attr("d", "M0,0L10,5L0,10z")
    .attr("fill", "context-stroke");

  const bands = svg
    .selectAll("g.band")
    .data(geometry.bands)
    .join("g")
    .attr("class", ({ ring }) => `band ${ringToken(ring)}`);
  bands
    .append("path")
    .attr("class", "band-fill")
    .attr("d", ({ path }) => path);
  bands
    .append("path")
    .attr("class", "band-texture")
    .attr("d", ({ path }) => path)
    .attr("fill", ({ ring }) => texture(prefix, LANE_TEXTURE[laneOf(ring)]));
  bands
    .append("path")
    .attr("class", "band-edge")
    .attr("d", ({ path }) => path);

  const { from, to } = geometry.door;
  const door = svg.append("g").attr("class", "door");
  door.append("line").attr("x1", from.x).attr("x2", to.x).attr("y1", from.y).attr("y2", to.y);
  door
    .append("text")
    .attr("x", labelled ? from.x - 8 : from.x)
    .attr("y", labelled ? from.y + 4 * scale : from.y - 5)
    .attr("text-anchor", labelled ? "end" : "start")
    .text("VMCS");

  const arrows = svg
    .selectAll("g.way")
    .data(geometry.arrows)
    .join("g")
    .attr("class", "way")
    .on("click", (_, { way: name }) => choose(name));
  if (labelled) {
    arrows
      .filter(({ leader }) => leader !== null)
      .append("path")
      .attr("class", "leader")
      .attr("d", ({ leader }) => `M${leader![0].x},${leader![0].y}L${leader![1].x},${leader![1].y}`);
  }
  arrows
    .append("line")
    .attr("class", "arrow")
    .attr("x1", ({ tail }) => tail.x)
    .attr("y1", ({ tail }) => tail.y)
    .attr("x2", ({ head }) => head.x)
    .attr("y2", ({ head }) => head.y)
    .attr("marker-end", `url(#${prefix}-tip)`);
  if (labelled) {
    const text = arrows
      .append("text")
      .attr("text-anchor", ({ anchor }) => anchor)
      .attr("x", ({ label }) => label.x)
      .attr("y", ({ label }) => label.y);
    text.append("tspan").attr("class", "way-name");
    text
      .append("tspan")
      .attr("class", "way-note")
      .attr("x", ({ label }) => label.x)
      .attr("dy", "1.25em");
  }

  const names = svg.selectAll("g.band-name").data(geometry.bands).join("g").attr("class", "band-name");
  names
    .append("text")
    .attr("class", ({ ring }) => `band-label ${ringToken(ring)}`)
    .attr("x", ({ label }) => label.x)
    .attr("y", ({ label }) => label.y + 4 * scale)
    .attr("text-anchor", "middle")
    .each(function ({ ring }) {
      const text = select(this);
      text.append("tspan").attr("class", "band-number").text(ringNumber(ring));
      text.append("tspan").attr("class", "band-who").attr("dx", "0.5em").text(ringName(ring));
    });

  const dot = svg.append("g").attr("class", "now");
  dot.append("circle").attr("class", "now-halo").attr("r", 11);
  dot.append("circle").attr("class", "now-dot").attr("r", 6);

  let stood: Ring | null = null;
  let focus = -1;
  const node = svg.node()!;
  const mark = (): void => {
    arrows.classed("focused", (_, index) => index === focus);
  };
  node.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (step !== undefined) focus = (focus + step + WAYS.length) % WAYS.length;
    else if (event.key === "Enter" && focus >= 0) choose(WAYS[focus]);
    else return;
    event.preventDefault();
    mark();
  });
  node.addEventListener("blur", () => {
    focus = -1;
    mark();
  });

  return {
    show(data, sums) {
      const last = data.crossings.at(-1);
      const lastWay = last ? way(last.from, last.to) : null;
      bands.classed("here", ({ ring }) => !data.ready && ring === drawnRing(data.ring));
      arrows.classed("last", ({ way: name }) => name === lastWay);
      arrows.classed("used", ({ way: name }) => (sums.get(name)?.times ?? 0) > 0);
      if (labelled) {
        arrows.select(".way-name").text(({ way: name }) => sums.get(name)?.last?.name ?? GENERIC[name][0]);
        arrows.select(".way-note").text(({ way: name }) => {
          const times = sums.get(name)?.times ?? 0;
          if (times === 1) return "once";
          if (times > 1) return `the last of ${count(times)}${data.complete ? "" : " that are kept"}`;
          return data.ready ? GENERIC[name][1] : "not yet";
        });
      }
      dot.attr("visibility", data.ready ? "hidden" : "visible");
      const rest = geometry.rest[drawnRing(data.ring)];
      const place = `translate(${rest.x},${rest.y})`;
      if (stood === null || data.running || still() || stood === data.ring)
        dot.interrupt().attr("transform", place);
      else dot.transition().duration(200).attr("transform", place);
      stood = data.ring;
    },
  };
}

/** On narrow screens the labels are a list under the disc. */
function showWays(legend: HTMLElement, data: RingData, sums: Map<Way, Tally>): void {
  const last = data.crossings.at(-1);
  legend.replaceChildren(
    ...WAYS.map((name) => {
      const sum = sums.get(name)!;
      const item = element(
        "li",
        last && way(last.from, last.to) === name ? { class: "last" } : {},
        element("span", { class: "way-route" }, wayInWords(name)),
        element("span", { class: "way-name" }, sum.last?.name ?? GENERIC[name][0]),
        element("span", { class: "way-note" }, sum.times > 0 ? `×\u202f${count(sum.times)}` : "–"),
      );
      return item;
    }),
  );
}

function showTrail(trail: HTMLElement, data: RingData, choose: (record: number) => void, room: number): void {
  const latest = data.crossings.slice(-room);
  trail.hidden = latest.length === 0;
  trail.replaceChildren(
    ...latest.map((crossing, index) => {
      const button = element(
        "button",
        {
          type: "button",
          // One tab stop for the list; arrow keys move inside.
          tabindex: index === latest.length - 1 ? "0" : "-1",
          class: `trail-step ${ringToken(crossing.to)}`,
          title: `${wayInWords(way(crossing.from, crossing.to))}: show it in the timeline`,
        },
        element("span", { class: "trail-name" }, crossing.name),
        element("span", { class: "trail-to" }, `→ ${ringNumber(crossing.to)}`),
      );
      button.addEventListener("click", () => choose(crossing.n));
      button.addEventListener("keydown", (event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (step === undefined) return;
        const buttons = [...trail.querySelectorAll("button")];
        buttons[buttons.indexOf(button) + step]?.focus();
        event.preventDefault();
      });
      return element("li", {}, button);
    }),
  );
}

function describe(made: Frame, data: RingData, sums: Map<Way, Tally>): void {
  const svg = made.body.querySelector("svg");
  const who = data.ready
    ? "Nothing runs yet."
    : `${ringName(data.ring)} has the processor, at ${ringNumber(data.ring)}.`;
  const last = data.crossings.at(-1);
  svg?.setAttribute(
    "aria-label",
    `Three rings: user code at ring 3, the guest kernel at ring 0, the hypervisor at ring −1. ${who}` +
      (last ? ` Last crossing: ${last.name}.` : ""),
  );
  made.setTable(() => ({
    title: "Crossings between rings",
    columns: [{ name: "From → to" }, { name: "Times", number: true }, { name: "The last one" }],
    rows: WAYS.map((name) => [
      wayInWords(name),
      count(sums.get(name)!.times),
      sums.get(name)!.last?.name ?? `none yet (${GENERIC[name][0]})`,
    ]),
  }));
}
