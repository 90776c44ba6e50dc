import { describe, expect, it } from "vitest";
import { Session } from "../../src/experiments/session.js";
import type { MachineView, TraceEvent } from "../../src/experiments/view.js";
import { builtIn, core, decoder } from "./guest.js";

const RAM = 16 * 2 ** 20;

const MODES = {
  native: { cpuMode: "native" },
  vtx: { cpuMode: "vtx" },
  "vtx with shadow paging": { cpuMode: "vtx", memoryMode: "shadow" },
  bt: { cpuMode: "bt" },
  pv: { cpuMode: "pv" },
} as const;
type Mode = keyof typeof MODES;

/** The build of a guest that a mode takes. */
const imageFor = (mode: Mode, name: string): Uint8Array => builtIn(mode === "pv" ? `${name}.pv` : name);

function create(mode: Mode, name = "hello", commandLine = ""): Session {
  return Session.create({
    ...{ core, decoder, image: imageFor(mode, name), name, ramBytes: RAM, commandLine },
    ...MODES[mode],
  });
}

interface Outcome {
  view: MachineView;
  trace: TraceEvent[];
}

function outcome(session: Session): Outcome {
  const view = session.view();
  return { view, trace: session.trace(0, view.traceCount) };
}

/** A fixed sequence of slice lengths, short and long. */
function* lengths(seed: number): Generator<number> {
  for (let x = seed; ; x = (x * 1_103_515_245 + 12_345) % 2 ** 31)
    yield 1 + (x % 7 === 0 ? x % 20_000 : x % 37);
}

describe.each(Object.keys(MODES) as Mode[])("a %s run", (mode) => {
  const reference = (() => {
    const session = create(mode);
    session.run();
    return outcome(session);
  })();

  it("is the same again", () => {
    const session = create(mode);
    session.run();
    expect(outcome(session)).toEqual(reference);
  });

  it("is the same stepped", () => {
    const session = create(mode);
    while (session.step().kind !== "ended");
    expect(outcome(session)).toEqual(reference);
  });

  it.each([1, 77, 4711])("is the same in random slices (seed %i)", (seed) => {
    const session = create(mode);
    for (const instructions of lengths(seed)) if (session.run({ instructions }).kind === "ended") break;
    expect(outcome(session)).toEqual(reference);
  });

  it("is the same from exit to exit", () => {
    const session = create(mode);
    while (session.runToExit().kind !== "ended") session.view();
    expect(outcome(session)).toEqual(reference);
  });

  it("is the same when nobody traces it", () => {
    const session = Session.create({
      core,
      decoder,
      image: imageFor(mode, "hello"),
      name: "hello",
      ...MODES[mode],
      ramBytes: RAM,
      trace: false,
    });
    session.run();
    expect({ ...session.view(), traceCount: 0 }).toEqual({ ...reference.view, traceCount: 0 });
  });

  it("goes back step by step to the same states", () => {
    const session = create(mode);
    const states: MachineView[] = [];
    session.run({ instructions: 3_000 });
    for (let i = 0; i < 30; i++) {
      states.push(session.view());
      session.step();
    }
    for (const state of states.reverse()) {
      session.back();
      expect(session.view()).toEqual(state);
    }
  });

  it("finds a moment again by its counts or its position, backwards and forwards", () => {
    const session = create(mode);
    session.run({ instructions: 1_000 });
    const early = session.view();
    session.run({ instructions: 3_000 });
    const late = session.view();
    for (const state of [early, late, early]) {
      session.seek(state.moment);
      expect(session.view()).toEqual(state);
    }
    session.seek({ instructions: late.moment.instructions, exits: late.moment.exits });
    expect(session.view().moment).toMatchObject({
      instructions: late.moment.instructions,
      exits: late.moment.exits,
    });
  });
});
