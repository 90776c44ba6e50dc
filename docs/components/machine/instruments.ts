/** Figures connected to a machine, for chapters and slides: each is `f(machine, options) → element`. */
import { compressionFigure } from "../figures/compression.js";
import { crossings } from "../figures/crossings.js";
import { exitTable } from "../figures/exit-table.js";
import { exitTimeline } from "../figures/exit-timeline.js";
import { guestConsole } from "../figures/console.js";
import { element, type FrameOptions } from "../figures/frame.js";
import { guestSource, type GuestSource } from "../figures/guest-source.js";
import type { GuestListing } from "../../lib/guests/listing.js";
import { registers } from "../figures/registers.js";
import { ringFigure } from "../figures/ring-figure.js";
import { translationFigure } from "../figures/translation.js";
import { vmcsFigure } from "../figures/vmcs.js";
import { whatExits } from "../figures/what-exits.js";
import type { MachineView } from "../../lib/experiments/view.js";
import { attach } from "./attach.js";
import type { Machine } from "./client.js";
import { controlKeys, controls } from "./controls.js";

export function rings(machine: Machine, options: FrameOptions): HTMLElement {
  const figure = ringFigure(options, (record) => machine.select(record));
  attach(machine, figure.element, (state) =>
    figure.update({
      ring: state.view?.ring ?? 0,
      ready: !state.view || state.view.phase === "ready",
      running: state.status === "running",
      crossings: crossings(state.events, state.before),
      complete: (state.events[0]?.n ?? 0) === 0,
    }),
  );
  return figure.element;
}

export function compression(machine: Machine, options: FrameOptions): HTMLElement {
  const figure = compressionFigure(options);
  attach(machine, figure.element, ({ view }) => figure.update(view?.console ?? ""));
  return figure.element;
}

/** @param listing - of the guest, for its labels */
export function translations(machine: Machine, listing: GuestListing, options: FrameOptions): HTMLElement {
  const figure = translationFigure(options, listing);
  attach(machine, figure.element, (state) => figure.update(state.translations));
  return figure.element;
}

export function timeline(machine: Machine, options: FrameOptions): HTMLElement {
  const figure = exitTimeline(options, {
    select: (record) => machine.select(record),
    jump: (moment) => machine.seek(moment),
  });
  attach(machine, figure.element, ({ view, events, before, firstExit, status, selected }) =>
    figure.update({
      cpuMode: view?.cpuMode ?? "vtx",
      events,
      before,
      firstExit,
      now: view?.cycles ?? 0,
      running: status === "running",
      selected,
    }),
  );
  return figure.element;
}

export function exitRules(machine: Machine, options: FrameOptions): HTMLElement {
  const figure = whatExits(options);
  attach(machine, figure.element, ({ view }) => figure.update(view));
  return figure.element;
}

export function vmcs(machine: Machine, options: FrameOptions): HTMLElement {
  const figure = vmcsFigure(options);
  attach(machine, figure.element, ({ view, previous, status }) => {
    if (status !== "running") figure.update(view, previous);
  });
  return figure.element;
}

export function registerList(machine: Machine): HTMLElement {
  const figure = registers();
  attach(machine, figure.element, ({ view, previous }) => figure.update(view, previous));
  return figure.element;
}

export function exitCounts(machine: Machine): HTMLElement {
  const figure = exitTable();
  attach(machine, figure.element, ({ view }) => figure.update(view?.exits ?? [], view?.cycles ?? 0));
  return figure.element;
}

export function consoleOf(machine: Machine): HTMLElement {
  const figure = guestConsole();
  attach(machine, figure.element, ({ view, status, guest }) =>
    figure.update(view?.console ?? "", {
      ready: !view || view.phase === "ready",
      ended: status === "ended",
      guest,
    }),
  );
  return figure.element;
}

/**
 * The program that the machine runs, at the line that it runs next.
 * @param listing - of the guest that ships with the notebook
 * @param tools - what stands below the program
 */
export function sourceOf(machine: Machine, listing: GuestListing, ...tools: HTMLElement[]): GuestSource {
  const figure = guestSource(...tools);
  attach(machine, figure.element, ({ view, program }) => {
    const rip = view?.registers.find(({ name }) => name.toUpperCase() === "RIP")?.value ?? null;
    figure.update(program?.listing ?? listing, view && view.phase !== "ready" ? rip : null, view?.ring ?? 0);
  });
  return figure;
}

/** A number or a few words in running text, taken from the machine as it stands. */
export function live(machine: Machine, words: (view: MachineView) => string, before = "…"): HTMLElement {
  const span = element("span", { class: "live" }, before);
  attach(machine, span, ({ view }) => {
    const text = view ? words(view) : before;
    if (span.textContent !== text) span.textContent = text;
  });
  return span;
}

/** What went wrong and what to do; empty while all is well. */
export function noticeOf(machine: Machine): HTMLElement {
  const host = element("div", { class: "machine-notice", role: "alert" });
  let shown: unknown = null;
  machine.subscribe(({ notice, edited }) => {
    if (notice === shown) return;
    shown = notice;
    host.replaceChildren();
    if (!notice) return;
    host.dataset.kind = notice.kind;
    host.append(element("b", {}, notice.title), element("p", {}, notice.text));
    const reset = element("button", { type: "button", class: "button" }, "Reset the machine");
    reset.addEventListener("click", () => machine.reset());
    host.append(reset);
    if (notice.handler && edited[notice.handler]) {
      const name = notice.handler;
      const undo = element(
        "button",
        { type: "button", class: "button" },
        `Put the hypervisor’s own ${name} handler back`,
      );
      undo.addEventListener("click", () => machine.edit(name, null));
      host.append(" ", undo);
    }
  });
  return host;
}

/** Makes something when it is about to be seen: a second machine costs nothing before. */
export function whenSeen(make: () => HTMLElement): HTMLElement {
  const host = element("div", { class: "when-seen" });
  const observer = new IntersectionObserver(
    ([entry]) => {
      if (!entry.isIntersecting) return;
      observer.disconnect();
      host.append(make());
    },
    { rootMargin: "300px" },
  );
  observer.observe(host);
  return host;
}

/** A place where a machine is used: its controls above whatever shows it. Keys of the controls work inside. */
let stages = 0;

export function stage(machine: Machine, ...parts: (HTMLElement | HTMLElement[])[]): HTMLElement {
  const body = parts.map((part) =>
    Array.isArray(part) ? element("div", { class: "stage-row" }, ...part) : part,
  );
  const made = element(
    // Not a <section>: in a deck that would be a slide.
    "div",
    { class: "stage wide", role: "region", "aria-label": `Machine, view ${++stages}`, "data-own-keys": "" },
    controls(machine),
    noticeOf(machine),
    ...body,
  );
  controlKeys(made, machine);
  // One key of a deck puts the demonstrations of its slide back.
  document.addEventListener("ring1:reset-demo", (event) => {
    if (made.isConnected && (event.target as Element).contains(made)) machine.restore();
  });
  return made;
}

/** A part of a stage with a small heading of its own. */
export function pane(title: string, ...content: HTMLElement[]): HTMLElement {
  return element("div", { class: "pane" }, element("p", { class: "pane-title" }, title), ...content);
}
