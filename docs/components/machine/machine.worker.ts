/**
 * Holds one machine. It runs in slices of a few milliseconds and listens in between, so that a pause is heard at once
 * whatever the guest does.
 */
import { Pace } from "../../lib/experiments/pace.js";
import { Session } from "../../lib/experiments/session.js";
import { Slices } from "../../lib/experiments/slices.js";
import type { Moment, TraceEvent, TranslatedBlock } from "../../lib/experiments/view.js";
import { compileHandler } from "./edited-handler.js";
import { MODULES } from "./importable.js";
import type {
  Command,
  ConsoleDelta,
  ImageSource,
  LoadCommand,
  Report,
  TraceDelta,
  TranslationDelta,
} from "./protocol.js";

/** Between two reports of a machine that runs, milliseconds. */
const REPORT_EVERY = 33;
/** Records in one report while it runs, and when it stops. */
const RUNNING_RECORDS = 800;
const STOPPED_RECORDS = 8_000;
/** Simulated milliseconds that a guest may sleep through at once; then it keeps to the clock of whoever watches it. */
const SLACK = 2_000;
/** Steps of a guest that sleeps, and how long to wait between them at most, so that a pause is heard. */
const IDLE_STEPS = 8_000;
const MOST_WAIT = 50;

type Handlers = NonNullable<NonNullable<Parameters<typeof Session.create>[0]["parts"]>["exits"]>;

let session: Session | null = null;
let generation = 0;
/** Counts the runs: a run that finds another number has been stopped. */
let run = 0;
let running = false;
/** Records that the page has. */
let sent = 0;
/** Characters of the console that it has. */
let shown = 0;
let reported = 0;
/** The page has records up to `sent` and nothing has been undone since. */
let follows = false;
/** Translated blocks that the page has; null: it asked for none. */
let translated: TranslatedBlock[] | null = null;
/** A report of the run left records out: the next stop sends them all again. */
let skipped = false;

let pace: Pace;
const slices = new Slices(8, () => performance.now());

function post(report: Report): void {
  postMessage(report);
}

function report(): void {
  if (!session) return;
  const view = session.view();
  if (!running && skipped) follows = false;
  const limit = running ? RUNNING_RECORDS : STOPPED_RECORDS;
  const from = Math.max(follows ? sent : 0, view.traceCount - limit);
  const gap = !follows || from > sent;
  skipped = running && (skipped || from > sent);
  const events: TraceEvent[] = session.trace(Math.max(0, from - 1), view.traceCount);
  const first = events.findIndex((event) => event.n >= from);
  const before = first > 0 ? events[first - 1].ring : view.cpuMode === "native" ? 0 : -1;
  const trace: TraceDelta = { follows: !gap, before, events: first < 0 ? [] : events.slice(first) };
  const console: ConsoleDelta = { from: follows ? shown : 0, text: view.console.slice(follows ? shown : 0) };
  shown = view.console.length;
  sent = view.traceCount;
  follows = true;
  reported = performance.now();
  const translations = translated && translationDelta(session, translated);
  post({ type: "state", generation, running, view: { ...view, console: "" }, console, trace, translations });
}

/** @param had - blocks that the page has; a block that has not changed is the same object as before */
function translationDelta(machine: Session, had: readonly TranslatedBlock[]): TranslationDelta | null {
  const now = machine.translations();
  if (now === null) return null;
  const blocks = now.blocks.filter((block, i) => had[i] !== block);
  translated = now.blocks;
  return { count: now.blocks.length, blocks, at: now.at, current: now.current, dropped: now.dropped };
}

function failed(stage: "load" | "run", error: unknown): void {
  run++;
  running = false;
  session = null;
  post({
    type: "failed",
    generation,
    stage,
    handler: null,
    message: error instanceof Error ? error.message : String(error),
  });
}

async function load(command: LoadCommand): Promise<void> {
  generation = command.generation;
  const exits: Handlers = {};
  let last: string | null = null;
  for (const [name, edited] of Object.entries(command.edited)) {
    try {
      const handler = compileHandler(edited, MODULES);
      exits[name as keyof Handlers] = (vcpu) => {
        if (last !== name) {
          last = name;
          post({ type: "handler", generation, name });
        }
        return handler(vcpu);
      };
    } catch (error) {
      post({
        type: "failed",
        generation,
        stage: "handler",
        handler: name,
        message: `It ${(error as Error).message}`,
      });
      return;
    }
  }
  const [core, image, initrd, decoder] = await Promise.all([
    moduleAt(command.core),
    bytesOf(command.image),
    command.initrd && bytesOf(command.initrd),
    command.cpuMode === "bt" ? moduleAt(command.decoder) : undefined,
  ]);
  session = Session.create({
    core,
    image,
    name: command.guest,
    cpuMode: command.cpuMode,
    memoryMode: command.memoryMode,
    preset: command.preset,
    decoder,
    ramBytes: command.ramBytes,
    commandLine: command.commandLine,
    initrd,
    parts: { exits },
  });
  translated = command.translations ? [] : null;
  pace = new Pace(session.machine.clock.frequency, SLACK);
  follows = false;
  // Nothing is told of the way: the page goes on when the machine stands where it was asked for.
  if (command.at) goTo(command.at, () => {});
  else report();
}

async function bytesOf(source: ImageSource): Promise<Uint8Array> {
  return "bytes" in source ? source.bytes : bytesAt(source.address);
}

async function bytesAt(address: string): Promise<Uint8Array> {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address} answered ${response.status}. Reload the page.`);
  return new Uint8Array(await response.arrayBuffer());
}

async function moduleAt(address: string): Promise<WebAssembly.Module> {
  return WebAssembly.compile((await bytesAt(address)).buffer as ArrayBuffer);
}

/** A turn of the event loop, so that messages are heard. */
function listen(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

function reportIfDue(): void {
  if (performance.now() - reported >= REPORT_EVERY) report();
}

/** A turn of the event loop after so many milliseconds, or now. */
function listenFor(milliseconds: number): Promise<void> {
  if (milliseconds <= 0) return listen();
  return new Promise((resolve) => setTimeout(resolve, Math.min(milliseconds, MOST_WAIT)));
}

async function runFull(mine: number, machine: Session): Promise<void> {
  let wait = 0;
  while (run === mine) {
    if (wait > MOST_WAIT) wait = pace.wait(machine.machine.processor.cycles, performance.now());
    else {
      if (wait > 0) machine.run({ instructions: IDLE_STEPS });
      else slices.during((instructions) => machine.run({ instructions }));
      if (machine.ending) break;
      wait = pace.wait(machine.machine.processor.cycles, performance.now());
    }
    reportIfDue();
    await listenFor(wait);
  }
}

/** An exit, a look at it, its handling, a look at the guest: so many a second. */
async function runPaced(mine: number, machine: Session, pace: number): Promise<void> {
  while (run === mine) {
    if (machine.view().phase !== "hypervisor") {
      // Towards the next exit in slices: the guest may never cause one.
      slices.during((instructions) => machine.run({ instructions, untilExit: true }));
      const { phase, ending } = machine.view();
      if (ending) break;
      if (phase !== "hypervisor") {
        reportIfDue();
        await listen();
        continue;
      }
    } else machine.step();
    if (machine.ending) break;
    report();
    await new Promise((resolve) => setTimeout(resolve, 500 / pace));
  }
}

async function start(pace: number | null): Promise<void> {
  if (!session) return;
  const mine = ++run;
  running = true;
  await (pace === null ? runFull(mine, session) : runPaced(mine, session, pace));
  if (run !== mine) return;
  running = false;
  report();
}

function stop(): void {
  run++;
  running = false;
}

function perform(command: Exclude<Command, LoadCommand>): void {
  if (!session) return;
  switch (command.type) {
    case "run":
      start(command.pace).catch((error: unknown) => failed("run", error));
      return;
    case "pause":
      stop();
      break;
    case "step":
      session.step();
      break;
    case "to-exit":
      toExit();
      return;
    case "back":
      goBack();
      return;
    case "seek":
      goTo(command.moment);
      return;
    case "type":
      type(command.bytes);
      return;
    default:
      return;
  }
  report();
}

/** What waits for input goes on; what is paused stays so. */
function type(bytes: Uint8Array): void {
  const machine = session!;
  const goesOn = machine.waitsForInput;
  pace.forgive();
  machine.type(bytes);
  if (goesOn) start(null).catch((error: unknown) => failed("run", error));
  else if (!running) report();
}

function goBack(): void {
  const { moment } = session!.view();
  const position = moment.position! - 1;
  if (position >= 0) goTo({ ...moment, position });
}

/** To a moment by replay, which takes as long as the run did: in slices that a pause can end. */
function goTo(moment: Moment, onTheWay = reportIfDue): void {
  const machine = session!;
  const { position } = moment;
  if (position === undefined) {
    stop();
    machine.seek(moment);
    follows = false;
    report();
    return;
  }
  const mine = ++run;
  running = true;
  reported = performance.now();
  const at = (): number => machine.moment.position!;
  const go = async (): Promise<void> => {
    if (position < at()) machine.seek({ instructions: 0, exits: 0, position: 0 });
    follows = false;
    while (run === mine && at() < position && !machine.ending) {
      slices.during((steps) => machine.run({ instructions: Math.min(steps, position - at()) }));
      if (at() >= position) break;
      onTheWay();
      await listen();
    }
    if (run !== mine) return;
    running = false;
    follows = false;
    report();
  };
  go().catch((error: unknown) => failed("run", error));
}

/** To the next exit, however far that is, in slices that a pause can end. */
function toExit(): void {
  const machine = session!;
  const mine = ++run;
  running = true;
  const exits = machine.view().moment.exits;
  const go = async (): Promise<void> => {
    if (machine.view().phase === "hypervisor") machine.step();
    while (run === mine) {
      const { phase, ending, moment } = machine.view();
      if (ending || (phase === "hypervisor" && moment.exits > exits)) break;
      slices.during((instructions) => machine.run({ instructions, untilExit: true }));
      reportIfDue();
      await listen();
    }
    if (run !== mine) return;
    running = false;
    report();
  };
  go().catch((error: unknown) => failed("run", error));
}

onmessage = (event: MessageEvent<Command>) => {
  const command = event.data;
  if (command.type === "ping") post({ type: "pong" });
  else if (command.type === "load") load(command).catch((error: unknown) => failed("load", error));
  else {
    try {
      perform(command);
    } catch (error) {
      failed("run", error);
    }
  }
};
