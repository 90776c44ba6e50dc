/**
 * Holds one machine. It runs in slices of a few milliseconds and listens in between, so that a pause is heard at once
 * whatever the guest does.
 */
import { Session } from "../../lib/experiments/session.js";
import type { TraceEvent } from "../../lib/experiments/view.js";
import { compileHandler } from "./edited-handler.js";
import { MODULES } from "./importable.js";
import type { Command, LoadCommand, Report, TraceDelta } from "./protocol.js";
import { Slices } from "./slices.js";

/** Between two reports of a machine that runs, milliseconds. */
const REPORT_EVERY = 33;
/** Records in one report while it runs, and when it stops. */
const RUNNING_RECORDS = 800;
const STOPPED_RECORDS = 8_000;

type Handlers = NonNullable<NonNullable<Parameters<typeof Session.create>[0]["parts"]>["exits"]>;

let session: Session | null = null;
let generation = 0;
/** Counts the runs: a run that finds another number has been stopped. */
let run = 0;
let running = false;
/** Records that the page has. */
let sent = 0;
let reported = 0;
/** The page has records up to `sent` and nothing has been undone since. */
let follows = false;
/** A report of the run left records out: the next stop sends them all again. */
let skipped = false;

const slices = new Slices(8);

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
  sent = view.traceCount;
  follows = true;
  reported = performance.now();
  post({ type: "state", generation, running, view, trace });
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
  const { image: given } = command;
  const [core, image] = await Promise.all([
    moduleAt(command.core),
    typeof given === "string" ? bytesAt(given) : given,
  ]);
  session = Session.create({
    core,
    image,
    name: command.guest,
    cpuMode: command.cpuMode,
    ramBytes: command.ramBytes,
    commandLine: command.commandLine,
    parts: { exits },
  });
  follows = false;
  if (command.at) session.seek(command.at);
  report();
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

async function runFull(mine: number, machine: Session): Promise<void> {
  while (run === mine) {
    slices.during((instructions) => machine.run({ instructions }));
    if (machine.view().ending) break;
    if (performance.now() - reported >= REPORT_EVERY) report();
    await listen();
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
        if (performance.now() - reported >= REPORT_EVERY) report();
        await listen();
        continue;
      }
    } else machine.step();
    if (machine.view().ending) break;
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
      session.back();
      follows = false;
      break;
    case "seek":
      stop();
      session.seek(command.moment);
      follows = false;
      break;
    default:
      return;
  }
  report();
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
      if (performance.now() - reported >= REPORT_EVERY) report();
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
