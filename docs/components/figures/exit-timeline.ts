/** The exit timeline: who had the processor, cycle by cycle, and why the guest lost it. */
import type { CpuMode, Moment, Ring, TraceEvent } from "../../lib/experiments/view.js";
import { ringSpans } from "../../lib/trace/spans.js";
import { exitStays, type ExitStay } from "./crossings.js";
import { count, counted, cycles, exitLabel, ringName, ringNumber, shortHex } from "./format.js";
import { element, frame, onWidth, type FrameOptions } from "./frame.js";
import { evenScale } from "./timeline-geometry.js";
import { timelineView, type TimelineScene, type TimelineView } from "./timeline-view.js";

export interface TimelineData {
  cpuMode: CpuMode;
  /** Without gaps, oldest first. */
  events: readonly TraceEvent[];
  /** Ring before the first of them, and the number of the first exit among them. */
  before: Ring;
  firstExit: number;
  /** Cycles now. */
  now: number;
  running: boolean;
  /** Sequence number of the selected record. */
  selected: number | null;
}

export interface TimelineActions {
  select(record: number | null): void;
  jump(moment: Moment): void;
}

export interface ExitTimeline {
  element: HTMLElement;
  update(data: TimelineData): void;
}

type Axis = "cycles" | "events";

/** Exits that the window shows while one steps through a long run. */
const FOLLOWED = 10;

export function exitTimeline(options: FrameOptions, actions: TimelineActions): ExitTimeline {
  const made = frame({ ...options, wide: true });
  made.element.classList.add("exit-timeline");
  const host = element("div", { class: "timeline-drawing" });
  const detail = element("p", { class: "timeline-detail", "aria-live": "polite" });
  let axis: Axis = "events";
  const bar = toolbar((next) => {
    axis = next;
    scene = null;
    view?.fit();
    redraw();
  });
  made.body.append(bar.element, host, detail);

  let data: TimelineData | null = null;
  let scene: TimelineScene | null = null;
  let view: TimelineView | null = null;
  let width = 0;

  const redraw = (): void => {
    if (width === 0) return;
    view ??= timelineView(host, width, {
      choose: (n) => actions.select(n),
      jump: (stay) => actions.jump(momentOf(stay)),
    });
    bar.attach(view);
    if (!data) return;
    scene = sceneOf(data, axis);
    view.show(scene);
    showDetail(detail, data, scene, actions);
  };
  onWidth(host, (next) => {
    width = next;
    view = null;
    redraw();
  });
  made.setTable(() => ({
    title: "VM exits, in order",
    columns: [
      { name: "Exit", number: true },
      { name: "Reason" },
      { name: "Left ring" },
      { name: "RIP" },
      { name: "Cycles until entry", number: true },
      { name: "Injected" },
    ],
    rows: (scene?.stays ?? [])
      .slice(-500)
      .map((stay) => [
        count(stay.number),
        exitLabel(stay.reason),
        stay.from,
        shortHex(stay.rip),
        stay.end === null ? "…" : count(stay.end - stay.start),
        stay.injected ?? "",
      ]),
  }));
  return {
    element: made.element,
    update(next) {
      data = next;
      redraw();
    },
  };
}

/** The machine as the exit is about to be handled. */
export function momentOf(stay: ExitStay): Moment {
  return { instructions: stay.instructions, exits: stay.number };
}

function sceneOf(data: TimelineData, axis: Axis): TimelineScene {
  const stays = exitStays(data.events, data.firstExit, data.before);
  const spans = ringSpans(data.events, data.now);
  const start = data.events[0]?.cycle ?? 0;
  const end = Math.max(data.now, start + 1);
  const injected = data.events.filter(
    (event) => event.kind === "VM_ENTRY" && (event.b & 0x8000_0000n) !== 0n,
  );
  const even = evenScale([start, ...spans.map((span) => span.start), end]);
  const unit = axis === "cycles" ? (cycle: number) => cycle - start : even.step;
  const last = stays.at(-FOLLOWED);
  return {
    cpuMode: data.cpuMode,
    spans,
    stays,
    injected,
    now: data.now,
    units: axis === "cycles" ? end - start : even.steps,
    unit,
    axis,
    start,
    selected: data.selected,
    running: data.running,
    follow: stays.length > 3 * FOLLOWED && last ? unit(last.start) : 0,
  };
}

function showDetail(
  detail: HTMLElement,
  data: TimelineData,
  scene: TimelineScene,
  actions: TimelineActions,
): void {
  const stay = scene.stays.find(({ n }) => n === data.selected);
  if (!stay) {
    const words =
      data.cpuMode === "native"
        ? "No hypervisor here: there is nothing to exit to."
        : scene.stays.length === 0
          ? "No exit yet."
          : `${counted(scene.stays.at(-1)!.number, "exit")} so far. Select one: click, or arrow keys in the figure.`;
    if (detail.textContent !== words) detail.replaceChildren(words);
    detail.dataset.record = "";
    return;
  }
  const key = `${stay.n}.${stay.end ?? ""}`;
  if (detail.dataset.record === key) return;
  detail.dataset.record = key;
  const jump = element(
    "button",
    { type: "button", class: "button", title: "Puts the machine to this exit (Enter)" },
    "Go there",
  );
  jump.addEventListener("click", () => actions.jump(momentOf(stay)));
  const took = stay.end === null ? "being handled" : `${cycles(stay.end - stay.start)} until the entry`;
  detail.replaceChildren(
    element("b", {}, `Exit ${count(stay.number)}: ${exitLabel(stay.reason)}`),
    ` at ${shortHex(stay.rip)}, out of ${ringNumber(stay.from)} (${ringName(stay.from)}); ${took}` +
      `${stay.injected ? `, which injects ${stay.injected}` : ""}. `,
    jump,
  );
}

interface Toolbar {
  element: HTMLElement;
  attach(view: TimelineView): void;
}

function toolbar(setAxis: (axis: Axis) => void): Toolbar {
  let view: TimelineView | null = null;
  const axes: [Axis, string, string][] = [
    ["events", "even steps", "Every crossing is one step wide: read the order"],
    ["cycles", "cycles", "To scale: read the time"],
  ];
  const choice = element("div", { class: "timeline-axis", role: "group", "aria-label": "Horizontal axis" });
  for (const [axis, name, title] of axes) {
    const button = element(
      "button",
      { type: "button", class: "button", title, "aria-pressed": String(axis === "events") },
      name,
    );
    button.addEventListener("click", () => {
      for (const other of choice.children) other.setAttribute("aria-pressed", String(other === button));
      setAxis(axis);
    });
    choice.append(button);
  }
  const zooms: [string, string, () => void][] = [
    ["−", "Show more (key −)", () => view?.zoomBy(1 / 2)],
    ["+", "Show less, larger (key +)", () => view?.zoomBy(2)],
    ["whole run", "Show the whole run (key 0)", () => view?.fit()],
  ];
  const zoom = element("div", { class: "timeline-zoom", role: "group", "aria-label": "Zoom" });
  for (const [name, title, act] of zooms) {
    const button = element("button", { type: "button", class: "button", title }, name);
    button.addEventListener("click", act);
    zoom.append(button);
  }
  return {
    element: element("div", { class: "timeline-toolbar" }, choice, zoom),
    attach(next) {
      view = next;
    },
  };
}
