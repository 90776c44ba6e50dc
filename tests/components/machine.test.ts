import { describe, expect, it } from "vitest";
import { compileHandler, moduleBody, type Modules } from "../../docs/components/machine/edited-handler.js";
import { exportNameOf } from "../../docs/components/machine/export-name.js";
import { momentOf, sameMoment, withMoment } from "../../docs/components/machine/moment.js";
import { Slices } from "../../src/experiments/slices.js";
import { addDelta, EMPTY_TRACE, KEPT } from "../../docs/components/machine/trace-window.js";
import { exitVerdicts } from "../../docs/components/learning/exit-verdicts.js";
import type { Vcpu } from "../../src/hypervisor/vcpu.js";
import { SHORT, trace, viewOf } from "./fixture.js";

describe("the address of a moment", () => {
  it.each([
    ["#at=812.17", { instructions: 812, exits: 17 }],
    ["#at=812.17.901", { instructions: 812, exits: 17, position: 901 }],
    ["#at=812", null],
    ["#at=-1.2", null],
    ["#at=1e9.2", null],
    ["#the-vmcs", null],
    ["", null],
  ])("%s", (hash, moment) => {
    expect(momentOf(hash)).toEqual(moment);
  });
  it("goes there and back", () => {
    const moment = { instructions: 5, exits: 2, position: 8 };
    expect(momentOf(withMoment("", moment))).toEqual(moment);
    expect(withMoment("#at=1.2", null)).toBe("");
    expect(withMoment("#other=x&at=1.2", moment)).toBe("#other=x&at=5.2.8");
    expect(withMoment("#the-vmcs", moment)).toBe("#at=5.2.8");
  });
  it("compares by position where both have one", () => {
    expect(
      sameMoment({ instructions: 1, exits: 1, position: 3 }, { instructions: 1, exits: 1, position: 4 }),
    ).toBe(false);
    expect(sameMoment({ instructions: 1, exits: 1 }, { instructions: 1, exits: 1, position: 4 })).toBe(true);
    expect(sameMoment({ instructions: 1, exits: 1 }, null)).toBe(false);
  });
});

describe("slices", () => {
  it("finds a budget that fits and shrinks at once", () => {
    let clock = 0;
    let perInstruction = 1e-5;
    const slices = new Slices(8, () => clock);
    const run = (): void => slices.during((instructions) => void (clock += instructions * perInstruction));
    for (let i = 0; i < 30; i++) run();
    expect(slices.budget * perInstruction).toBeCloseTo(8, 0);
    perInstruction = 1e-2;
    run();
    expect(slices.budget * perInstruction).toBeLessThanOrEqual(8.1);
  });
});

describe("the window on a trace", () => {
  const events = trace(SHORT);
  it("grows by what follows", () => {
    const first = addDelta(EMPTY_TRACE, { follows: false, before: -1, events: events.slice(0, 7) }, 2);
    const second = addDelta(first, { follows: true, before: 0, events: events.slice(7) }, 3);
    expect(second).toEqual({ events, before: -1, firstExit: 1 });
  });
  it("is replaced where there is a gap, and counts exits from the right number", () => {
    const window = addDelta(EMPTY_TRACE, { follows: false, before: 0, events: events.slice(8) }, 41);
    expect(window).toMatchObject({ before: 0, firstExit: 41 });
  });
  it("keeps the latest, and the ring before them", () => {
    const many = trace(Array.from({ length: 1000 }, () => SHORT).flat());
    const exits = many.filter(({ kind }) => kind === "VM_EXIT").length;
    const window = addDelta(EMPTY_TRACE, { follows: false, before: -1, events: many }, exits);
    expect(window.events).toHaveLength(KEPT);
    const dropped = many.slice(0, many.length - KEPT);
    expect(window.before).toBe(dropped.at(-1)!.ring);
    expect(window.firstExit).toBe(1 + dropped.filter(({ kind }) => kind === "VM_EXIT").length);
  });
});

describe("edited handlers", () => {
  const path = "src/hypervisor/vtx/exits/cpuid.ts";
  const modules: Modules = { "src/spec/vectors": { PAGE_FAULT: 14 }, "src/hypervisor/vcpu": { default: 7 } };
  const compile = (javascript: string): ReturnType<typeof compileHandler> =>
    compileHandler({ path, exportName: "cpuid", javascript }, modules);
  const call = (javascript: string): unknown => compile(javascript)({} as Vcpu);

  it.each([
    ["export const cpuid = () => 'resume';", "resume"],
    ["export function cpuid() { return 1; }", 1],
    ["const handler = () => 2;\nexport { handler as cpuid };", 2],
    ["import { PAGE_FAULT } from '../../../spec/vectors.js';\nexport const cpuid = () => PAGE_FAULT;", 14],
    ['import { PAGE_FAULT as P } from "../../../spec/vectors.js";\nexport const cpuid = () => P;', 14],
    ["import * as V from '../../../spec/vectors.js';\nexport const cpuid = () => V.PAGE_FAULT;", 14],
    ["import seven from '../../vcpu.js';\nexport const cpuid = () => seven;", 7],
    [
      "import {\n  PAGE_FAULT,\n} from '../../../spec/vectors.js';\nexport const cpuid = () => PAGE_FAULT;",
      14,
    ],
  ])("runs %s", (javascript, result) => {
    expect(call(javascript)).toBe(result);
  });

  it("names the line that throws", () => {
    const handler = compile("\nexport const cpuid = () => {\n  throw new Error('no');\n};");
    let stack = "";
    try {
      handler({} as Vcpu);
    } catch (error) {
      stack = (error as Error).stack ?? "";
    }
    expect(stack).toContain("cpuid.ts:3:9");
  });

  it("keeps line numbers", () => {
    const { body } = moduleBody({
      path,
      javascript: "import { A } from './a.js';\n\nexport const cpuid = 1;",
    });
    expect(body.split("\n")[2]).toContain("const cpuid = 1;");
  });

  it.each([
    ["export const cpuid = (", /does not compile: /],
    ["export const other = () => 1;", /exports no function “cpuid”, only other/],
    ["export const cpuid = 5;", /exports no function “cpuid”/],
    ["throw new Error('no');", /cannot be loaded: Error: no/],
    [
      "import { x } from './secret.js';\nexport const cpuid = () => x;",
      /imports src\/hypervisor\/vtx\/exits\/secret/,
    ],
  ])("says what is wrong with %s", (javascript, message) => {
    expect(() => compile(javascript)).toThrow(message);
  });

  it("finds the export that the exit table wants", () => {
    expect(["CPUID", "IO_INSTRUCTION", "EPT_VIOLATION"].map(exportNameOf)).toEqual([
      "cpuid",
      "ioInstruction",
      "eptViolation",
    ]);
  });
});

describe("verdicts on the predictions", () => {
  const ending = { kind: "power-off", status: 0, message: "" } as const;
  it("are not in before the guest has powered off", () => {
    expect(exitVerdicts(viewOf(), trace(SHORT), true)).toEqual({});
  });
  it("count what the machine counted", () => {
    const verdicts = exitVerdicts(viewOf({ ending }), trace(SHORT), true);
    expect(verdicts.cpuid).toEqual({ happened: true, evidence: "1 exit" });
    expect(verdicts.syscall).toEqual({ happened: false, evidence: "1 call, no exit" });
    expect(verdicts.fault).toEqual({ happened: false, evidence: "1 fault, no exit" });
    expect(verdicts.timer).toEqual({ happened: false, evidence: "1 interrupt, no exit" });
    expect(verdicts.paging?.happened).toBe(false);
  });
});
