/** Drawing of the exit timeline: an overview with a window on it, and the window's contents below in three lanes. */
import { axisBottom, brushX, scaleLinear, select, zoom, zoomIdentity } from "d3";
import type { D3BrushEvent, D3ZoomEvent, Selection } from "d3";
import type { CpuMode, RingSpan, TraceEvent } from "../../lib/experiments/view.js";
import { injection, type ExitStay } from "./crossings.js";
import { counted, exitLabel, ringName, tickCycles } from "./format.js";
import { figureScale } from "./frame.js";
import { addTextures, FAMILY_TEXTURE, LANE_TEXTURE, texture, uniquePrefix } from "./patterns.js";
import {
  bars,
  exitMarks,
  LANES,
  windowAround,
  type Bar,
  type ExitMark,
  type Lane,
} from "./timeline-geometry.js";

export interface TimelineScene {
  cpuMode: CpuMode;
  spans: readonly RingSpan[];
  stays: readonly ExitStay[];
  /** VM entries that inject an event. */
  injected: readonly TraceEvent[];
  now: number;
  /** Length of the axis, and a cycle's place on it. */
  units: number;
  unit: (cycle: number) => number;
  axis: "cycles" | "events";
  start: number;
  selected: number | null;
  running: boolean;
  /** First unit to show while the reader steps. */
  follow: number;
}

export interface TimelineView {
  show(scene: TimelineScene): void;
  /** Shows the whole run, and lets the window move by itself again. */
  fit(): void;
  zoomBy(factor: number): void;
}

export interface TimelineEvents {
  choose(record: number | null): void;
  jump(stay: ExitStay): void;
}

const OVERVIEW = 30;
const LANE_HEIGHT = 36;
const GAP = 8;
const LANE_RING = { user: 3, kernel: 0, hypervisor: -1 } as const;
const LANE_TOKEN: Record<Lane, string> = { user: "ring-3", kernel: "ring-0", hypervisor: "ring-hv" };

export function timelineView(host: HTMLElement, width: number, events: TimelineEvents): TimelineView {
  const scale = figureScale(host);
  const LANE = LANE_HEIGHT * scale;
  const measure = (text: string): number => text.length * 6.6 * scale;
  const narrow = width < 560 * scale;
  const left = narrow ? 0 : 112 * scale;
  const inner = width - left - 1;
  const prefix = uniquePrefix();
  const lanesTop = OVERVIEW + 26;
  const laneY = (lane: Lane): number =>
    lanesTop + LANES.indexOf(lane) * (LANE + GAP + (narrow ? 14 * scale : 0)) + (narrow ? 14 * scale : 0);
  const marksY = laneY("hypervisor") + LANE;
  const height = marksY + 22 + 24 * scale;

  host.replaceChildren();
  const svg = select(host)
    .append("svg")
    .attr("viewBox", `0 0 ${width} ${height}`)
    .attr("width", width)
    .attr("height", height)
    .attr("role", "application")
    .attr("aria-roledescription", "timeline")
    .attr("tabindex", 0);
  addTextures(svg, prefix);
  svg
    .select("defs")
    .append("clipPath")
    .attr("id", `${prefix}-clip`)
    .append("rect")
    .attr("width", inner)
    .attr("height", height);
  const overview = svg.append("g").attr("class", "overview").attr("transform", `translate(${left},2)`);
  overview.append("rect").attr("class", "overview-ground").attr("width", inner).attr("height", OVERVIEW);
  const overviewBars = overview.append("g");
  const brushLayer = overview.append("g").attr("class", "window");
  const labels = svg.append("g").attr("class", "lane-labels");
  const detail = svg
    .append("g")
    .attr("transform", `translate(${left},0)`)
    .append("g")
    .attr("clip-path", `url(#${prefix}-clip)`);
  const ground = detail
    .append("rect")
    .attr("class", "detail-ground")
    .attr("y", lanesTop)
    .attr("width", inner)
    .attr("height", marksY - lanesTop);
  const rails = detail.append("g").attr("class", "rails");
  const links = detail.append("path").attr("class", "links");
  const laneBars = detail.append("g").attr("class", "lanes");
  const marks = detail.append("g").attr("class", "exits");
  const injections = detail.append("g").attr("class", "injections");
  const axisLayer = svg
    .append("g")
    .attr("class", "axis")
    .attr("transform", `translate(${left},${marksY + 9 + 13 * scale})`);

  rails
    .selectAll("line")
    .data(LANES)
    .join("line")
    .attr("x2", inner)
    .attr("y1", (lane) => laneY(lane) + LANE)
    .attr("y2", (lane) => laneY(lane) + LANE);
  labels
    .selectAll("text")
    .data(LANES)
    .join("text")
    .attr("class", (lane) => `lane-label ${LANE_TOKEN[lane]}`)
    .attr("x", narrow ? 0 : left - 12)
    .attr("y", (lane) => (narrow ? laneY(lane) - 4 : laneY(lane) + LANE / 2 + 4))
    .attr("text-anchor", narrow ? "start" : "end");

  let scene: TimelineScene | null = null;
  let shown: [number, number] = [0, 1];
  /** The reader has chosen a window: it stays. */
  let held = false;
  let quiet = false;

  const brush = brushX<unknown>()
    .extent([
      [0, 0],
      [inner, OVERVIEW],
    ])
    .on("brush end", (event: D3BrushEvent<unknown>) => {
      if (quiet || !event.sourceEvent || !scene) return;
      if (!event.selection) return release();
      const [a, b] = event.selection as [number, number];
      hold([(a / inner) * scene.units, (b / inner) * scene.units]);
    });
  brushLayer.call(brush);
  // The overlay would be a second tab stop; the window is moved by keys in the one that the figure has.
  const zooming = zoom<SVGSVGElement, unknown>()
    .filter((event: Event) => {
      if ((event.target as Element).closest(".window, .exits")) return false;
      // The wheel scrolls the page unless the reader asks for the figure.
      if (event.type === "wheel")
        return (event as WheelEvent).ctrlKey || document.activeElement === svg.node();
      if (event.type === "touchstart") return (event as TouchEvent).touches.length > 1;
      return (event as MouseEvent).button === 0;
    })
    .on("zoom", (event: D3ZoomEvent<SVGSVGElement, unknown>) => {
      if (quiet || !event.sourceEvent || !scene) return;
      const { k, x } = event.transform;
      const span = scene.units / k;
      hold([-x * (span / inner), -x * (span / inner) + span]);
    });
  svg.call(zooming).on("dblclick.zoom", null);

  function hold([a, b]: [number, number]): void {
    if (!scene) return;
    held = true;
    const span = Math.min(scene.units, Math.max(b - a, scene.axis === "cycles" ? 20 : 2));
    shown = windowAround((a + b) / 2, span, scene.units);
    paint();
  }
  function release(): void {
    held = false;
    if (scene) shown = [0, scene.units];
    paint();
  }

  function paint(): void {
    if (!scene) return;
    const current = scene;
    const px = scaleLinear().domain(shown).range([0, inner]);
    const x = (cycle: number): number => px(current.unit(cycle));
    const whole = (cycle: number): number => (current.unit(cycle) / current.units) * inner;
    quiet = true;
    brushLayer.call(brush.move, [(shown[0] / current.units) * inner, (shown[1] / current.units) * inner]);
    const k = current.units / (shown[1] - shown[0]);
    const node = svg.node() as SVGSVGElement & { __zoom?: unknown };
    node.__zoom = zoomIdentity.translate((-shown[0] / (shown[1] - shown[0])) * inner, 0).scale(k);
    quiet = false;

    labels.selectAll<SVGTextElement, Lane>("text").text((lane) => ringName(LANE_RING[lane], current.cpuMode));
    drawBars(
      overviewBars,
      bars(current.spans, whole, inner),
      (lane) => 2 + LANES.indexOf(lane) * 9,
      8,
      prefix,
    );
    const seen = bars(current.spans, x, inner);
    drawBars(
      laneBars,
      seen.filter((bar) => bar.lane !== "hypervisor"),
      laneY,
      LANE,
      prefix,
    );
    links.attr("d", seen.length > 400 ? null : linkPath(current.spans, x, inner, laneY, LANE));
    drawMarks(exitMarks(current.stays, x, inner, current.now, (stay) => exitLabel(stay.reason), measure));
    drawInjections(x);
    drawAxis(x);
    svg.attr(
      "aria-label",
      `Timeline of ${counted(current.stays.length, "VM exit")} in three lanes: user code, guest kernel, hypervisor. ` +
        "Arrow keys select an exit, Enter goes there, plus and minus zoom, 0 shows the whole run.",
    );
  }

  function drawMarks(shownMarks: ExitMark[]): void {
    const y = laneY("hypervisor");
    const groups = marks
      .selectAll<SVGGElement, ExitMark>("g")
      .data(shownMarks, ({ stay }) => stay.n)
      .join((enter) => {
        const group = enter.append("g");
        group.append("rect").attr("class", "exit-fill");
        group.append("rect").attr("class", "exit-texture");
        group.append("text");
        return group;
      })
      .attr(
        "class",
        ({ family, stay }) => `exit exit-${family}${stay.n === scene!.selected ? " selected" : ""}`,
      )
      .on("click", (_, { stay }) => events.choose(stay.n))
      .on("dblclick", (_, { stay }) => events.jump(stay));
    groups
      .selectAll<SVGRectElement, ExitMark>("rect")
      .data(({ stay, family, x, width: w }) => [0, 1].map(() => ({ stay, family, x, width: w, label: null })))
      .attr("x", (mark) => mark.x)
      .attr("y", y)
      .attr("width", (mark) => mark.width)
      .attr("height", LANE);
    groups
      .select<SVGRectElement>(".exit-texture")
      .attr("fill", ({ family, width: w }) => (w < 4 ? "none" : texture(prefix, FAMILY_TEXTURE[family])));
    groups
      .select("text")
      .attr("x", ({ x }) => Math.max(0, x) + 1)
      .attr("y", marksY + 13 * scale + 1)
      .text(({ label }) => label ?? "");
  }

  function drawInjections(x: (cycle: number) => number): void {
    const top = laneY("hypervisor");
    const seen = scene!.injected.filter(({ cycle }) => x(cycle) >= 0 && x(cycle) <= inner).slice(0, 400);
    injections
      .selectAll<SVGGElement, TraceEvent>("g")
      .data(seen, ({ n }) => n)
      .join((enter) => {
        const group = enter.append("g");
        group.append("path").attr("d", "M0,0l-4,7h8z");
        group.append("title");
        return group;
      })
      .attr("transform", ({ cycle }) => `translate(${x(cycle)},${top - GAP + 0.5})`)
      .select("title")
      .text(({ b }) => `VM entry injects ${injection(b)}`);
  }

  function drawAxis(x: (cycle: number) => number): void {
    const current = scene!;
    if (current.axis === "cycles") {
      axisLayer.selectAll(":scope > text").remove();
      const px = scaleLinear()
        .domain([current.start + shown[0], current.start + shown[1]])
        .range([0, inner]);
      const ticks = px.ticks(Math.max(2, inner / (140 * scale)));
      const step = ticks.length > 1 ? ticks[1] - ticks[0] : 1;
      axisLayer.call(
        axisBottom(px)
          .tickValues(ticks)
          .tickSize(4)
          .tickFormat((value) => tickCycles(Number(value), step)),
      );
    } else {
      const visible = current.stays.filter((stay) => x(stay.start) >= 0 && x(stay.start) <= inner);
      const every = Math.max(1, Math.ceil(visible.length / Math.max(1, inner / (64 * scale))));
      const ticks = visible.filter((_, index) => index % every === 0);
      axisLayer.selectAll("*").remove();
      axisLayer
        .selectAll("text")
        .data(ticks)
        .join("text")
        .attr("x", (stay) => Math.max(0, x(stay.start)) + 1)
        .attr("y", 11 * scale)
        .text((stay, index) => (index === 0 ? `exit ${stay.number}` : stay.number));
    }
    axisLayer.attr("font-family", null).attr("font-size", null);
  }

  function moveSelection(step: number): void {
    if (!scene || scene.stays.length === 0) return;
    const at = scene.stays.findIndex(({ n }) => n === scene!.selected);
    const next =
      at >= 0 || !Number.isFinite(step) ? Math.max(0, at) + step : step > 0 ? 0 : scene.stays.length - 1;
    const stay = scene.stays[Math.max(0, Math.min(scene.stays.length - 1, next))];
    reveal(stay);
    events.choose(stay.n);
  }
  function reveal(stay: ExitStay): void {
    const at = scene!.unit(stay.start);
    const span = shown[1] - shown[0];
    if (at < shown[0] || at > shown[1] - span * 0.05) {
      held = true;
      shown = windowAround(at, span, scene!.units);
    }
  }
  svg.node()!.addEventListener("keydown", (event) => {
    const acts: Record<string, () => void> = {
      ArrowRight: () => moveSelection(1),
      ArrowLeft: () => moveSelection(-1),
      Home: () => moveSelection(-Infinity),
      End: () => moveSelection(Infinity),
      Enter: () => {
        const stay = scene?.stays.find(({ n }) => n === scene!.selected);
        if (stay) events.jump(stay);
      },
      Escape: () => events.choose(null),
      "+": () => view.zoomBy(2),
      "-": () => view.zoomBy(1 / 2),
      "0": () => view.fit(),
    };
    if (!acts[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    acts[event.key]();
  });
  ground.on("click", () => events.choose(null));

  const view: TimelineView = {
    show(next) {
      const changedAxis =
        scene !== null && (scene.axis !== next.axis || next.units < shown[1] || scene.start !== next.start);
      scene = next;
      if (changedAxis) held = false;
      if (!held)
        shown = [next.running || next.now === 0 ? 0 : Math.min(next.follow, next.units - 1), next.units];
      paint();
    },
    fit: release,
    zoomBy(factor) {
      if (!scene) return;
      const selected = scene.stays.find(({ n }) => n === scene!.selected);
      const middle = (shown[0] + shown[1]) / 2;
      const at = selected ? scene.unit(selected.start) : middle;
      const centre = at >= shown[0] && at <= shown[1] ? at : middle;
      const span = (shown[1] - shown[0]) / factor;
      hold([centre - span / 2, centre + span / 2]);
    },
  };
  return view;
}

type Layer = Selection<SVGGElement, unknown, null, undefined>;

function drawBars(
  layer: Layer,
  shown: Bar[],
  y: (lane: Lane) => number,
  height: number,
  prefix: string,
): void {
  const groups = layer
    .selectAll<SVGGElement, Bar>("g")
    .data(shown)
    .join((enter) => {
      const group = enter.append("g");
      group.append("rect").attr("class", "bar-fill");
      group.append("rect").attr("class", "bar-texture");
      return group;
    })
    .attr("class", ({ lane }) => `bar ${LANE_TOKEN[lane]}`);
  for (const part of ["fill", "texture"]) {
    groups
      .select<SVGRectElement>(`.bar-${part}`)
      .attr("x", ({ x }) => x)
      .attr("width", ({ width }) => width)
      .attr("y", ({ lane, filled }) => y(lane) + height * (1 - filled))
      .attr("height", ({ filled }) => height * filled);
  }
  groups
    .select(".bar-texture")
    .attr("fill", ({ lane, width }) =>
      width < 5 || height < 12 ? "none" : texture(prefix, LANE_TEXTURE[lane]),
    );
}

/** Thin verticals where one lane hands over to another. */
function linkPath(
  spans: readonly RingSpan[],
  x: (cycle: number) => number,
  width: number,
  laneY: (lane: Lane) => number,
  laneHeight: number,
): string {
  let path = "";
  for (let i = 1; i < spans.length; i++) {
    const at = x(spans[i].start);
    if (at < 0 || at > width) continue;
    const [a, b] = [spans[i - 1].ring, spans[i].ring].map((ring) =>
      laneY(ring === 3 ? "user" : ring === -1 ? "hypervisor" : "kernel"),
    );
    const [upper, lower] = a < b ? [a, b] : [b, a];
    path += `M${at.toFixed(1)},${upper + laneHeight}V${lower}`;
  }
  return path;
}
