/** The built-in guests, built for paravirtualisation, do what their native builds do. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Session } from "../../../src/experiments/session.js";
import { CATALOGUE } from "../../../src/guests/catalogue.js";
import * as H from "../../../src/spec/hypercalls.js";
import * as P from "../../../src/spec/paravirtual.js";
import { builtIn, core } from "../../experiments/guest.js";
import { expected } from "../../guests/support.js";
import { interfaceNumbers } from "./pv-machine.js";

const RAM = 16 * 2 ** 20;
const both = CATALOGUE.filter(({ paravirtual }) => paravirtual !== undefined).map(({ name }) => name);
/** Natively nobody is above. */
const ABOVE = /^above .*$/m;

function runToEnd(name: string, ramBytes = RAM) {
  const session = Session.create({
    core,
    image: builtIn(`${name}.pv`),
    name,
    cpuMode: "pv",
    ramBytes,
    trace: false,
    maxInstructions: 1e8,
  });
  session.run();
  return session.view();
}

describe("a paravirtual build", () => {
  it("is there for the teaching guest and for the processor-bound ones", () => {
    expect(both).toEqual(expect.arrayContaining(["hello", "prime", "sieve", "memory-walk", "fib"]));
  });

  it.each(both)("of %s prints what the native one does, and powers off", { timeout: 120_000 }, (name) => {
    const view = runToEnd(name);
    expect(view.console.replace(ABOVE, "above")).toBe(expected(name).replace(ABOVE, "above"));
    expect(view.ending).toMatchObject({ kind: "power-off", status: 0 });
  });

  it("of hello knows who is above", () => {
    expect(runToEnd("hello").console).toContain("above   Ring-1Ring-1\n");
  });

  it.each([2, 3, 17, 33, 200])("of hello runs with %i MiB of RAM where there is room", (mebibytes) => {
    const view = runToEnd("hello", mebibytes * 2 ** 20);
    // The frames of its heap are at 12 MiB.
    if (mebibytes > 12) expect(view.ending?.kind).toBe("power-off");
    else expect(view.console).toMatch(/the hypervisor refused a page-table update\n$/);
  });

  it("counts hypercalls by name", () => {
    const counts = Object.fromEntries(runToEnd("hello").exits.map(({ name, count }) => [name, count]));
    expect(counts).toMatchObject({
      HYPERCALL_MMU_UPDATE: 1,
      HYPERCALL_UPDATE_MAPPING: 1,
      HYPERCALL_SHUTDOWN: 1,
      MONITOR_SYSCALL: 11,
      PAGE_FAULT: 1,
    });
  });
});

describe("images and modes", () => {
  const create = (image: string, options: Partial<Parameters<typeof Session.create>[0]>) => () =>
    Session.create({ core, image: builtIn(image), name: image, cpuMode: "pv", ramBytes: RAM, ...options });

  it.each([
    ["hello", {}, /"hello" has no paravirtual header .* so --cpu-mode pv cannot run it/],
    ["hello.pv", { cpuMode: "vtx" }, /built for paravirtualisation: run it with --cpu-mode pv/],
    ["hello.pv", { cpuMode: "native" }, /built for paravirtualisation: run it with --cpu-mode pv/],
    ["hello.pv", { memoryMode: "nested" }, /it takes/],
    ["hello", { cpuMode: "vtx", memoryMode: "direct" }, /it takes/],
    ["hello.pv", { modules: [{ bytes: new Uint8Array(1), commandLine: "x" }] }, /takes no modules/],
  ] as const)("%s with %j is refused with a word", (image, options, words) => {
    expect(create(image, options)).toThrow(words);
  });

  it("several processors are refused with a word", () => {
    const session = create("hello.pv", { processors: 2 })();
    expect(session.view().ending?.message).toMatch(/2 processors: a paravirtual guest has one here/);
  });

  it("headers that cannot be right are refused", () => {
    const image = builtIn("hello.pv");
    const changed = (offset: number, value: number): Uint8Array => {
      const bytes = image.slice();
      const view = new DataView(bytes.buffer);
      const sum = view.getUint32(offset, true) + view.getUint32(8, true);
      view.setUint32(offset, value, true);
      if (offset === 4) view.setUint32(8, sum - value, true);
      return bytes;
    };
    const load = (bytes: Uint8Array) => () =>
      Session.create({ core, image: bytes, name: "x", cpuMode: "pv", ramBytes: RAM });
    expect(load(changed(4, 2))).toThrow(/wants version 2 of the paravirtual interface/);
    expect(load(changed(12, 0x10_0010))).toThrow(/which the file of \d+ bytes has not/);
    expect(load(changed(28, 0x80_0000))).toThrow(/entry point 0x800000 is outside/);
    expect(load(changed(32, 0x10_0000))).toThrow(/page tables .* not pages that the image leaves free/);
    expect(load(changed(32, 0x11_0001))).toThrow(/page tables .* not pages that the image leaves free/);
  });
});

it("the guests' numbers are those of the specification", () => {
  const renamed: Record<string, string> = {
    WRITE_MSR_CALL: "WRITE_MSR",
    READ_MSR_CALL: "READ_MSR",
    SWAP_GS_CALL: "SWAP_GS",
  };
  const { PARAVIRTUAL, ...numbers } = interfaceNumbers();
  expect(PARAVIRTUAL).toBe(1);
  const specified: Record<string, unknown> = { ...P, ...H };
  for (const [name, value] of Object.entries(numbers))
    expect([name, value]).toEqual([name, specified[renamed[name] ?? name]]);
  expect(Object.keys(H).length).toBe(21);
});

it("the interface is told in one place: every call has its words", () => {
  const text = readFileSync(new URL("../../../src/spec/hypercalls.ts", import.meta.url), "utf8");
  for (const name of Object.keys(H)) expect(text).toMatch(new RegExp(`\\*/\\nexport const ${name} = \\d+;`));
});
