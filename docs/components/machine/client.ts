/**
 * A machine as a page sees it: state that figures subscribe to, and what a reader can do. The machine itself runs in a
 * worker, so that the page answers whatever the guest or an edited handler does.
 */
import type { MachineView, Moment, Ring, TraceEvent, TranslationsView } from "../../lib/experiments/view.js";
import { CORE, DECODER, guestImage } from "./assets.js";
import { momentOf, sameMoment, withMoment } from "./moment.js";
import type { Program } from "./guest/protocol.js";
import type {
  Command,
  EditedHandler,
  EditedHandlers,
  ImageSource,
  MachineSetup,
  Report,
} from "./protocol.js";
import { addDelta, EMPTY_TRACE, type TraceWindow } from "./trace-window.js";
import { withBlocks } from "./translation-window.js";

export type Status = "loading" | "ready" | "running" | "paused" | "ended" | "failed";

/** Something that the reader has to know about: what happened, and what to do. */
export interface Notice {
  kind: "failed" | "stopped";
  title: string;
  text: string;
  /** Exit reason whose edited handler is the cause, if one is. */
  handler: string | null;
}

export interface MachineState extends TraceWindow {
  guest: string;
  status: Status;
  view: MachineView | null;
  /** Under binary translation, if it was asked for. */
  translations: TranslationsView | null;
  /** The machine at the last stop before this one. */
  previous: MachineView | null;
  /** Exits per second, or null for full speed. */
  pace: number | null;
  /** Sequence number of the trace record that the reader has selected. */
  selected: number | null;
  notice: Notice | null;
  /** Exit reasons whose handler the reader has changed. */
  edited: EditedHandlers;
  /** The guest as the reader has changed it; null for the one that ships with the notebook. */
  program: Program | null;
}

export interface MachineOptions extends Omit<MachineSetup, "edited"> {
  edited?: EditedHandlers;
  /** The built-in guest's own unless given. */
  image?: ImageSource;
  /** Puts the moment at which the machine pauses into the page's address, and takes it from there. */
  addressed?: boolean;
  /** Where the machine stands after a reset; its beginning unless given. */
  prepared?: Moment;
}

/** A worker that edited handlers run in is given up after this long without an answer. */
const PATIENCE = 2_000;
/** The hypervisor's own handlers end, and a replay (back, seek) takes as long as the run that it repeats. */
const PATIENCE_LONG = 20_000;
const PING = 400;

export class Machine extends EventTarget {
  state: MachineState;
  #worker: Worker | null = null;
  #generation = 0;
  #heard = 0;
  #waiting = 0;
  #watch: ReturnType<typeof setInterval> | undefined;
  #lastHandler: string | null = null;
  #stop: MachineView | null = null;
  readonly #options: MachineOptions;

  constructor(options: MachineOptions) {
    super();
    this.#options = options;
    this.state = {
      ...EMPTY_TRACE,
      guest: options.guest,
      status: "loading",
      view: null,
      translations: null,
      previous: null,
      pace: null,
      selected: null,
      notice: null,
      edited: options.edited ?? {},
      program: null,
    };
    if (options.addressed) {
      addEventListener("hashchange", this.#followAddress);
      this.#load(momentOf(location.hash) ?? options.prepared ?? null);
    } else this.#load(options.prepared ?? null);
  }

  /** The page's address names the moment at which the machine stands. */
  get addressed(): boolean {
    return this.#options.addressed ?? false;
  }

  /** Calls `listener` with the state now and after every change; returns what ends that. */
  subscribe(listener: (state: MachineState) => void): () => void {
    const heard = (): void => listener(this.state);
    this.addEventListener("change", heard);
    listener(this.state);
    return () => this.removeEventListener("change", heard);
  }

  run(): void {
    if (!this.#idle()) return;
    this.#change({ status: "running", notice: null });
    this.#ask({ type: "run", pace: this.state.pace });
  }
  /** Runs as soon as the machine is loaded. */
  runWhenReady(): void {
    if (this.state.status !== "loading") return this.run();
    const stop = this.subscribe(({ status }) => {
      if (status === "loading") return;
      queueMicrotask(() => stop());
      if (status === "ready" || status === "paused") queueMicrotask(() => this.run());
    });
  }
  pause(): void {
    if (this.state.status === "running") this.#ask({ type: "pause" });
  }
  step(): void {
    if (this.state.status === "running") this.pause();
    else if (this.#idle()) this.#ask({ type: "step" });
  }
  toExit(): void {
    if (this.#idle()) this.#ask({ type: "to-exit" });
  }
  back(): void {
    if (this.state.status === "running") this.pause();
    else if (this.#idle() || this.state.status === "ended") this.#ask({ type: "back" });
  }
  seek(moment: Moment): void {
    if (this.state.status === "loading" || this.state.status === "failed") return;
    this.#ask({ type: "seek", moment });
  }
  /** As it was when the page opened: prepared state, prepared handlers, the notebook's own guest. */
  restore(): void {
    this.#change({ edited: this.#options.edited ?? {}, program: null, pace: null });
    this.reset();
  }
  /** Takes over where another window's machine stands. */
  adopt(edited: EditedHandlers, moment: Moment): void {
    if (JSON.stringify(edited) === JSON.stringify(this.state.edited) && this.state.status !== "loading") {
      if (this.state.status === "failed") this.#load(moment);
      else this.seek(moment);
      return;
    }
    this.#change({ edited });
    this.#load(moment);
  }
  /** The machine as new, or in its prepared state; what the reader has edited stays. */
  reset(): void {
    this.#load(this.#options.prepared ?? null);
  }
  setPace(pace: number | null): void {
    this.#change({ pace });
    if (this.state.status === "running") this.#ask({ type: "run", pace });
  }
  /** Types at the guest's console. A guest that ended for want of input goes on. */
  type(bytes: Uint8Array): void {
    const { status, view } = this.state;
    if (status === "running" || this.#idle() || view?.ending?.kind === "halted")
      this.#ask({ type: "type", bytes });
  }
  select(record: number | null): void {
    this.#change({ selected: record });
  }

  /** Puts an edited handler in and resets; null puts the hypervisor's own back. */
  edit(exit: string, handler: EditedHandler | null): void {
    const edited: Record<string, EditedHandler> = { ...this.state.edited };
    if (handler) edited[exit] = handler;
    else delete edited[exit];
    this.#change({ edited });
    this.reset();
  }

  /** Puts an edited guest in and resets; null puts the notebook's own back. */
  boot(program: Program | null): void {
    this.#change({ program });
    this.reset();
  }

  /** Ends the worker; the machine cannot be used any more. */
  dispose(): void {
    removeEventListener("hashchange", this.#followAddress);
    clearInterval(this.#watch);
    this.#worker?.terminate();
    this.#worker = null;
  }

  #idle(): boolean {
    return this.state.status === "ready" || this.state.status === "paused";
  }

  #followAddress = (): void => {
    const moment = momentOf(location.hash);
    if (moment && this.state.status !== "running" && !sameMoment(moment, this.state.view?.moment ?? null)) {
      this.seek(moment);
    }
  };

  #load(at: Moment | null): void {
    // A worker that is busy with an endless handler hears nothing: a new one is quicker than waiting.
    this.#worker?.terminate();
    this.#worker = startWorker();
    this.#worker.onmessage = (event: MessageEvent<Report>) => this.#hear(event.data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#fail("The machine stopped", event.message || "The worker that holds it could not start.", null);
    };
    this.#generation++;
    this.#lastHandler = null;
    this.#stop = null;
    this.#change({
      ...EMPTY_TRACE,
      status: "loading",
      translations: null,
      previous: null,
      selected: null,
      notice: null,
    });
    const { guest, cpuMode, memoryMode, preset, ramBytes, commandLine, initrd, translations } = this.#options;
    this.#ask({
      type: "load",
      generation: this.#generation,
      guest,
      cpuMode,
      memoryMode,
      preset,
      ramBytes,
      commandLine,
      initrd,
      translations,
      edited: this.state.edited,
      core: CORE,
      decoder: DECODER,
      image: this.#image(),
      at,
    });
  }

  /** The reader's own program comes before the image that the page gave. */
  #image(): ImageSource {
    const { program } = this.state;
    const { guest, cpuMode, image } = this.#options;
    if (program) return { bytes: program.image };
    return image ?? { address: guestImage(guest, cpuMode) };
  }

  #ask(command: Command): void {
    this.#worker?.postMessage(command);
    this.#waiting ||= performance.now();
    this.#heard = performance.now();
    this.#watch ??= setInterval(() => this.#lookAfter(), PING);
  }

  /** Pings while an answer is due; gives the worker up when it stays silent. */
  #lookAfter(): void {
    const busy = this.#waiting > 0 || this.state.status === "running";
    if (!busy || !this.#worker) {
      clearInterval(this.#watch);
      this.#watch = undefined;
      return;
    }
    const handler = this.#lastHandler ?? Object.keys(this.state.edited)[0] ?? null;
    // A page in the background is not called often enough to judge.
    const patience = handler ? PATIENCE : PATIENCE_LONG;
    if (performance.now() - this.#heard > patience && document.visibilityState === "visible") {
      this.#giveUp(handler);
      return;
    }
    this.#worker.postMessage({ type: "ping" } satisfies Command);
  }

  #giveUp(handler: string | null): void {
    this.#worker?.terminate();
    this.#worker = null;
    clearInterval(this.#watch);
    this.#watch = undefined;
    this.#waiting = 0;
    if (handler) {
      this.#fail(
        `The handler for ${handler} does not return`,
        `It ran last, and the machine has not answered for ${PATIENCE / 1000} seconds: look for a loop without end. Change it and run it again, or put the hypervisor’s own handler back.`,
        handler,
      );
    } else {
      this.#fail("The machine does not answer", "It was stopped. Reset it to start again.", null);
    }
  }

  #fail(title: string, text: string, handler: string | null): void {
    this.#waiting = 0;
    this.#change({ status: "failed", notice: { kind: "failed", title, text, handler } });
  }

  #hear(report: Report): void {
    this.#heard = performance.now();
    if (report.type === "pong" || report.generation !== this.#generation) return;
    if (report.type === "handler") {
      this.#lastHandler = report.name;
      return;
    }
    this.#waiting = 0;
    if (report.type === "failed") {
      const title = {
        load: "The machine could not be loaded",
        handler: `The handler for ${report.handler} was not put in`,
        run: "The machine stopped",
      }[report.stage];
      this.#fail(title, report.message, report.handler);
      return;
    }
    const { from, text } = report.console;
    const earlier = this.state.view?.console.slice(0, from) ?? "";
    this.#take({ ...report, view: { ...report.view, console: earlier + text } });
  }

  #take({ view, running, trace, translations }: Extract<Report, { type: "state" }>): void {
    const status: Status = running
      ? "running"
      : view.ending
        ? "ended"
        : view.phase === "ready"
          ? "ready"
          : "paused";
    const stopped = !running;
    const previous =
      stopped && this.#stop && !sameMoment(this.#stop.moment, view.moment) ? this.#stop : this.state.previous;
    if (stopped) this.#stop = view;
    const window = addDelta(this.state, trace, view.moment.exits);
    const selected =
      this.state.selected !== null && this.state.selected < view.traceCount ? this.state.selected : null;
    this.#change({
      ...window,
      status,
      view,
      translations: translations && withBlocks(this.state.translations, translations),
      previous: stopped ? previous : this.state.previous,
      selected,
      notice: noticeOf(view, this.state.edited),
    });
    if (stopped && this.#options.addressed) this.#address(view);
  }

  #address(view: MachineView): void {
    const moment = view.phase === "ready" ? null : view.moment;
    if (!moment && momentOf(location.hash) === null) return;
    const hash = withMoment(location.hash, moment);
    if (hash !== location.hash)
      history.replaceState(history.state, "", `${location.pathname}${location.search}${hash}`);
  }

  #change(change: Partial<MachineState>): void {
    this.state = { ...this.state, ...change };
    this.dispatchEvent(new Event("change"));
  }
}

function startWorker(): Worker {
  return new Worker(import.meta.resolve("./machine.worker.js"), { type: "module" });
}

/** What an ending has to say beyond the state in words. */
function noticeOf(view: MachineView, edited: EditedHandlers): Notice | null {
  const { ending } = view;
  if (!ending || ending.kind === "power-off" || ending.kind === "debug-exit") return null;
  const titles: Partial<Record<typeof ending.kind, string>> = {
    "part-error": "A handler failed",
    "entry-failure": "The processor refused the VM entry",
    "triple-fault": "The guest’s processor shut down",
    halted: "The guest sleeps for ever",
    "budget-exhausted": "The budget of instructions is used up",
  };
  const handler =
    ending.kind === "part-error"
      ? (Object.keys(edited).find((name) => ending.message.includes(name)) ?? null)
      : null;
  return { kind: "stopped", title: titles[ending.kind] ?? "The run ended", text: ending.message, handler };
}

/** Where rings stand before the first record of a machine. */
export function firstRing(cpuMode: MachineView["cpuMode"]): Ring {
  return cpuMode === "native" ? 0 : -1;
}

export type { Moment, TraceEvent };
